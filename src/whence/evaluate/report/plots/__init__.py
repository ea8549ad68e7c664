"""Plots of evaluations: plain arrays to Matplotlib figures, and these to SVG for light and dark pages.

One module per kind of plot; ``canvas.svg`` turns a figure into SVG. They need the extra ``[report]``, but for the map.
"""

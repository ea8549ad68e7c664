"""Data sets as they are handed out: one short file per layout, each a photo source of that name.

A layout is called as ``Layout(path, part=None, crs=None, need_position=True)``. Its static ``recognises(path)`` says
whether a folder is one beyond doubt; layouts without it have to be named. ``whence.photos.datasets`` lists the data
sets, and where they are to be had.
"""

"""Positions on the Earth and on local planes: planes, distances, cells, coordinate systems."""

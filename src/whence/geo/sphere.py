"""Positions as directions from the middle of the sphere: no seam at 180 degrees, no poles."""

from __future__ import annotations

import numpy as np

from whence.types import DoubleArray


def on_sphere(points: DoubleArray) -> DoubleArray:
    """``(N, 3)`` unit vectors of ``(N, 2)`` latitudes and longitudes in degrees."""
    lat, lon = np.radians(points).T
    return np.column_stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])


def off_sphere(vectors: DoubleArray) -> DoubleArray:
    """Inverse of ``on_sphere`` for vectors of any length."""
    x, y, z = vectors.T
    return np.asarray(np.degrees(np.column_stack([np.arctan2(z, np.hypot(x, y)), np.arctan2(y, x)])))

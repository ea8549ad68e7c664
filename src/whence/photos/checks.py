"""Positions that no camera can have stood at."""

from __future__ import annotations

import math

from whence.types import XY, LatLon, Position

NULL_ISLAND_DEG = 1e-6
"""A receiver without a fix writes 0,0; nobody photographs within 0.1 m of it."""


def position_problem(position: Position) -> str | None:
    """Why a position cannot be used, in words for the user; None if it can.

    On a local plane every finite position is fine, the origin too.
    """
    if isinstance(position, XY):
        return None if math.isfinite(position.x) and math.isfinite(position.y) else "position is not a finite number"
    return _latlon_problem(position)


def _latlon_problem(position: LatLon) -> str | None:
    if not (math.isfinite(position.lat) and math.isfinite(position.lon)):
        return "position is not a finite number"
    if abs(position.lat) > 90:
        return f"latitude {position.lat:g} is out of range (-90 to 90)"
    if abs(position.lon) > 180:
        return f"longitude {position.lon:g} is out of range (-180 to 180)"
    if abs(position.lat) < NULL_ISLAND_DEG and abs(position.lon) < NULL_ISLAND_DEG:
        return "position is 0,0"
    return None

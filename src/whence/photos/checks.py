"""Positions that no camera can have stood at."""

from __future__ import annotations

import math

from whence.types import XY, LatLon, Position

NULL_ISLAND_DEG = 1e-6
"""A receiver without a fix writes 0,0; nobody photographs within 0.1 m of it."""

PLANE_M = 1e8
"""More than twice around the Earth: no plan is as large."""


def position_problem(position: Position) -> str | None:
    """Why a position cannot be used, in words for the user; None if it can.

    On a local plane every position within reason is fine, the origin too.
    """
    if isinstance(position, XY):
        if not (math.isfinite(position.x) and math.isfinite(position.y)):
            return "position is not a finite number"
        far = max(abs(position.x), abs(position.y)) > PLANE_M
        return f"x, y of {position.x:g}, {position.y:g} are no metres on a plan" if far else None
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

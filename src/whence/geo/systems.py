"""Projected coordinate systems (EPSG codes) to WGS84, and back."""

from __future__ import annotations

import math
from functools import cache
from typing import Any, NamedTuple

from whence.errors import InputError
from whence.types import XY, LatLon

_SAME_DEG = 1e-6
"""A position that comes back from a system within this was inside of what the system can say."""


def check_epsg(code: str) -> str:
    """``EPSG:n`` in capitals.

    Raises:
        InputError: No such system, or one without positions on a map (vertical, geocentric).
    """
    from pyproj import CRS

    _transformer(code.upper())
    system = CRS.from_user_input(code.upper())
    if not (system.is_projected or system.is_geographic):
        raise InputError(f"{code.upper()} ({system.name}) has no x and y on a map; expected a code such as EPSG:32633")
    return code.upper()


def to_wgs84(code: str, x: float, y: float) -> LatLon:
    """A position of a projected system, x east and y north, in degrees; not a number outside its area of use.

    East and north also where the system counts westward and southward, as EPSG:2048 does: there x and y are its
    numbers with the sign turned.
    """
    east, north = _axes(code)
    numbers = [0.0, 0.0]
    numbers[east.index], numbers[north.index] = east.sign * x, north.sign * y
    lon, lat = _transformer(code).transform(*numbers)
    return LatLon(lat, lon) if math.isfinite(lat) and math.isfinite(lon) else LatLon(math.nan, math.nan)


def check_projected(code: str) -> str:
    """``check_epsg`` for results: only systems with lengths, as radii and rounding are in lengths too.

    Raises:
        InputError: No such system, or one of angles.
    """
    from pyproj import CRS

    code = check_epsg(code)
    system = CRS.from_user_input(code)
    if not system.is_projected:
        raise InputError(
            f"{code} ({system.name}) has latitudes and longitudes; expected wgs84 or "
            "a projected system such as EPSG:32633"
        )
    return code


def from_wgs84(code: str, position: LatLon) -> XY:
    """A position in a projected system, x east and y north, in its unit; not a number where it cannot say it."""
    east, north = _axes(code)
    numbers = _transformer(code).transform(position.lon, position.lat, direction="INVERSE")
    x, y = east.sign * numbers[east.index], north.sign * numbers[north.index]
    if not (math.isfinite(x) and math.isfinite(y)):
        return XY(math.nan, math.nan)
    back = to_wgs84(code, x, y)
    off = max(abs(back.lat - position.lat), abs((back.lon - position.lon + 180) % 360 - 180))
    return XY(x, y) if off <= _SAME_DEG else XY(math.nan, math.nan)


class _Axis(NamedTuple):
    """Which of a transformer's two numbers speaks of a direction, and its sign along it."""

    index: int
    sign: float


@cache
def _axes(code: str) -> tuple[_Axis, _Axis]:
    """Where east and north are. ``always_xy`` brings north, east into order, but turns nothing round."""
    directions = [axis.direction for axis in _transformer(code).source_crs.axis_info[:2]]
    east = [_Axis(index, 1 if way == "east" else -1) for index, way in enumerate(directions) if way in ("east", "west")]
    north = [
        _Axis(index, 1 if way == "north" else -1) for index, way in enumerate(directions) if way in ("north", "south")
    ]
    if len(east) == len(north) == 1:
        return east[0], north[0]
    return _Axis(0, 1), _Axis(1, 1)  # around a pole, where every way leads south or north


@cache
def _transformer(code: str) -> Any:
    from pyproj import Transformer
    from pyproj.exceptions import CRSError, ProjError

    try:
        return Transformer.from_crs(code, "EPSG:4326", always_xy=True)
    except CRSError as error:
        raise InputError(
            f"no coordinate system {code!r}; expected local, wgs84 or a code such as EPSG:32633"
        ) from error
    except ProjError as error:  # PROJ knows it, but not how to convert from it: some that count north and west
        raise InputError(
            f"{code} cannot be converted to latitude and longitude; expected a code such as EPSG:32633"
        ) from error

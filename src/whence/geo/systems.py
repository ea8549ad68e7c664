"""Projected coordinate systems (EPSG codes) to WGS84, and back."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

from whence.errors import InputError
from whence.types import XY, LatLon

_SAME_DEG = 1e-6
"""A position that comes back from a system within this was inside of what the system can say."""
_WAYS = {"east": ("east", 1), "west": ("east", -1), "north": ("north", 1), "south": ("north", -1)}


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
    (east, east_sign), (north, north_sign) = _axes(code)
    numbers = [0.0, 0.0]
    numbers[east], numbers[north] = x * east_sign, y * north_sign
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
    (east, east_sign), (north, north_sign) = _axes(code)
    numbers = _transformer(code).transform(position.lon, position.lat, direction="INVERSE")
    x, y = numbers[east] * east_sign, numbers[north] * north_sign
    if not (math.isfinite(x) and math.isfinite(y)):
        return XY(math.nan, math.nan)
    back = to_wgs84(code, x, y)
    off = max(abs(back.lat - position.lat), abs((back.lon - position.lon + 180) % 360 - 180))
    return XY(x, y) if off <= _SAME_DEG else XY(math.nan, math.nan)


@cache
def _axes(code: str) -> tuple[tuple[int, int], tuple[int, int]]:
    """East's place among the two numbers of a transformer and its sign there; and north's.

    ``always_xy`` puts east before north where both are so called, but turns nothing round.
    """
    found: dict[str, tuple[int, int]] = {}
    for index, axis in enumerate(_transformer(code).source_crs.axis_info[:2]):
        way, sign = _WAYS.get(axis.direction, (axis.direction, 1))
        found[way] = (index, sign)
    if found.keys() == {"east", "north"}:
        return found["east"], found["north"]
    return (0, 1), (1, 1)  # around a pole, where both ways lead south or north


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

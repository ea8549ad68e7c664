"""Projected coordinate systems (EPSG codes) to WGS84."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

from whence.errors import InputError
from whence.types import LatLon


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
    """A position of a projected system, x east and y north, in degrees; not a number outside its area of use."""
    lon, lat = _transformer(code).transform(x, y)
    return LatLon(lat, lon) if math.isfinite(lat) and math.isfinite(lon) else LatLon(math.nan, math.nan)


@cache
def _transformer(code: str) -> Any:
    from pyproj import Transformer
    from pyproj.exceptions import CRSError

    try:
        return Transformer.from_crs(code, "EPSG:4326", always_xy=True)
    except CRSError as error:
        raise InputError(
            f"no coordinate system {code!r}; expected local, wgs84 or a code such as EPSG:32633"
        ) from error

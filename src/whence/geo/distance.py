"""Distances and bearings on the WGS84 ellipsoid, and on local planes."""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from whence.geo.plane import coordinates
from whence.types import Crs, DoubleArray, LatLon, Position

if TYPE_CHECKING:
    from collections.abc import Sequence


COMPASS = ("north", "north-east", "east", "south-east", "south", "south-west", "west", "north-west")


def direction(bearing_deg: float) -> str:
    """The nearest of eight compass points.

    >>> direction(44), direction(359)
    ('north-east', 'north')
    """
    return COMPASS[round(bearing_deg / 45) % 8]


def moved(start: LatLon, bearing_deg: float, metres: float) -> LatLon:
    """The position so many metres away in a direction."""
    lon, lat, _ = geod().fwd(start.lon, start.lat, bearing_deg, metres)
    return LatLon(float(lat), float(lon))


def offset(start: Position, end: Position) -> tuple[float, float]:
    """Distance in metres from ``start`` to ``end``, and the bearing there in degrees clockwise from north (or from +y).

    Geodesic on the ellipsoid; not a number where a coordinate is none.

    Raises:
        InputError: One in degrees, the other in metres.
    """
    pairs = coordinates([start, end])
    if not np.isfinite(pairs).all():
        return math.nan, math.nan
    if not isinstance(start, LatLon):
        east, north = (pairs[1] - pairs[0]).tolist()
        return math.hypot(east, north), math.degrees(math.atan2(east, north)) % 360
    (lat0, lon0), (lat1, lon1) = pairs.tolist()
    bearing, _, metres = geod().inv(lon0, lat0, lon1, lat1)
    return float(metres), float(bearing) % 360


def distances_m(origin: Position, others: Sequence[Position]) -> DoubleArray:
    """``(N,)`` metres from one position to others: geodesic, or straight on a local plane."""
    return np.array([offset(origin, other)[0] for other in others], dtype=np.float64)


def metres_from(origin: Position, coords: DoubleArray) -> DoubleArray:
    """``distances_m`` for ``(N, 2)`` coordinates, all at once."""
    if not isinstance(origin, LatLon):
        return np.asarray(np.hypot(*(coords - (origin.x, origin.y)).T))
    if not len(coords):  # which PROJ does not take
        return np.zeros(0)
    lat, lon = coords.T
    _, _, metres = geod().inv(np.full(len(lon), origin.lon), np.full(len(lat), origin.lat), lon, lat)
    return np.asarray(metres, dtype=np.float64)


def near(origin: Position, coords: DoubleArray, radius_m: float) -> NDArray[np.bool_]:
    """``(N,)``: which of ``(N, 2)`` coordinates lie within a radius, the rim included; as ``metres_from`` has it.

    Geodesics take a microsecond each, so that they are only drawn to what lies near enough to the same latitude.
    """
    if not isinstance(origin, LatLon):
        return np.asarray(metres_from(origin, coords) <= radius_m)
    found = np.abs(coords[:, 0] - origin.lat) * _LEAST_DEGREE_M <= radius_m
    rows = np.flatnonzero(found)
    found[rows] = metres_from(origin, coords[rows]) <= radius_m
    return np.asarray(found)


_LEAST_DEGREE_M = 110_500.0
"""No degree of latitude is shorter."""
EARTH_M = 6_371_008.8
"""Mean radius (IUGG)."""


def equirectangular_m(first: DoubleArray, second: DoubleArray) -> DoubleArray:
    """``(N,)`` metres between ``(N, 2)`` latitudes and longitudes by the equirectangular approximation on a sphere.

    What some publications report; good to half a per cent over a city, and nonsense across an ocean. For figures that
    are to be compared with theirs; all else here is geodesic.
    """
    lat, lon = np.radians(first).T
    other_lat, other_lon = np.radians(second).T
    turn = (other_lon - lon + np.pi) % (2 * np.pi) - np.pi
    return np.asarray(EARTH_M * np.hypot(turn * np.cos((lat + other_lat) / 2), other_lat - lat))


def offsets_m(first: DoubleArray, second: DoubleArray, crs: Crs) -> DoubleArray:
    """``(N, 2)`` metres east and north from ``(N, 2)`` coordinates to others: along the geodesic, in the direction in
    which it sets out, or straight on a local plane."""
    if crs is Crs.LOCAL or not len(first):
        return np.asarray(second - first)
    bearing, _, metres = geod().inv(first[:, 1], first[:, 0], second[:, 1], second[:, 0])
    return np.column_stack([metres * np.sin(np.radians(bearing)), metres * np.cos(np.radians(bearing))])


@cache
def geod() -> Any:
    """Geodesics on the WGS84 ellipsoid (a ``pyproj.Geod``)."""
    from pyproj import Geod

    return Geod(ellps="WGS84")

"""Circles on the Earth as polygons for maps, right at the poles and where longitudes jump from 180 to -180."""

from __future__ import annotations

import math

import numpy as np

from whence.geo.distance import geod
from whence.types import DoubleArray, LatLon

WIDEST_M = 9_900_000.0
"""A bit less than from a pole to the equator: a wider circle could hold both poles, and no polygon shows that."""

POINTS = 64


def circle(centre: LatLon, radius_m: float, points: int = POINTS) -> list[DoubleArray]:
    """Rings around everything within ``radius_m`` of the centre.

    The corners are ``radius_m`` away along the ellipsoid. A circle that lies across the antimeridian is two rings, one
    on each side, as RFC 7946 wants; one that holds a pole runs along the map's edge as well.

    Args:
        centre: Middle of the circle.
        radius_m: Metres.
        points: Corners of the polygon.

    Returns:
        Closed rings, each ``(N, 2)`` longitude and latitude in degrees, counter-clockwise on the map. None if the
        radius is not above 0, not finite or more than ``WIDEST_M``.
    """
    if not (math.isfinite(centre.lat) and math.isfinite(centre.lon) and 0 < radius_m <= WIDEST_M):
        return []
    # The other way round than bearings run. Half a step off north: no corner falls onto a pole.
    bearings = -(np.arange(points) + 0.5) * 360 / points
    full = np.full(points, 1.0)
    lon, lat, _ = geod().fwd(full * centre.lon, full * centre.lat, bearings, full * radius_m)
    steps = (np.diff(lon, append=lon[0]) + 180) % 360 - 180  # the short way round
    unrolled = lon[0] + np.concatenate([[0.0], np.cumsum(steps)])
    ring = np.column_stack([unrolled, np.append(lat, lat[0])])
    turn = unrolled[-1] - unrolled[0]
    if abs(turn) < 180:
        ring[-1] = ring[0]  # to the last bit
    else:  # once around a pole: counter-clockwise seen from above is eastwards around the north pole
        pole = 90.0 if turn > 0 else -90.0
        ring = np.vstack([ring, [ring[-1, 0], pole], [ring[0, 0], pole], ring[:1]])
    shifted = (ring + np.array([shift, 0.0]) for shift in (-360.0, 0.0, 360.0))
    return [part for moved in shifted if len(part := _within_map(moved))]


def _within_map(ring: DoubleArray) -> DoubleArray:
    """The part of a closed ring between longitudes -180 and 180 (Sutherland and Hodgman); empty without area."""
    for sign in (1.0, -1.0):
        inside = sign * ring[:, 0] <= 180
        if inside.all():
            continue
        kept: list[DoubleArray] = []
        for start, end, starts, ends in zip(ring, ring[1:], inside, inside[1:], strict=False):
            if starts:
                kept.append(start)
            if starts != ends:
                share = (sign * 180 - start[0]) / (end[0] - start[0])
                kept.append(np.array([sign * 180, start[1] + share * (end[1] - start[1])]))
        if len(kept) < 3:
            return np.empty((0, 2))
        ring = np.array([*kept, kept[0]])
    return ring if np.ptp(ring[:, 0]) > 0 else np.empty((0, 2))

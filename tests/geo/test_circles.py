"""Circles as polygons: right everywhere on the Earth, on maps that stop at 180 degrees too."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod

from whence.geo.circles import WIDEST_M, circle
from whence.types import DoubleArray, LatLon

GEOD = Geod(ellps="WGS84")


def inside(rings: list[DoubleArray], lon: float, lat: float) -> bool:
    """Whether a point of the map is in one of the rings: crossings of a ray, on the map as it is drawn."""
    crossings = 0
    for ring in rings:
        (x0, y0), (x1, y1) = ring[:-1].T, ring[1:].T
        crossed = (y0 > lat) != (y1 > lat)
        with np.errstate(divide="ignore", invalid="ignore"):
            crossings += int((crossed & (lon < x0 + (lat - y0) / (y1 - y0) * (x1 - x0))).sum())
    return crossings % 2 == 1


def area(ring: DoubleArray) -> float:
    (x0, y0), (x1, y1) = ring[:-1].T, ring[1:].T
    return float((x0 * y1 - x1 * y0).sum() / 2)


@given(
    lat=st.floats(-90, 90),
    lon=st.floats(-180, 180),
    radius_m=st.floats(1, 2e6),
    bearing=st.floats(0, 360),
    share=st.one_of(st.floats(0, 0.9), st.floats(1.02, 1.5)),
)
def test_a_circle_holds_what_is_near_and_nothing_else(
    lat: float, lon: float, radius_m: float, bearing: float, share: float
) -> None:
    rings = circle(LatLon(lat, lon), radius_m)
    assert 1 <= len(rings) <= 2
    for ring in rings:
        assert np.isfinite(ring).all()
        assert np.abs(ring[:, 0]).max() <= 180
        assert np.abs(ring[:, 1]).max() <= 90
        assert ring[0].tolist() == ring[-1].tolist()
        assert area(ring) > 0  # counter-clockwise
    to_lon, to_lat, _ = GEOD.fwd(lon, lat, bearing, share * radius_m)
    edge = min(180 - abs(to_lon), 90 - abs(to_lat)) < 1e-3  # on the very edge of the map sides are a matter of rounding
    # Straight lines on a map are no straight lines on the Earth, the less the nearer to a pole.
    bent = radius_m > 1e5 and 90 - abs(lat) < 5 + 2 * math.degrees(radius_m / 6.3e6)
    if not (edge or bent):
        assert inside(rings, to_lon, to_lat) == (share < 1)


@pytest.mark.parametrize("lat", [90.0, -90.0, 89.95, -89.95])
def test_a_pole_is_inside(lat: float) -> None:
    rings = circle(LatLon(lat, 33.0), 20_000)
    for lon in (-170.0, -90.0, 1.0, 100.0, 179.0):
        assert inside(rings, lon, math.copysign(89.999, lat))
        assert not inside(rings, lon, math.copysign(89.5, lat))


def test_across_the_antimeridian_are_two_rings() -> None:
    west, east = circle(LatLon(-17.0, 179.999), 500), circle(LatLon(-17.0, -179.999), 500)
    assert len(west) == len(east) == 2
    for rings in (west, east):
        assert inside(rings, 179.9999, -17.0)
        assert inside(rings, -179.9999, -17.0)
        assert not inside(rings, 0.0, -17.0)
    assert len(circle(LatLon(-17.0, 179.9), 500)) == 1


@pytest.mark.parametrize("radius_m", [0.0, -1.0, math.nan, math.inf, WIDEST_M * 1.01])
def test_no_circle(radius_m: float) -> None:
    assert circle(LatLon(1.0, 2.0), radius_m) == []
    assert circle(LatLon(math.nan, 2.0), 10) == []

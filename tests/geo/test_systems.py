"""Coordinate systems of authorities that count westward or southward: x is east and y is north all the same."""

from __future__ import annotations

import math

import pytest

from whence.errors import InputError
from whence.geo.distance import offset
from whence.geo.systems import check_epsg, from_wgs84, to_wgs84
from whence.types import LatLon


def meridian_m(lat: float) -> float:
    """Metres from the equator along a meridian of WGS84, by summing short arcs."""
    a, e2, steps = 6_378_137.0, 0.00669437999014, 100_000
    middles = ((step + 0.5) * math.radians(lat) / steps for step in range(steps))
    return math.fsum(a * (1 - e2) / (1 - e2 * math.sin(phi) ** 2) ** 1.5 for phi in middles) * math.radians(lat) / steps


def test_south_africa() -> None:
    """Lo19 is transverse Mercator about 19 E from the equator, scale 1, no false origin; its datum is WGS84's."""
    here = from_wgs84("EPSG:2048", LatLon(-33.9, 19.0))
    assert here.x == pytest.approx(0, abs=0.01)
    assert here.y == pytest.approx(-meridian_m(33.9), abs=0.01)
    west = from_wgs84("EPSG:2048", LatLon(-33.9, 18.5))
    across_m = (
        math.radians(0.5)
        * 6_378_137
        * math.cos(math.radians(33.9))
        / math.sqrt(1 - 0.00669437999014 * math.sin(math.radians(33.9)) ** 2)
    )
    assert west.x == pytest.approx(-across_m, abs=2)  # along the parallel; the chart is a little wider
    assert to_wgs84("EPSG:2048", 0.0, -meridian_m(33.9)).lat == pytest.approx(-33.9, abs=1e-7)


def test_the_two_krovaks_are_one() -> None:
    """EPSG:5513 counts south and west, 5514 east and north, of the same projection."""
    prague = LatLon(50.08, 14.42)
    southwest, northeast = from_wgs84("EPSG:5513", prague), from_wgs84("EPSG:5514", prague)
    assert (southwest.x, southwest.y) == pytest.approx((northeast.x, northeast.y), abs=1e-3)
    assert southwest.x < 0


@pytest.mark.parametrize(
    ("code", "lat", "lon"),
    [
        ("EPSG:2048", -33.9, 18.5),  # west, south
        ("EPSG:5513", 50.08, 14.42),  # south, west
        ("EPSG:2065", 50.08, 14.42),
        ("EPSG:2193", -41.0, 174.0),  # north, east
        ("EPSG:32633", 45.4, 12.3),  # east, north
        ("EPSG:32661", 85.0, 10.0),  # around a pole, from the side where it lies up the chart
        ("EPSG:3031", -75.0, 10.0),
    ],
)
def test_moving_east_raises_x_and_moving_north_y(code: str, lat: float, lon: float) -> None:
    here, east, north = (
        from_wgs84(code, LatLon(lat + up, lon + right)) for up, right in ((0, 0), (0, 0.01), (0.01, 0))
    )
    assert east.x > here.x
    assert north.y > here.y
    assert offset(to_wgs84(code, here.x, here.y), LatLon(lat, lon))[0] < 0.01


@pytest.mark.parametrize("code", ["EPSG:2218", "EPSG:2299"])
def test_a_system_that_cannot_be_converted(code: str) -> None:
    with pytest.raises(InputError, match=rf"^{code} cannot be converted to latitude and longitude"):
        check_epsg(code)

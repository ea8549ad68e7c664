"""Which photos meet conditions on place and time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from whence.errors import InputError
from whence.gallery.summary import west_east
from whence.gallery.where import Where
from whence.geo.distance import distances_m
from whence.types import Crs, LatLon

LATS, LONS = st.floats(-90, 90), st.floats(-180, 180)
PLACES = st.lists(st.tuples(LATS, LONS), min_size=1, max_size=20)


def met(where: Where, places: list[tuple[float, float]], crs: Crs = Crs.WGS84) -> list[bool]:
    times = np.full(len(places), np.datetime64("NaT"), "datetime64[us]")
    return list(where.mask(crs, np.array(places, np.float64).reshape(-1, 2), times))


def met_times(where: Where, *times: str) -> list[bool]:
    stored = np.array(times, "datetime64[us]")
    return list(where.mask(Crs.WGS84, np.zeros((len(times), 2)), stored))


@given(PLACES, LATS, LONS, st.floats(1, 2.1e7))
def test_near_is_the_geodesic_distance(
    places: list[tuple[float, float]], lat: float, lon: float, radius: float
) -> None:
    distances = distances_m(LatLon(lat, lon), [LatLon(*place) for place in places])
    assert met(Where(near=(lat, lon), radius_m=radius), places) == (distances <= radius).tolist()


def test_near_works_at_the_pole_and_across_the_antimeridian() -> None:
    assert met(Where.parse("89.9,0", radius_km=30), [(89.9, 180), (89.9, 90), (89.5, 0)]) == [True, True, False]
    assert met(Where.parse("-17,179.99", radius_km=5), [(-17, -179.98), (-17, 179.9)]) == [True, False]


def test_near_is_straight_on_a_plane() -> None:
    assert met(Where.parse("1,2", radius_m=5), [(4, 6), (4.1, 6), (1000, 2)], Crs.LOCAL) == [True, False, False]
    assert met(Where.parse("1,2", radius_km=1), [(1001, 2), (1002, 2)], Crs.LOCAL) == [True, False]


@given(PLACES, LATS, LONS, LATS, LONS)
def test_two_boxes_side_by_side_hold_all_around(
    places: list[tuple[float, float]], a: float, west: float, b: float, east: float
) -> None:
    south, north = min(a, b), max(a, b)
    one, other = met(Where(box=(south, west, north, east)), places), met(Where(box=(south, east, north, west)), places)
    inside = [south <= lat <= north for lat, _ in places]
    assert [x or y for x, y in zip(one, other, strict=True)] == inside or west == east
    assert met(Where(box=(south, -180, north, 180)), places) == inside


def test_a_box_across_the_antimeridian() -> None:
    places = [(-17.0, 179.5), (-17.0, -179.5), (-17.0, 0.0), (-17.0, 180.0), (-17.0, -180.0), (-30.0, 179.5)]
    assert met(Where.parse(bbox="-20,179,-10,-179"), places) == [True, True, False, True, True, False]
    assert met(Where.parse(bbox="-20,179,-10,180"), places) == [True, False, False, True, True, False]


def test_a_box_on_a_plane_is_two_corners() -> None:
    box = Where.parse(bbox="0,10,5,20")
    assert met(box, [(0, 10), (5, 20), (6, 15), (3, 9)], Crs.LOCAL) == [True, True, False, False]


def test_bounds_of_time_are_included_and_a_date_is_a_whole_day() -> None:
    where = Where.parse(since="2024-05-01", until="2024-05-02")
    times = ("2024-04-30T23:59:59", "2024-05-01", "2024-05-02T23:59:59.5", "2024-05-03", "NaT")
    assert met_times(where, *times) == [False, True, True, False, False]
    assert met_times(Where.parse(until="2024-05-01T12:00"), "2024-05-01T12:00", "2024-05-01T12:00:01") == [True, False]


def test_a_bound_with_a_zone_is_turned_into_utc() -> None:
    where = Where(since=datetime(2024, 5, 1, 2, tzinfo=timezone(timedelta(hours=2))), until=datetime(2024, 5, 1, 1))
    assert met_times(where, "2024-04-30T23:59", "2024-05-01T00:00", "2024-05-01T01:01") == [False, True, False]
    assert Where.parse(since="2024-05-01T00:00Z").since == datetime(2024, 5, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"near": "1,2"}, "--radius"),
        ({"radius_km": 3}, "--near"),
        ({"near": "1", "radius_m": 3}, "A,B"),
        ({"near": "1,x", "radius_m": 3}, "A,B"),
        ({"near": "nan,2", "radius_m": 3}, "A,B"),
        ({"near": "1,2", "radius_m": 0}, "above 0"),
        ({"near": "1,2", "radius_m": 1, "radius_km": 1}, "one of them"),
        ({"near": "95,2", "radius_m": 3}, "no latitude"),
        ({"bbox": "1,2,3"}, "S,W,N,E"),
        ({"bbox": "5,2,3,4"}, "ends before it begins"),
        ({"bbox": "1,2,3,400"}, "no latitude"),
        ({"since": "yesterday"}, "2024-05-01"),
        ({"since": "2024-05-02", "until": "2024-05-01"}, "later than"),
    ],
)
def test_what_makes_no_sense_is_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        met(Where.parse(**given), [(0, 0)])


def test_no_condition_is_met_by_all() -> None:
    assert not Where.parse()
    assert Where.parse(since="2024-05-01")
    assert met(Where(), [(1, 2), (3, 4)]) == [True, True]


@pytest.mark.parametrize(
    ("longitudes", "extent"),
    [([10, 20, 5], (5, 20)), ([179, -179, 178], (178, -179)), ([7], (7, 7)), ([-90, 90], (-90, 90))],
)
def test_the_extent_goes_the_short_way_round(longitudes: list[float], extent: tuple[float, float]) -> None:
    assert west_east(np.array(longitudes, np.float64)) == extent

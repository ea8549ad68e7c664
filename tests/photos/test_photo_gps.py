"""The GPS block: every way that cameras have found to write it."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL.TiffImagePlugin import IFDRational

from whence.photos import gps
from whence.types import LatLon

UNSET = IFDRational(0, 0)


def block(lat: Any = (43, 28, 2.814), north: Any = "N", lon: Any = (11, 53, 6.456), east: Any = "E") -> dict[int, Any]:
    tags = {1: north, 2: lat, 3: east, 4: lon}
    return {tag: value for tag, value in tags.items() if value is not None}


def near(lat: float, lon: float) -> Any:
    return pytest.approx((lat, lon), abs=1e-9)


def found(tags: dict[int, Any]) -> tuple[float, float]:
    position, problem = gps.position(tags)
    assert problem == ""
    assert position is not None
    return position.lat, position.lon


def problem(tags: dict[int, Any]) -> str:
    position, reason = gps.position(tags)
    assert position is None
    assert reason
    return reason


LAT, LON = 43 + 28 / 60 + 2.814 / 3600, 11 + 53 / 60 + 6.456 / 3600


@pytest.mark.parametrize("north", ["N", "n", b"N", b"N\0", "N\0\0", " N ", "North"])
@pytest.mark.parametrize("east", ["E", "e", b"E\0", "E\0", "east"])
def test_north_east(north: Any, east: Any) -> None:
    assert found(block(north=north, east=east)) == near(LAT, LON)


@pytest.mark.parametrize("south", ["S", "s", b"S\0", "S\0"])
@pytest.mark.parametrize("west", ["W", "w", b"W", " W\0"])
def test_south_west(south: Any, west: Any) -> None:
    assert found(block(north=south, east=west)) == near(-LAT, -LON)


@pytest.mark.parametrize(
    ("value", "degrees"),
    [
        ((IFDRational(43), IFDRational(30), IFDRational(0)), 43.5),
        ((43.5,), 43.5),
        (43.5, 43.5),
        (IFDRational(87, 2), 43.5),
        ((43.5, 0, 0), 43.5),
        ((43, 30), 43.5),
        ((43, 30.6), 43.51),
        ((43, 30.6, 0), 43.51),
        ((43, 30, UNSET), 43.5),
        ((43, 29, 60), 43.5),
        ((42, 60.0), 43.0),
        ([43, 30, 0], 43.5),
    ],
)
def test_degrees(value: Any, degrees: float) -> None:
    assert found(block(lat=value))[0] == pytest.approx(degrees, abs=1e-12)


@pytest.mark.parametrize(
    "value",
    [
        (UNSET, 30, 0),
        (43, UNSET, 0),
        (43, UNSET, UNSET),
        (UNSET, UNSET, UNSET),
        (43, 60, 0),
        (43, 30, 60.5),
        (43, 60.5),
        (43, True, 0),
        True,
        (43, -30, 0),
        (1, 2, 3, 4),
        (),
        (math.nan, 0, 0),
        (math.inf, 0, 0),
        ("43", "28", "2"),
        "43.5",
        b"\x2b",
        None,
        {},
        ((43, 1), (28, 1), (2, 1)),
    ],
)
def test_broken_degrees(value: Any) -> None:
    tags = block()
    tags[2] = value
    assert problem(tags).startswith("GPS latitude is broken")


def test_signs_in_place_of_letters() -> None:
    assert found(block(lat=-33.5, north=None, lon=151.25, east=None)) == near(-33.5, 151.25)
    assert found(block(lat=37.75, north="", lon=(-122, 30), east="\0")) == near(37.75, -122.5)
    assert found(block(lat=(-33, -30, -36), north=None)) == near(-33.51, LON)
    assert found(block(lat=(0, -30, 0), north=None)) == near(-0.5, LON)
    assert found(block(lat=-33.5, north="S")) == near(-33.5, LON)


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ({}, "no GPS position"),
        ({0: b"\2\2\0\0", 29: "2020:01:01"}, "no GPS position"),
        (block(lat=None), "GPS position has no latitude"),
        (block(lon=None), "GPS position has no longitude"),
        (block(north=None), "GPS latitude does not say whether it is N or S"),
        (block(east=" "), "GPS longitude does not say whether it is E or W"),
        (block(north="E"), "GPS latitude is broken: marked 'E', expected N or S"),
        (block(east=7), "GPS longitude does not say whether it is E or W"),
        (block(lat=-33.5, north="N"), "GPS latitude is broken: negative, but marked N"),
        (block(lat=0, lon=(0, 0, 0)), "GPS position is 0,0"),
        (block(lat=91), "GPS latitude 91 is out of range (-90 to 90)"),
        (block(lon=200, east="W"), "GPS longitude -200 is out of range (-180 to 180)"),
    ],
)
def test_reason(tags: dict[int, Any], reason: str) -> None:
    assert problem(tags) == reason


@pytest.mark.parametrize(
    ("height", "reference", "expected"),
    [
        (340.0, b"\0", 340.0),
        (340.0, None, 340.0),
        (IFDRational(34, 10), 0, 3.4),
        (12, b"\1", -12.0),
        (12, 1, -12.0),
        (12, "\1", -12.0),
        (12, "1", -12.0),
        (12, b"1", -12.0),
        (-12, 1, -12.0),
        (-12, 0, -12.0),
        (12, b"\2", 12.0),
        (12, b"\3", -12.0),
        (UNSET, b"\0", None),
        (4294967295, b"\0", None),
        ("high", b"\0", None),
        (None, b"\1", None),
    ],
)
def test_altitude(height: Any, reference: Any, expected: float | None) -> None:
    assert gps.altitude_m({5: reference, 6: height}) == expected


@pytest.mark.parametrize(
    ("value", "heading"),
    [(291.39, 291.39), (0, 0.0), (360, 0.0), (361, None), (-1, None), (UNSET, None), ("N", None), (None, None)],
)
def test_heading(value: Any, heading: float | None) -> None:
    assert gps.heading_deg({16: "M", 17: value}) == heading


@pytest.mark.parametrize(("value", "accuracy"), [(4.5, 4.5), (0, None), (-1, None), (UNSET, None), (1e9, None)])
def test_accuracy(value: Any, accuracy: float | None) -> None:
    assert gps.accuracy_m({31: value}) == accuracy


@pytest.mark.parametrize(
    ("day", "clock", "expected"),
    [
        ("2008:10:23", (14, 27, 7.25), datetime(2008, 10, 23, 14, 27, 7, 250_000, UTC)),
        (b"2008-10-23\0", (0, 0, 0), datetime(2008, 10, 23, tzinfo=UTC)),
        ("2016:12:31", (23, 59, 60), datetime(2017, 1, 1, tzinfo=UTC)),
        ("2008:10:23", (24, 0, 0), None),
        ("2008:10:23", (14, 27), None),
        ("2008:10:23", (14, 27, UNSET), None),
        ("2008:10:23", None, None),
        ("2008:10:23", "14:27:07", None),
        ("0000:00:00", (0, 0, 0), None),
        ("9999:12:31", (23, 59, 60), None),
        ("", (14, 27, 7), None),
        (None, (14, 27, 7), None),
    ],
)
def test_time_is_utc(day: Any, clock: Any, expected: datetime | None) -> None:
    assert gps.time_utc({29: day, 7: clock}) == expected


rationals = st.builds(IFDRational, st.integers(-(2**31), 2**32 - 1), st.integers(0, 2**32 - 1))
numbers = st.integers() | st.floats() | rationals
words = st.text("NSEW0123456789:.- \0", max_size=10)
scalars = st.none() | numbers | words | words.map(str.encode) | st.booleans()
values = scalars | st.lists(scalars, max_size=4).map(tuple) | st.lists(numbers, min_size=1, max_size=3).map(tuple)


@given(st.dictionaries(st.sampled_from([1, 2, 3, 4, 5, 6, 7, 17, 29, 31]), values))
def test_nothing_raises(tags: dict[int, Any]) -> None:
    position, reason = gps.position(tags)
    assert (position is None) == bool(reason)
    for read in (gps.altitude_m, gps.heading_deg, gps.accuracy_m):
        value = read(tags)
        assert value is None or math.isfinite(value)
    gps.time_utc(tags)


@given(st.tuples(rationals, rationals, rationals), st.sampled_from("NS"), st.tuples(rationals), st.sampled_from("EW"))
def test_what_is_read_is_on_the_globe(lat: Any, north: str, lon: Any, east: str) -> None:
    position, reason = gps.position(block(lat, north, lon, east))
    if not reason:
        assert position is not None
        assert -90 <= position.lat <= 90
        assert -180 <= position.lon <= 180


@given(st.floats(-90, 90), st.floats(-180, 180))
def test_round_trip(lat: float, lon: float) -> None:
    tags = block(abs(lat), "S" if lat < 0 else "N", (abs(lon), 0, 0), "W" if lon < 0 else "E")
    position, reason = gps.position(tags)
    assert position == LatLon(lat, lon) or reason == "GPS position is 0,0"

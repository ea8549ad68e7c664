"""Positions that no camera can have stood at."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whence.photos.checks import position_problem
from whence.types import XY, LatLon, Position


@pytest.mark.parametrize(
    ("position", "problem"),
    [
        (LatLon(43.5, 11.9), None),
        (LatLon(90, 180), None),
        (LatLon(-90, -180), None),
        (LatLon(0, 9.45), None),
        (LatLon(51.48, 0), None),
        (LatLon(2e-6, 0), None),
        (LatLon(0, 0), "position is 0,0"),
        (LatLon(-9e-7, 9e-7), "position is 0,0"),
        (LatLon(91, 0), "latitude 91 is out of range (-90 to 90)"),
        (LatLon(-90.5, 0), "latitude -90.5 is out of range (-90 to 90)"),
        (LatLon(1, 180.25), "longitude 180.25 is out of range (-180 to 180)"),
        (LatLon(math.nan, 1), "position is not a finite number"),
        (LatLon(1, -math.inf), "position is not a finite number"),
        (XY(0, 0), None),
        (XY(-1e7, 400), None),
        (XY(math.inf, 0), "position is not a finite number"),
        (XY(0, math.nan), "position is not a finite number"),
    ],
)
def test_problem(position: Position, problem: str | None) -> None:
    assert position_problem(position) == problem


@given(st.floats(), st.floats())
def test_what_passes_is_on_the_globe(lat: float, lon: float) -> None:
    if position_problem(LatLon(lat, lon)) is None:
        assert -90 <= lat <= 90
        assert -180 <= lon <= 180

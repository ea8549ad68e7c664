"""Positions on one line."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from whence.geo.line import Line

numbers = st.floats(-1e4, 1e4)


places = st.lists(st.integers(-100_000, 100_000).map(lambda tenths: tenths / 10), min_size=3, max_size=30, unique=True)
"""Along a line: numbers that differ by less than rounding would be one place."""


@given(numbers, numbers, st.floats(0, np.pi), places, numbers, numbers)
def test_the_nearest_point_of_it(x: float, y: float, angle: float, at: list[float], px: float, py: float) -> None:
    if np.ptp(at) < 1:
        at = [*at, at[0] + 10.0]
    along = np.array([np.cos(angle), np.sin(angle)])
    line = Line.through(np.array([x, y]) + np.outer(at, along))
    assert line is not None
    point = np.array([px, py])
    found = line.nearest(point)
    assert abs((found - point) @ along) < 1e-2  # straight across
    assert np.allclose(line.nearest(found), found)


@pytest.mark.parametrize(
    "points",
    [[(0, 0), (1, 0), (2, 0.1)], [(0, 0), (5, 5)], [(0, 0), (5, 5), (0, 0)], [(1, 1)] * 4, [(0, 0), (0, 1), (1, 0)]],
)
def test_a_plan_is_no_line_and_neither_are_two_places(points: list[tuple[float, float]]) -> None:
    assert Line.through(np.array(points, float)) is None


def test_numbers_with_two_digits_behind_the_point_lie_on_it() -> None:
    along = np.linspace(0, 400, 300)
    start = np.array([512_345.6, 5_234_567.8])
    walk = (start + np.outer(along, [np.cos(0.7), np.sin(0.7)])).round(2)
    line = Line.through(walk)
    assert line is not None
    assert np.hypot(*(line.nearest(walk[10]) - walk[10])) < 0.01
    bent = walk + np.column_stack([np.zeros(300), 0.3 * np.sin(along / 130)])
    assert Line.through(bent) is None

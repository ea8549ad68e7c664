"""Pins judged together, on pairs whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whence.audit.judging import judge, rising
from whence.audit.pairs import Pairs
from whence.audit.trying import move_some, try_out
from whence.types import Crs, DoubleArray

SIDE = 12
APART_M = 30.0


def grid() -> tuple[DoubleArray, Pairs]:
    """Photos on a grid that match their neighbours, and a few by chance."""
    rng = np.random.default_rng(3)
    coords = np.array([(APART_M * x, APART_M * y) for x in range(SIDE) for y in range(SIDE)], np.float64)
    apart = np.hypot(*(coords[:, None] - coords[None]).transpose(2, 0, 1))
    first, second = np.nonzero(np.triu(apart < 1.5 * APART_M, 1))
    by_chance = rng.integers(0, len(coords), (30, 2))
    by_chance = np.sort(by_chance[by_chance[:, 0] != by_chance[:, 1]], axis=1)
    inliers = np.concatenate([rng.integers(30, 200, len(first)), rng.integers(12, 16, len(by_chance))])
    first, second = np.concatenate([first, by_chance[:, 0]]), np.concatenate([second, by_chance[:, 1]])
    return coords + rng.normal(0, 2, coords.shape), Pairs(first, second, inliers, inliers.astype(np.float64))


def probability(coords: DoubleArray, pairs: Pairs) -> DoubleArray:
    return judge(pairs, coords, Crs.LOCAL, 25.0, list(range(len(coords))), np.zeros(len(coords))).probability


def test_right_pins_are_left_alone() -> None:
    coords, pairs = grid()
    assert (probability(coords, pairs) < 0.2).all()


@pytest.mark.parametrize("seed", range(5))
def test_moved_pins_are_found_and_their_neighbours_are_not_blamed(seed: int) -> None:
    coords, pairs = grid()
    moved, pins = move_some(
        coords, Crs.LOCAL, list(range(len(coords))), np.ones(len(coords), np.bool_), 150.0, np.random.default_rng(seed)
    )
    told = probability(pins, pairs) >= 0.5
    assert moved.sum() >= 7
    assert (told & moved).sum() >= 0.8 * moved.sum()
    assert (told & ~moved).sum() <= 1


def test_pins_are_moved_by_places_and_far_enough() -> None:
    coords, _ = grid()
    coords = coords.repeat(2, axis=0)
    places = [row // 2 for row in range(len(coords))]
    moved, pins = move_some(
        coords, Crs.LOCAL, places, np.ones(len(coords), np.bool_), 100.0, np.random.default_rng(0), 0.1
    )
    away = np.hypot(*(pins - coords).T)
    assert (away[moved] >= 100.0 - 1e-6).all()
    assert (away[~moved] == 0).all()
    assert np.array_equal(moved[::2], moved[1::2])
    assert np.array_equal(pins[::2], pins[1::2])


def test_a_trial_says_what_to_expect() -> None:
    coords, pairs = grid()
    places: list[object] = list(range(len(coords)))

    def judged(pins: DoubleArray):  # type: ignore[no-untyped-def]
        return judge(pairs, pins, Crs.LOCAL, 25.0, places, np.zeros(len(coords)))

    matched = pairs.matched(len(coords))
    scale, told = try_out(judged, judged(coords), coords, Crs.LOCAL, places, matched, 150.0, np.zeros(len(coords)))
    assert told is not None
    assert told.recall > 0.8
    assert told.precision > 0.8
    assert scale.slopes[0] > 0
    few = np.zeros(len(coords), np.bool_)
    few[:4] = True
    assert try_out(judged, judged(coords), coords, Crs.LOCAL, places, few, 150.0, np.zeros(len(coords)))[1] is None


def test_no_pairs_say_nothing() -> None:
    nothing = np.zeros(0, np.intp)
    told = judge(
        Pairs(nothing, nothing, nothing, np.zeros(0)), np.zeros((3, 2)), Crs.LOCAL, 5.0, [0, 1, 2], np.zeros(3)
    )
    assert told.evidence.tolist() == [[0.0] * 3] * 3


@given(st.lists(st.floats(-10, 10), min_size=1, max_size=20))
@settings(max_examples=50, deadline=None)
def test_rising_values_never_fall_and_keep_what_rises(values: list[float]) -> None:
    found = rising(np.array(values), np.ones(len(values)))
    assert (np.diff(found) >= -1e-9).all()
    assert np.isclose(found.mean(), np.mean(values), atol=1e-6)
    assert np.allclose(rising(np.sort(values), np.ones(len(values))), np.sort(values))

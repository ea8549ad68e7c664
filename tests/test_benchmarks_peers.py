"""The shares that ``benchmarks/peers.py`` prints, on shortlists whose answer is plain to see."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peer_scores import best, found, interval, right, share

ERRORS = [[9.0, 1.0, 3.0], [0.5, 8.0, 9.0], [9.0, 9.0, 5.0], []]
"""Metres from the truth, of the shortlists of four queries."""


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (1, [False, True, False, False]),
        (2, [True, True, False, False]),
        (3, [True, True, True, False]),
        (50, [True, True, True, False]),
    ],
)
def test_found_looks_at_the_first_photos_alone(count: int, expected: list[bool]) -> None:
    assert found(ERRORS, 5.0, count) == expected


def test_right_judges_the_photo_with_most_inliers() -> None:
    assert right(ERRORS, [[10, 40, 20], [10, 40, 20], [10, 20, 40], []], 5.0) == [True, False, True, False]


def test_the_more_similar_photo_wins_among_equals() -> None:
    assert best([0, 0, 0]) == 0
    assert best([3, 7, 7]) == 1
    assert best([]) is None


def test_shortlists_and_inliers_have_to_be_of_the_same_queries() -> None:
    with pytest.raises(ValueError, match="zip"):
        right(ERRORS, [[1, 2, 3]], 5.0)


def test_interval_is_wilsons() -> None:
    assert interval(8, 10) == pytest.approx((0.490, 0.943), abs=1e-3)
    assert share([True] * 8 + [False] * 2) == "0.80 (0.49-0.94)"


@given(st.integers(1, 500).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_interval_holds_the_share_and_mirrors(drawn: tuple[int, int]) -> None:
    hits, of = drawn
    low, high = interval(hits, of)
    assert 0 <= low <= hits / of + 1e-12
    assert hits / of - 1e-12 <= high <= 1
    assert interval(of - hits, of) == pytest.approx((1 - high, 1 - low), abs=1e-9)

"""Near hashes are found as all pairs would find them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whence.describe import looks
from whence.describe.looks import Looks, glance, near_duplicates, within

WORDS = st.lists(st.integers(0, 2**64 - 1), max_size=30)


@given(
    WORDS, WORDS, st.lists(st.tuples(st.integers(0, 29), st.sets(st.integers(0, 63), max_size=14))), st.integers(0, 14)
)
@settings(max_examples=40, deadline=None)
def test_near_hashes_are_those_of_all_pairs(
    mine: list[int], theirs: list[int], planted: list[tuple[int, set[int]]], most: int
) -> None:
    theirs = theirs + [mine[row] ^ sum(1 << bit for bit in bits) for row, bits in planted if row < len(mine)]
    first, second = np.array(mine, np.uint64), np.array(theirs, np.uint64)
    left, right, differing = within(first, second, most)
    away = np.bitwise_count(first[:, None] ^ second[None])
    expected = np.argwhere(away <= most)
    assert np.column_stack([left, right]).tolist() == expected.tolist()
    assert differing.tolist() == [int(away[row, other]) for row, other in expected.tolist()]


@given(WORDS, st.lists(st.tuples(st.integers(0, 29), st.sets(st.integers(0, 63), max_size=14))), st.integers(0, 14))
@settings(max_examples=40, deadline=None)
def test_near_hashes_among_themselves(mine: list[int], planted: list[tuple[int, set[int]]], most: int) -> None:
    mine = mine + [mine[row] ^ sum(1 << bit for bit in bits) for row, bits in planted if row < len(mine)]
    words = np.array(mine, np.uint64)
    left, right, differing = within(words, None, most, workers=2)
    away = np.bitwise_count(words[:, None] ^ words[None])
    expected = [(row, other) for row, other in np.argwhere(away <= most).tolist() if row < other]
    assert list(zip(left.tolist(), right.tolist(), strict=True)) == expected
    assert differing.tolist() == [int(away[pair]) for pair in expected]


def test_pairs_that_do_not_fit_in_memory_at_once_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    words = np.random.default_rng(1).integers(0, 8, 200).astype(np.uint64)  # crowded: thousands of pairs
    whole = within(words, words, 2)
    monkeypatch.setattr(looks, "_AT_ONCE", 500)
    parts = within(words, words, 2)
    for number in range(3):
        assert np.array_equal(whole[number], parts[number])
    assert len(whole[0]) > 10_000


def test_near_hashes_of_unlike_pictures_are_no_duplicates() -> None:
    rng = np.random.default_rng(0)
    bits = np.zeros((2, 64), np.bool_)
    grey = rng.integers(0, 256, (2, 1024), dtype=np.uint8)
    assert near_duplicates(both := Looks(bits, grey, ("a", "b")), both) == [[(0, 0)], [(1, 0)]]


def test_a_glance_of_a_brighter_picture_is_alike() -> None:
    picture = np.random.default_rng(2).integers(0, 180, (12, 16, 3)).repeat(20, 0).repeat(20, 1).astype(np.uint8)
    first, second = (Looks.of([glance(image)], [name]) for image, name in ((picture, "a"), (picture + 40, "b")))
    assert len(glance(picture)) == 1024
    assert [[row for row, _ in near] for near in near_duplicates(first, second)] == [[0]]

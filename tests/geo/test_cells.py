"""S2 cells, and partitions into them."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whence.geo import cells
from whence.types import LatLon

positions = st.builds(LatLon, st.floats(-90, 90), st.floats(-180, 180))


@given(positions, st.integers(0, 30))
def test_arithmetic_of_the_library(position: LatLon, level: int) -> None:
    s2 = pytest.importorskip("s2geometry", reason="no wheel of s2geometry for this platform")
    leaf = cells.leaf(position)
    theirs = s2.S2CellId(leaf).parent(level)
    ours = cells.parent(leaf, level)
    assert ours == theirs.id()
    assert cells.token(ours) == theirs.ToToken()
    assert cells.cell_of(cells.token(ours)) == ours
    assert cells.level_of(ours) == level
    if level < cells.FINEST:
        assert list(cells.children(ours)) == [theirs.child(place).id() for place in range(4)]


def test_a_cell_of_level_8_is_some_40_km_wide() -> None:
    own = cells.parent(cells.leaf(LatLon(45.8, 16.0)), 8)
    rows = [LatLon(45.8 + 0.02 * step, 16.0) for step in range(-50, 51)]
    inside = [row.lat for row in rows if cells.parent(cells.leaf(row), 8) == own]
    assert 0.1 < max(inside) - min(inside) < 0.6
    assert inside == [row.lat for row in rows if min(inside) <= row.lat <= max(inside)]


scattered = st.lists(
    st.tuples(st.floats(42, 47), st.floats(13, 20)).map(lambda pair: LatLon(*pair)), min_size=1, max_size=120
)


@settings(deadline=None, max_examples=60)
@given(scattered, st.integers(1, 6), st.integers(0, 30))
def test_every_photo_is_in_one_class_that_is_large_enough(photos: list[LatLon], least: int, more: int) -> None:
    most = least + more
    made = cells.adaptive_cells([cells.leaf(photo) for photo in photos], least, most)
    numbers = [made.number(photo) for photo in photos]
    assert set(numbers) == set(range(made.count))  # none is empty, none of the photos is lost
    sizes = Counter(numbers)
    faces = Counter(cells.parent(cells.leaf(photo), 0) for photo in photos)
    assert all(size >= min(least, *faces.values()) for size in sizes.values())


def test_finer_where_there_are_more_photos() -> None:
    random = np.random.default_rng(1)
    town = [LatLon(45 + 0.02 * a, 15 + 0.02 * b) for a, b in random.random((200, 2))]
    country = [LatLon(43 + 3 * a, 14 + 4 * b) for a, b in random.random((40, 2))]
    made = cells.adaptive_cells([cells.leaf(photo) for photo in town + country], 5, 20)

    def level(photo: LatLon) -> int:
        leaf = cells.leaf(photo)
        return max(level for level in range(cells.FINEST + 1) if cells.parent(leaf, level) in made.numbers)

    assert np.median([level(photo) for photo in town]) >= np.median([level(photo) for photo in country]) + 4
    assert max(Counter(made.number(photo) for photo in town).values()) <= 20 + 3 * 4


def test_photos_of_one_spot_stay_together() -> None:
    made = cells.adaptive_cells([cells.leaf(LatLon(45, 15))] * 50, 5, 10)
    assert made.count == 1


def test_a_face_without_photos_has_no_class() -> None:
    made = cells.adaptive_cells([cells.leaf(LatLon(45, 15))] * 3, 1, 10)
    assert made.number(LatLon(-45, -150)) == -1

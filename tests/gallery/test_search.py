"""The exact search, and the approximate one against it as its oracle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import whence
from samples import World
from whence.gallery import approximate, schema, search
from whence.gallery.approximate import ApproximateSearch, Codebook, keep_codes
from whence.gallery.gallery import Gallery
from whence.gallery.schema import Settings
from whence.gallery.search import ExactSearch, Mask
from whence.gallery.store import Store
from whence.present.answers import to_dict
from whence.types import Crs, FloatArray

COUNT, DIMENSION, ASKED = 12_000, 64, 50


def vectors(count: int, seed: int = 0) -> FloatArray:
    """Photos of places of ten photos each, rounded as galleries store them; one photo in a hundred is blank."""
    rng = np.random.default_rng(seed)
    places = np.random.default_rng(1).standard_normal((1200, DIMENSION)) / np.arange(1, DIMENSION + 1) ** 0.3
    made = places[rng.integers(0, len(places), count)] + 0.15 * rng.standard_normal((count, DIMENSION))
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    made[::100] = 0
    return made.astype(np.float16).astype(np.float32)


def hashes(first: int, count: int) -> list[str]:
    return [f"{number:032x}" for number in range(first, first + count)]


def add(store: Store, made: FloatArray, first: int) -> None:
    """Photos without anything but a place, and their descriptors in another order."""
    import pyarrow as pa

    names = hashes(first, len(made))
    rows = [
        {"path": f"{name}.jpg", "hash": name, "lat": n / 1000, "lon": 0.0, "position_source": "csv"}
        for n, name in enumerate(names, first)
    ]
    store.append(schema.PHOTOS, pa.Table.from_pylist(rows, schema=schema.PHOTOS_SCHEMA))
    order = np.random.default_rng(2).permutation(len(made))
    store.append(schema.DESCRIPTORS, schema.descriptor_table([names[i] for i in order], "model", made[order]))


def book_of(store: Store) -> Codebook:
    book = Codebook.of(store.table(schema.ARTEFACTS), store.table(schema.CODES))
    assert book is not None
    return book


def coded(store: Store) -> int:
    codes: Any = store.table(schema.CODES)
    return int(codes.count_rows())


@pytest.fixture
def low_threshold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "EXACT_UP_TO", 1000)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    folder = tmp_path_factory.mktemp("large")
    settings = Settings(Crs.WGS84, 25.0, False, "default", {}, "features", str(folder), "test")
    made = Store.create(folder, settings)
    add(made, vectors(COUNT), 0)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(search, "EXACT_UP_TO", 1000)
        keep_codes(made)
    return made


def check_alike(gallery: Gallery, allowed: Mask | None = None) -> None:
    """The first place is the same, the cosines are exact, and at least 98 % of the nearest are found."""
    assert isinstance(gallery.search, ApproximateSearch)
    exact, recall = ExactSearch(gallery.descriptors), []
    for query in vectors(31, seed=3)[1:]:
        rows, cosines = gallery.search.nearest(query, ASKED, allowed)
        true_rows, _ = exact.nearest(query, ASKED, allowed)
        assert len(rows) == len(true_rows) == len(set(rows.tolist()))
        assert rows[0] == true_rows[0]
        np.testing.assert_allclose(cosines, gallery.descriptors[rows] @ query, atol=1e-6)
        assert (np.diff(cosines) <= 0).all()
        assert allowed is None or allowed[rows].all()
        recall.append(len(set(rows.tolist()) & set(true_rows.tolist())) / len(true_rows))
    assert np.mean(recall) >= 0.98


@pytest.mark.usefixtures("low_threshold")
def test_the_index_finds_what_an_exact_search_finds(store: Store) -> None:
    gallery = Gallery(store)
    check_alike(gallery)
    assert "descriptors" in gallery.__dict__  # by the check alone
    assert "descriptors" not in Gallery(store).__dict__


@pytest.mark.usefixtures("low_threshold")
@pytest.mark.parametrize("share", [0.5, 0.05, 0.002])
def test_the_index_finds_among_those_allowed(store: Store, share: float) -> None:
    gallery = Gallery(store)
    check_alike(gallery, np.random.default_rng(4).random(len(gallery)) < share)


@pytest.mark.usefixtures("low_threshold")
def test_what_is_far_from_all_that_is_allowed_is_compared_with_each(store: Store) -> None:
    gallery = Gallery(store)
    query = vectors(2, seed=3)[1]
    allowed = gallery.descriptors @ query < 0.2
    assert np.count_nonzero(allowed) > search.EXACT_UP_TO
    rows, cosines = gallery.search.nearest(query, ASKED, allowed)
    true_rows, true_cosines = ExactSearch(gallery.descriptors).nearest(query, ASKED, allowed)
    assert rows.tolist() == true_rows.tolist()
    np.testing.assert_allclose(cosines, true_cosines, atol=1e-6)


@pytest.mark.usefixtures("low_threshold")
def test_none_allowed_is_none_found(store: Store) -> None:
    gallery = Gallery(store)
    rows, cosines = gallery.search.nearest(vectors(2)[1], ASKED, np.zeros(len(gallery), np.bool_))
    assert len(rows) == len(cosines) == 0


@pytest.mark.usefixtures("low_threshold")
def test_rows_that_came_went_or_were_described_anew_since(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(Crs.WGS84, 25.0, False, "default", {}, "features", str(tmp_path), "test")
    store = Store.create(tmp_path, settings)
    add(store, vectors(3000), 0)
    keep_codes(store)
    first = book_of(store)
    before = Gallery(store)
    add(store, vectors(100, seed=7), 3000)  # without codes until the writer is done, and found all the same
    assert coded(store) == 3000
    gallery = Gallery(store)
    check_alike(gallery)
    assert gallery.search.nearest(vectors(100, seed=7)[5], 1)[0].tolist() == [3005]

    add(store, vectors(400, seed=8), 3100)
    keep_codes(store)
    assert coded(store) == 3500
    assert book_of(store).name == first.name
    check_alike(Gallery(store))

    gone = ", ".join(repr(name) for name in hashes(0, 500))
    for name in (schema.PHOTOS, schema.DESCRIPTORS):
        table: Any = store.table(name)
        table.delete(f"hash IN ({gone})")
        table.optimize()
    after = Gallery(store)
    assert len(after) == 3000
    check_alike(after)
    assert len(before) == 3000  # pinned: other photos, the same number
    check_alike(before)

    anew = schema.descriptor_table(hashes(500, 3000), "another", vectors(3000, seed=9))
    store.replace(schema.DESCRIPTORS, anew)  # killed here, codes are of the model before
    assert isinstance(Gallery(store).search, ExactSearch)
    check_alike(before)
    keep_codes(store)
    check_alike(Gallery(store))

    monkeypatch.setattr(approximate, "_GROWTH", 0.5)  # grown enough to be learned anew
    second = book_of(store)
    keep_codes(store)
    assert book_of(store).name == second.name  # of the same descriptors, and so the same
    artefacts: Any = store.table(schema.ARTEFACTS)
    assert artefacts.count_rows() == 1
    check_alike(Gallery(store))


def test_equal_cosines_come_in_the_order_of_rows() -> None:
    same = np.tile(np.eye(1, 8, dtype=np.float32), (30, 1))
    allowed = np.arange(30) % 3 == 0
    assert ExactSearch(same).nearest(same[0], 7)[0].tolist() == list(range(7))
    assert ExactSearch(same).nearest(same[0], 4, allowed)[0].tolist() == [0, 3, 6, 9]


def test_a_dimension_that_cannot_be_indexed_is_searched_exactly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "EXACT_UP_TO", 10)
    settings = Settings(Crs.WGS84, 25.0, False, "default", {}, "features", str(tmp_path), "test")
    store = Store.create(tmp_path, settings)
    made = vectors(50)[:, :13]
    add(store, made, 0)
    keep_codes(store)
    assert isinstance(Gallery(store).search, ExactSearch)


def test_answers_are_the_same_through_the_index(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def answers(gallery: Gallery) -> list[dict[str, Any]]:
        locator = whence.Locator(gallery)
        found = [to_dict(locator.locate(world.queries / name)) for name in sorted(world.truth)[:4]]
        return [{**answer, "seconds": {}} for answer in found]

    exact = answers(Gallery.open(world.gallery))
    monkeypatch.setattr(search, "EXACT_UP_TO", 20)
    whence.index(world.photos, tmp_path / "g")
    indexed = Gallery.open(tmp_path / "g")
    assert isinstance(indexed.search, ApproximateSearch)
    assert answers(indexed) == exact

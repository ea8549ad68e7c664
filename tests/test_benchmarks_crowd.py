"""Galleries that ``benchmarks/crowd.py`` makes up: what the product makes of them, against plain arithmetic."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import crowd
import whence
from samples import World
from whence.gallery import light, search
from whence.gallery.approximate import ApproximateSearch
from whence.gallery.gallery import Gallery
from whence.gallery.removal import remove
from whence.geo.distance import offset
from whence.recipes import load_recipe
from whence.types import FloatArray

COUNT, ASKED = 4000, 50


@pytest.fixture(scope="module")
def base(world: World, tmp_path_factory: pytest.TempPathFactory) -> crowd.Base:
    plain = load_recipe("default-fast")
    learning = {**plain.sections["describe"], "learn_from": 20, "dimension": 24}
    folder = tmp_path_factory.mktemp("base") / "gallery"
    whence.index(world.photos, folder, recipe=replace(plain, sections={**plain.sections, "describe": learning}))
    return crowd.Base.read(folder)


@pytest.fixture(scope="module")
def made(base: crowd.Base, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("crowd") / "gallery"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(search, "EXACT_UP_TO", 1000)
        patched.setattr(light, "KEPT_FROM", 1000)
        crowd.write(base, COUNT, folder, base.vectors[:4])
    return folder


def queries(base: crowd.Base) -> FloatArray:
    return np.concatenate([base.vectors[::3], crowd.Crowd(base, COUNT).queries(20)])


def test_codes_miss_next_to_none_of_the_nearest(base: crowd.Base, made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "EXACT_UP_TO", 1000)
    gallery = Gallery.open(made)
    assert isinstance(gallery.search, ApproximateSearch)
    recall = []
    for query in queries(base):
        rows, cosines = gallery.search.nearest(query, ASKED)
        exact = gallery.descriptors @ query
        np.testing.assert_allclose(cosines, exact[rows], atol=1e-6)
        recall.append(np.mean(exact[rows] >= np.sort(exact)[-ASKED]))
    assert np.mean(recall) >= 0.95


def test_a_crowd_opens_and_locates_real_photos(world: World, made: Path, base: crowd.Base) -> None:
    locator = whence.Locator(Gallery.open(made))
    assert len(locator.gallery) == COUNT
    errors_m = []
    for name in sorted(world.truth)[:6]:
        answer = locator.locate(world.queries / name)
        assert answer.position is not None
        errors_m.append(offset(answer.position, world.truth[name])[0])
    assert np.median(errors_m) < 50  # among made up photos all over Europe


def test_the_file_says_what_the_tables_say(made: Path) -> None:
    (kept,) = made.glob("light-*")
    by_file, hidden = Gallery.open(made), kept.rename(made / "hidden")
    try:
        by_tables = Gallery.open(made)
    finally:
        hidden.rename(kept)
    assert list(by_file.photos) == list(by_tables.photos)
    assert by_file.photos[-1] == by_tables.photos[COUNT - 1]
    np.testing.assert_array_equal(by_file.times, by_tables.times)
    np.testing.assert_array_equal(by_file.photos.places(), by_tables.photos.places())
    for row in range(0, COUNT, 97):
        assert by_file.row_of(by_file.photos[row].content_hash) == row
    assert by_file.row_of("none") is None


def test_what_is_removed_is_not_in_the_file(base: crowd.Base, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(light, "KEPT_FROM", 100)
    crowd.write(base, 500, tmp_path / "g", base.vectors[:1])
    gone = Gallery.open(tmp_path / "g").photos[7].path
    assert len(remove(tmp_path / "g", gone, purge=True).paths) == 1
    (kept,) = (tmp_path / "g").glob("light-*")
    assert gone.encode() not in kept.read_bytes()
    assert len(Gallery.open(tmp_path / "g")) == 499

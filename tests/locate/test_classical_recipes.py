"""The published systems on a rendered town, asked of a gallery made by the default recipe."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import whence
from samples import Run, World, blank, place, textured, write_photos
from whence.errors import RecipeError
from whence.gallery.gallery import Gallery
from whence.geo.distance import distances_m
from whence.locate.locator import Locator
from whence.locate.pipeline import Pipeline
from whence.locate.retrievers.local import LocalOptions, LocalSearch
from whence.locate.stages import Retriever
from whence.recipes import Recipe, load_recipe
from whence.types import FloatArray, LocalFeatures, Location
from whence.worlds import write_photo

SHARING = ("sift-exhaustive", "sift-sum50", "sift-sum50-fast")


@pytest.fixture(scope="module")
def answers(world: World) -> dict[str, dict[str, Location]]:
    """Of some queries, by recipe and name."""
    gallery = Gallery.open(world.gallery)
    found: dict[str, dict[str, Location]] = {}
    for recipe in SHARING:
        locator = Locator(gallery, recipe=recipe)
        found[recipe] = {name: locator.locate(world.queries / name) for name in sorted(world.truth)[:6]}
    return found


@pytest.mark.parametrize("recipe", SHARING)
def test_most_are_found_by_comparing_with_every_photo(
    recipe: str, world: World, answers: dict[str, dict[str, Location]]
) -> None:
    errors = []
    for name in answers[recipe]:
        truth, position = world.truth[name], answers[recipe][name].position
        assert position is not None
        best = answers[recipe][name].candidates[0].position
        assert float(distances_m(best, [position])[0]) < 0.01  # copied, by way of a plane in metres
        errors.append(float(distances_m(truth, [position])[0]))
    assert np.median(errors) < 12


def test_the_index_names_the_same_photo_first(answers: dict[str, dict[str, Location]]) -> None:
    for name, exhaustive in answers["sift-sum50"].items():
        assert answers["sift-sum50-fast"][name].candidates[0].path == exhaustive.candidates[0].path


def test_every_photo_is_compared(world: World) -> None:
    gallery = Gallery.open(world.gallery)
    answer = Locator(gallery, recipe="sift-exhaustive").answer(world.queries / min(world.truth))
    assert sorted(answer.shortlist) == list(range(len(gallery)))


def test_the_plain_command(run: Run, world: World) -> None:
    query = world.queries / min(world.truth)
    done = run("locate", query, "--gallery", world.gallery, "--recipe", "sift-exhaustive", "--format", "jsonl")
    assert done.code == 0
    assert done.answers[0]["status"] == "located"
    assert done.answers[0]["candidates"][0]["inliers"] > 20


def brute_force(gallery: Gallery, query: LocalFeatures, count: int) -> FloatArray:
    """Per photo, the sum of the smallest distances of the query's keypoints to their nearest."""
    sums = []
    for photo in gallery.features(range(len(gallery))):
        apart = query.descriptors[:, None].astype(np.float32) - photo.descriptors[None].astype(np.float32)
        nearest = np.sqrt(np.square(apart).sum(axis=2)).min(axis=1)
        sums.append(np.sort(nearest)[:count].sum())
    return np.array(sums, np.float32)


def test_local_features_rank_as_all_distances_do(tmp_path: Path) -> None:
    """With every list read and every neighbour asked for, nothing is truncated."""
    whence.index(write_photos(tmp_path / "photos", 4), tmp_path / "gallery")
    gallery = Gallery.open(tmp_path / "gallery")
    neighbours = sum(map(len, gallery.features(range(4))))
    made: Retriever = LocalSearch(LocalOptions(count=20, neighbours=neighbours, lists=1000))
    made.prepare(gallery)
    for seed in (1, 3, 7):
        query = Pipeline(load_recipe("default")).seeing.extract(textured(seed))
        vector = np.zeros(gallery.dimension, np.float32)
        rows, cosines = made.shortlist(query, vector)
        assert rows.tolist() == np.argsort(brute_force(gallery, query, 20), kind="stable").tolist()
        assert not cosines.any()


def test_local_features_in_a_gallery_of_blank_photos(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    write_photo(tmp_path / "photos" / "blank.jpg", blank(), place(0))
    whence.index(tmp_path / "photos", tmp_path / "gallery")
    found = Locator(Gallery.open(tmp_path / "gallery"), recipe="sift-sum50-fast").locate(textured())
    assert found.candidates == ()


def test_sums_need_distances(world: World) -> None:
    default = load_recipe("default")
    mixed = Recipe("mixed", "", {**default.sections, "locate": {"method": "best-photo", "by": "distances"}})
    with pytest.raises(RecipeError, match="tells no distances"):
        Locator(Gallery.open(world.gallery), recipe=mixed).locate(world.queries / min(world.truth))

"""Positions from the most similar photos, on shortlists whose answer can be worked out by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from samples import place, textured, write_photos
from whence import Gallery, Locator, index
from whence.describe.dense_vlad import DenseVlad
from whence.errors import RecipeError
from whence.gallery.photo import GalleryPhoto
from whence.geo.distance import distances_m
from whence.geo.plane import Plane
from whence.locate.positioners.neighbours import Neighbours, NeighboursOptions, dudani
from whence.locate.stages import Positioner, Proposal, Shortlist
from whence.recipes import load_recipe
from whence.types import FloatArray, Image, LocalFeatures, Status
from whence.verify.rerank import UNVERIFIED

NOTHING = LocalFeatures(np.zeros((0, 4), np.float32), np.zeros((0, 1), np.int8), 10, 10)


def shortlist(points: object, similarities: object, tolerance_m: float = 5.0) -> Shortlist:
    where, alike = np.asarray(points, np.float64).reshape(-1, 2), np.asarray(similarities, np.float32)
    photos: list[GalleryPhoto] = [None] * len(where)  # type: ignore[list-item]  # a positioner by points asks none
    return Shortlist(
        photos, where, alike, [UNVERIFIED] * len(where), False, NOTHING, lambda _: [], Plane(None), tolerance_m
    )


def proposed(options: NeighboursOptions, points: object, similarities: object) -> Proposal:
    found = Neighbours(options).position(shortlist(points, similarities))
    assert found is not None
    return found


def test_it_is_a_positioner() -> None:
    assert isinstance(Neighbours(), Positioner)


def test_weights_by_hand() -> None:
    np.testing.assert_allclose(dudani(np.array([0.9, 0.8, 0.7, 0.6], "f4"), 3), [3 / 6, 2 / 6, 1 / 6], atol=1e-6)
    np.testing.assert_allclose(dudani(np.array([0.9, 0.8, 0.7], "f4"), 5), [2 / 3, 1 / 3, 0], atol=1e-6)
    np.testing.assert_allclose(dudani(np.array([0.5, 0.5], "f4"), 5), [0.5, 0.5])
    np.testing.assert_allclose(dudani(np.array([0.5], "f4"), 5), [1])


@pytest.mark.parametrize("centre", ["medoid", "median", "mean"])
def test_one_neighbour_is_copied(centre: str) -> None:
    found = proposed(NeighboursOptions(1, centre), [[3, 4], [100, 100]], [0.9, 0.8])
    assert found.east_north.tolist() == [3, 4]
    assert found.order == [0, 1]


def test_a_lone_neighbour_elsewhere_is_outvoted_by_all_but_the_mean() -> None:
    points, alike = [[-1000, 0], [0, 0], [2, 0], [0, 2], [50, 50]], [0.84, 0.83, 0.82, 0.81, 0.5]
    medoid, median, mean = (
        proposed(NeighboursOptions(4, c), points, alike).east_north for c in ("medoid", "median", "mean")
    )
    assert medoid.tolist() == [0, 0]
    assert np.hypot(*median) < 2
    assert mean[0] < -200


def test_the_order_names_first_who_speaks_for_the_answer() -> None:
    found = proposed(NeighboursOptions(4), [[1000, 0], [0, 0], [2, 0], [0, 2], [1, 1]], [0.84, 0.83, 0.82, 0.81, 0.5])
    assert found.order == [1, 2, 3, 0, 4]


def test_the_shortlist_need_not_come_in_order() -> None:
    found = proposed(NeighboursOptions(2), [[9, 9], [0, 0], [1, 0]], [0.1, 0.8, 0.9])
    assert found.east_north.tolist() == [1, 0]


def test_confidence_grows_with_agreement_and_never_says_located() -> None:
    alike = [0.9, 0.8, 0.7, 0.6]
    agreeing = proposed(NeighboursOptions(3), [[0, 0], [1, 0], [2, 0], [3, 0]], alike).confidence
    split = proposed(NeighboursOptions(3), [[0, 0], [500, 0], [2, 0], [3, 0]], alike).confidence
    assert split < agreeing < 0.5


@given(
    st.lists(
        st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.floats(-1, 1, width=32)), min_size=1, max_size=12
    ),
    st.integers(1, 12),
    st.sampled_from(["medoid", "median", "mean"]),
)
def test_any_shortlist_has_an_answer_among_its_photos(
    photos: list[tuple[float, float, float]], k: int, centre: str
) -> None:
    rows = np.array(photos)
    found = proposed(NeighboursOptions(k, centre), rows[:, :2], rows[:, 2])
    assert (found.east_north >= rows[:, :2].min(axis=0) - 1e-3).all()
    assert (found.east_north <= rows[:, :2].max(axis=0) + 1e-3).all()
    assert 0 < found.confidence < 0.5
    assert sorted(found.order) == list(range(len(rows)))


def test_an_unknown_centre() -> None:
    with pytest.raises(RecipeError, match="centre = 'middle': expected one of medoid, median, mean"):
        Neighbours(NeighboursOptions(centre="middle"))


@pytest.mark.parametrize("recipe", ["phash-sift", "hog-knn", "densevlad"])
def test_recipes_on_degrees_from_the_first_photo_to_the_answer(tmp_path: Path, recipe: str) -> None:
    if "ml" in load_recipe(recipe).needs:
        pytest.importorskip("skimage")
    index(write_photos(tmp_path / "photos", 8), tmp_path / "gallery", recipe=recipe)
    found = Locator(Gallery.open(tmp_path / "gallery")).locate((textured(3) * 0.9).astype(np.uint8))
    assert found.error is None
    assert found.position is not None
    assert found.candidates[0].path == "03.jpg"
    assert found.confidence < 0.5 or recipe == "phash-sift"
    assert found.status is (Status.LOCATED if recipe == "phash-sift" else Status.UNSURE)
    assert float(distances_m(found.position, [place(3)])[0]) < 1


def test_a_gallery_learns_its_own_whitening_without_reading_a_photo_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = tmp_path / "small.toml"
    recipe.write_text(
        "[photos]\nmax_side = 240\n[describe]\nmethod = 'dense-vlad'\nlearn_from = 8\n"
        "[retrieve]\nmethod = 'similar'\n[locate]\nmethod = 'neighbours'\nk = 1\n",
        encoding="utf-8",
    )
    photos, gallery = write_photos(tmp_path / "photos", 6), tmp_path / "gallery"
    assert not index(photos, gallery, recipe=str(recipe)).learned
    before = Locator(Gallery.open(gallery)).answer(textured(3)).query
    assert before is not None
    assert len(before.vector) == 8192
    write_photos(photos, 4, first=6)
    looked_at, whole = [], DenseVlad.whole

    def counted(made: DenseVlad, image: Image) -> FloatArray:
        looked_at.append(image.shape)
        return whole(made, image)

    with monkeypatch.context() as patched:
        patched.setattr(DenseVlad, "whole", counted)
        report = index(photos, gallery)
    assert len(looked_at) == 4
    assert report.learned
    assert report.added == 4
    found = Locator(Gallery.open(gallery)).answer((textured(3) * 0.9).astype(np.uint8))
    assert found.query is not None
    assert len(found.query.vector) == 5
    assert found.location.candidates[0].path == "03.jpg"

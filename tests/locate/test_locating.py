"""Answers on a rendered town whose truth is known."""

from __future__ import annotations

import csv
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

import whence
from samples import World, blank, place, textured, write_photos
from whence.errors import InputError, ModelMismatchError
from whence.gallery.gallery import Gallery
from whence.geo.distance import distances_m
from whence.locate.answers import Answer
from whence.locate.evidence import evidence_of
from whence.locate.locator import Locator
from whence.photos.cameras import scaled
from whence.photos.decode import decode
from whence.present.answers import to_dict
from whence.recipes import Recipe, load_recipe
from whence.types import XY, Intrinsics, LatLon, Location, Photo, Position, Status
from whence.worlds import write_photo


@pytest.fixture(scope="module")
def locator(world: World) -> Locator:
    return Locator(Gallery.open(world.gallery))


@pytest.fixture(scope="module")
def answers(world: World, locator: Locator) -> dict[str, Answer]:
    """Of all queries, by name."""
    names = sorted(world.truth)
    found = locator.answers([Photo(world.queries / name, name) for name in names])
    return dict(zip(names, found, strict=True))


def metres(a: Position | None, b: Position | None) -> float:
    assert a is not None
    assert b is not None
    return float(distances_m(a, [b])[0])


def plain(answer: Location) -> dict[str, Any]:
    """All but whose it is and how long it took, in the digits that are printed."""
    return {**to_dict(answer), "path": "", "seconds": {}}


def test_most_queries_are_located(world: World, answers: dict[str, Answer]) -> None:
    errors = {name: metres(answer.location.position, world.truth[name]) for name, answer in answers.items()}
    assert np.median(list(errors.values())) < 6
    located = [name for name, answer in answers.items() if answer.location.status is Status.LOCATED]
    assert len(located) >= 0.7 * len(answers)
    assert sum(errors[name] < 12 for name in located) >= 0.9 * len(located)


def test_answers_are_complete(world: World, answers: dict[str, Answer], locator: Locator) -> None:
    known = {photo.path: photo for photo in locator.gallery.photos}
    for name, answer in answers.items():
        found = answer.location
        assert found.path == name
        assert found.error is None
        assert found.duplicate_of == ()
        assert found.radius_m is not None
        assert found.radius_m >= locator.tolerance_m == 25
        assert 0 <= found.confidence <= 1
        assert (found.status is Status.LOCATED) == (found.confidence >= 0.5)
        assert {"read", "describe", "search", "verify", "locate"} <= found.seconds.keys()
        assert all(seconds >= 0 for seconds in found.seconds.values())
        assert 0 < len(found.candidates) <= 20
        assert len(answer.rows) == len(answer.verifications) == len(found.candidates)
        for candidate, row, verification in zip(found.candidates, answer.rows, answer.verifications, strict=True):
            assert known[candidate.path].position == candidate.position
            assert locator.gallery.photos[row].path == candidate.path
            assert candidate.inliers == len(verification)
            assert -1 <= candidate.similarity <= 1
        assert len({candidate.retrieval_rank for candidate in found.candidates}) == len(found.candidates)


def test_strangers_are_not_located(world: World, locator: Locator) -> None:
    found = [locator.locate(path) for path in sorted(world.strangers.iterdir())]
    assert sum(answer.status is Status.LOCATED for answer in found) <= 1
    assert all(answer.position is not None for answer in found)
    assert min(answer.radius_m or 0 for answer in found) >= 25
    assert max(answer.confidence for answer in found) < 0.9


def test_a_blank_photo_is_unsure_in_the_middle(world: World, locator: Locator) -> None:
    answer = locator.locate(blank())
    assert answer.status is Status.UNSURE
    assert (answer.candidates, answer.confidence) == ((), 0.0)
    assert isinstance(answer.position, LatLon)
    photos = [photo.position for photo in locator.gallery.photos]
    distances = distances_m(answer.position, photos)
    for north, east in ((1, 0), (-1, 0), (0, 1), (0, -1)):  # nowhere near is the sum of distances smaller
        step = LatLon(answer.position.lat + north * 3e-5, answer.position.lon + east * 3e-5)
        assert distances_m(step, photos).sum() > distances.sum()
    assert answer.radius_m is not None
    assert (distances <= answer.radius_m).mean() == pytest.approx(0.9, abs=0.05)


def test_a_photo_of_the_gallery_is_no_evidence_for_itself(world: World, locator: Locator) -> None:
    path = world.photos / "photo-10.jpg"
    answer = locator.locate(path)
    assert answer.duplicate_of == ("photo-10.jpg",)
    assert "photo-10.jpg" not in {candidate.path for candidate in answer.candidates}
    pixels = locator.locate(decode(path.read_bytes()).pixels)  # the same picture, but no file to recognise it by
    assert pixels.duplicate_of == ()
    assert pixels.candidates[0].path == "photo-10.jpg"
    assert pixels.path == ""
    assert metres(pixels.position, locator.gallery.photos[10].position) < 3


def test_failures_do_not_stop_the_others(world: World, locator: Locator, tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("not a photo")
    (tmp_path / "empty.jpg").touch()
    good = world.queries / "query-00.jpg"
    files = {"a": tmp_path / "text.jpg", "b": good, "c": tmp_path / "none.jpg", "d": tmp_path / "empty.jpg", "e": good}
    found = [answer.location for answer in locator.answers(Photo(path, name) for name, path in files.items())]
    assert [answer.path for answer in found] == ["a", "b", "c", "d", "e"]
    assert [answer.status for answer in found] == ["failed", "located", "failed", "failed", "located"]
    assert found[0].error == "not a photo: expected JPEG, PNG, WebP, TIFF, AVIF or HEIC"
    assert found[2].error == "no such file or folder"
    assert found[3].error == "the file is empty"
    assert [answer.position for answer in found if answer.status is Status.FAILED] == [None] * 3
    assert plain(found[1]) == plain(found[4])
    assert locator.locate(tmp_path / "text.jpg").error == found[0].error


def test_one_by_one_or_in_threads_or_all_at_once(world: World, locator: Locator, answers: dict[str, Answer]) -> None:
    names = sorted(answers)[:4]
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda name: locator.locate(world.queries / name), names))
    assert [plain(answer) for answer in found] == [plain(answers[name].location) for name in names]
    other = Locator(Gallery.open(world.gallery), workers=3)
    again = other.answers([Photo(world.queries / name, name) for name in names])
    assert [plain(answer.location) for answer in again] == [plain(answers[name].location) for name in names]


def test_a_camera_that_a_table_states_outdoes_the_file(world: World, locator: Locator) -> None:
    path = world.queries / "query-01.jpg"
    stated = Intrinsics(700.0, 710.0, 300.0, 200.0)
    plain_answer, answer = locator.answers([Photo(path, "a"), Photo(path, "b", intrinsics=stated)])
    assert plain_answer.query is not None
    assert answer.query is not None
    assert plain_answer.query.camera != stated
    with Pillow.open(path) as image:
        full = image.size
    features = answer.query.features
    assert answer.query.camera == scaled(stated, full, (features.width, features.height))


def test_leaving_early_is_fine(world: World, locator: Locator) -> None:
    stream = locator.answers(Photo(world.queries / "query-01.jpg", str(number)) for number in range(1000))
    assert next(stream).location.path == "0"
    del stream


def test_fewer_candidates_do_not_change_the_answer(world: World, answers: dict[str, Answer]) -> None:
    few = Locator(Gallery.open(world.gallery), candidates=3).locate(world.queries / "query-02.jpg")
    whole = answers["query-02.jpg"].location
    assert plain(few)["candidates"] == plain(whole)["candidates"][:3]
    assert {**plain(few), "candidates": ()} == {**plain(whole), "candidates": ()}


def test_a_tighter_tolerance_does_not_raise_confidence(world: World, answers: dict[str, Answer]) -> None:
    tight = Locator(Gallery.open(world.gallery), tolerance_m=1.0)
    assert tight.tolerance_m == 1.0
    wide = [answers[name].location for name in sorted(answers)[:4]]
    found = [tight.locate(world.queries / answer.path) for answer in wide]
    assert all(metres(answer.position, whole.position) < 12 for answer, whole in zip(found, wide, strict=True))
    assert sum(answer.confidence for answer in found) <= sum(answer.confidence for answer in wide)


def test_a_plan_in_metres(world: World) -> None:
    locator = Locator(Gallery.open(world.plan))
    with world.table.open(encoding="utf-8") as table:
        truth = {row["path"]: XY(float(row["x"]), float(row["y"])) for row in csv.DictReader(table)}
    assert {photo.path: photo.position for photo in locator.gallery.photos} == truth
    extent = np.ptp(locator.gallery.coordinates, axis=0)
    assert locator.tolerance_m == pytest.approx(0.02 * np.hypot(*extent))
    errors = []
    for name, there in world.plan_truth.items():
        answer = locator.locate(world.queries / name)
        assert isinstance(answer.position, XY)
        assert str(answer.candidates[0].group).startswith("s0")  # a street of the survey
        errors.append(np.hypot(answer.position.x - there.x, answer.position.y - there.y))
    assert np.median(errors) < 6


def test_the_positions_of_queries_are_not_looked_at(world: World, tmp_path: Path, locator: Locator) -> None:
    image = np.asarray(Pillow.open(world.queries / "query-03.jpg"))
    for name, position in (("a.jpg", None), ("b.jpg", LatLon(-80, 170))):
        write_photo(tmp_path / name, image, position)
    assert plain(locator.locate(tmp_path / "a.jpg")) == plain(locator.locate(tmp_path / "b.jpg"))


def test_evidence_in_pixels(world: World, locator: Locator, answers: dict[str, Answer]) -> None:
    answer = answers["query-00.jpg"]
    query, matched = evidence_of(answer, locator, 3)
    assert query is not None
    assert len(matched) == 3
    for photo, candidate, points, theirs in matched:
        assert photo is not None
        assert photo.shape == query.shape
        assert points.shape == theirs.shape == (candidate.inliers, 2)
        assert (points <= (query.shape[1], query.shape[0])).all()
        assert (theirs <= (photo.shape[1], photo.shape[0])).all()
    assert evidence_of(Answer(Location("x", Status.FAILED)), locator, 3) == (None, [])


def test_evidence_without_the_photos(tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", 3)
    whence.index(photos, tmp_path / "g")
    locator = Locator(Gallery.open(tmp_path / "g"))
    answer = locator.answer(textured(1))
    photos.rename(tmp_path / "moved")
    _, matched = evidence_of(answer, locator, 1)
    ((photo, candidate, _, theirs),) = matched
    assert candidate.path == "01.jpg"
    assert photo is not None
    assert photo.shape[1] == 192  # the thumbnail
    assert 0 < theirs[:, 0].max() <= 192


def test_a_gallery_with_one_photo(tmp_path: Path) -> None:
    whence.index(write_photos(tmp_path / "photos", 1), tmp_path / "g")
    locator = Locator(Gallery.open(tmp_path / "g"))
    found = locator.locate(textured(0))
    assert (found.status, len(found.candidates)) == (Status.LOCATED, 1)
    assert metres(found.position, place(0)) < 0.1
    itself = locator.locate(tmp_path / "photos" / "00.jpg")
    assert (itself.status, itself.candidates, itself.duplicate_of) == (Status.UNSURE, (), ("00.jpg",))
    other = locator.locate(textured(5))
    assert other.status is Status.UNSURE
    assert metres(other.position, place(0)) < 0.1


def test_a_gallery_of_blank_photos(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    for number in range(3):
        write_photo(tmp_path / "photos" / f"{number}.jpg", blank() + np.uint8(number), place(number))
    assert whence.index(tmp_path / "photos", tmp_path / "g").total == 3
    found = Locator(Gallery.open(tmp_path / "g")).locate(textured())
    assert found.status is Status.UNSURE
    assert found.position is not None


def test_what_a_locator_refuses(world: World, tmp_path: Path) -> None:
    gallery = Gallery.open(world.gallery)
    for tolerance_m in (0.0, -3.0, float("nan")):
        with pytest.raises(InputError, match="expected a number above 0"):
            Locator(gallery, tolerance_m=tolerance_m)
    with pytest.raises(InputError, match="expected at least 1"):
        Locator(gallery, candidates=0)
    (tmp_path / "photos").mkdir()
    write_photo(tmp_path / "photos" / "nowhere.jpg", textured())
    whence.index(tmp_path / "photos", tmp_path / "g")
    with pytest.raises(InputError, match="holds no photos; add some"):
        Locator(Gallery.open(tmp_path / "g"))


def test_a_recipe_may_change_what_is_done_with_features(world: World) -> None:
    default = load_recipe("default")
    few = Recipe("few", "", {**default.sections, "retrieve": {"method": "similar", "top_k": 2}})
    found = Locator(Gallery.open(world.gallery), recipe=few).locate(world.queries / "query-00.jpg")
    assert len(found.candidates) == 2
    other = Recipe("other", "", {**default.sections, "describe": {"method": "vlad", "words": 5}})
    with pytest.raises(ModelMismatchError, match=r"recipe other .* index into a new gallery"):
        Locator(Gallery.open(world.gallery), recipe=other)

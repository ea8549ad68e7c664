"""Radius and confidence where a gallery knows little: far from the origin, with few photos, after corrections."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import whence
from samples import blank, textured, write_photos, write_table
from whence.locate.calibration import LEAST_PHOTOS, mark_of
from whence.locate.pipeline import recipe_of
from whence.locate.tried import calibration_of
from whence.photos.queries import queries
from whence.types import LatLon, Photo
from whence.worlds import write_photo

FAR = (300_000.0, 5_000_000.0)


def written(folder: Path, count: int, step_m: float) -> Path:
    rows = []
    folder.mkdir()
    for number in range(count):
        write_photo(folder / f"{number}.jpg", textured(number))
        rows.append((f"{number}.jpg", str(FAR[0] + step_m * number), str(FAR[1])))
    return write_table(folder / "photos.csv", rows, ("path", "x", "y"))


def test_a_plane_may_have_its_origin_anywhere(tmp_path: Path) -> None:
    whence.index(written(tmp_path / "photos", 6, 10.0), tmp_path / "gallery")
    locator = whence.Locator(whence.Gallery.open(tmp_path / "gallery"))
    alone = [locator.locate(image) for image in (blank(), textured(77), textured(2))]
    walk = locator.follow([locator.answer(image) for image in (textured(1), textured(2), blank())])
    for location in (*alone, *(answer.location for answer in walk)):
        assert location.radius_m is not None
        assert location.radius_m <= 60


def test_what_photos_cannot_tell_is_not_promised(tmp_path: Path) -> None:
    whence.index(written(tmp_path / "photos", 4, 50.0), tmp_path / "gallery", tolerance_m=25)
    gallery = whence.Gallery.open(tmp_path / "gallery")
    found = [
        whence.Locator(gallery, tolerance_m=tolerance).locate(textured(2)).confidence
        for tolerance in (0.01, 1, 10, 25, 100)
    ]
    assert found == sorted(found)
    assert found[0] < 0.05
    assert found[1] > 0.5
    assert found[1] == found[2] == found[3] == found[4]


def test_one_position_has_a_tolerance_that_can_be_met(tmp_path: Path) -> None:
    whence.index(written(tmp_path / "photos", 4, 0.0), tmp_path / "gallery")
    gallery = whence.Gallery.open(tmp_path / "gallery")
    assert gallery.settings.tolerance_m == 1
    location = whence.Locator(gallery).locate(blank())
    assert location.radius_m == pytest.approx(1, abs=1e-6)


@pytest.mark.slow
def test_trials_do_not_outlive_the_positions_that_they_are_of(tmp_path: Path) -> None:
    folder = tmp_path / "gallery"
    whence.index(write_photos(tmp_path / "photos", LEAST_PHOTOS + 5), folder)
    gallery = whence.Gallery.open(folder)
    recipe = recipe_of(gallery.settings)
    before = calibration_of(gallery, recipe, 25)
    assert before is not None
    assert len(before.trials.marks) == len(before.trials)
    moved = [replace(photo, position=LatLon(row / 100, 11.5)) for row, photo in enumerate(gallery.photos)]
    assert before.trials.holds_for(gallery.photos)
    assert before.trials.holds_for(gallery.photos[2:])
    assert not before.trials.holds_for(moved)
    assert not before.trials.holds_for(gallery.photos[::2])
    assert mark_of(gallery.photos[0]) != mark_of(replace(gallery.photos[0], group="another"))
    rows = [(photo.path, str(photo.position.lat), "11.5") for photo in moved if isinstance(photo.position, LatLon)]
    whence.index(write_table(tmp_path / "photos" / "anew.csv", rows), folder)
    again = whence.Gallery.open(folder)
    after = calibration_of(again, recipe, 25)
    assert after is not None
    assert after.trials.holds_for(again.photos)
    assert not before.trials.holds_for(again.photos)
    whence.remove(folder, [photo.path for photo in again.photos[:15]])
    assert calibration_of(whence.Gallery.open(folder), recipe, 25) is None


def test_frames_are_counted_as_people_do(tmp_path: Path) -> None:
    for number in (1, 2, 10, 11):
        write_photo(tmp_path / f"f{number}.jpg", textured(number))
    asked: list[Photo] = queries([str(tmp_path)], frames_of_walk=True)
    assert [photo.path.name for photo in asked] == ["f1.jpg", "f2.jpg", "f10.jpg", "f11.jpg"]
    assert [photo.path.name for photo in queries([str(tmp_path)])] == ["f1.jpg", "f10.jpg", "f11.jpg", "f2.jpg"]

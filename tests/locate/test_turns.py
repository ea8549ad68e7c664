"""Photos that lie on a side."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import whence
from samples import Run, World
from whence.gallery.gallery import Gallery
from whence.geo.distance import distances_m
from whence.locate.answers import Answer, Query
from whence.locate.locator import Locator
from whence.locate.turns import turned, turned_camera, worth_asking
from whence.photos import files
from whence.photos.decode import decode
from whence.types import Image, Intrinsics, LocalFeatures, Location, Status


@pytest.fixture(scope="module")
def locator(world: World) -> Locator:
    return Locator(Gallery.open(world.gallery))


def sure_ones(world: World, locator: Locator) -> dict[str, tuple[Image, Location]]:
    """Queries that are answered for certain, upright."""
    pixels = {name: decode(files.read(world.queries / name)).pixels for name in sorted(world.truth)[:8]}
    found = {name: (image, locator.locate(image)) for name, image in pixels.items()}
    return {name: (image, answer) for name, (image, answer) in found.items() if answer.confidence > 0.8}


def test_a_photo_on_its_side_is_recognised_and_located(world: World, locator: Locator) -> None:
    asked = sure_ones(world, locator)
    assert len(asked) >= 3
    for image, upright in asked.values():
        assert upright.turned_deg == 0
        assert upright.position is not None
        for quarters in (1, 2, 3):
            answer = locator.locate(turned(image, quarters))
            assert answer.turned_deg == 90 * quarters  # clockwise, back to how it was
            assert answer.position is not None
            assert distances_m(upright.position, [answer.position])[0] < 0.01
            assert answer.confidence == upright.confidence


def test_the_turn_is_told(world: World, locator: Locator, run: Run, tmp_path: Path) -> None:
    from PIL import Image as Pillow

    image = next(iter(sure_ones(world, locator).values()))[0]
    Pillow.fromarray(turned(image, 1)).save(tmp_path / "side.jpg", quality=95)
    (answer,) = run("locate", tmp_path / "side.jpg", "--gallery", world.gallery, "--format", "jsonl").answers
    assert answer["turned_deg"] == 90
    page = tmp_path / "why.html"
    run("locate", tmp_path / "side.jpg", "--gallery", world.gallery, "--explain", page)
    assert "to the right" in page.read_text()


def test_a_camera_turns_with_its_photo() -> None:
    camera, width, height = Intrinsics(500.0, 510.0, 300.0, 200.0), 640, 480
    once = turned_camera(camera, width, height, 1)
    assert once == Intrinsics(510.0, 500.0, 200.0, 339.0)
    assert turned_camera(once, height, width, 3) == camera
    mark: Image = np.zeros((height, width, 3), np.uint8)
    mark[200, 300] = 255
    y, x = np.argwhere(turned(mark, 1)[..., 0])[0]
    assert (x, y) == (once.cx, once.cy)


@pytest.mark.parametrize(("sure", "expected"), [(True, ()), (False, (1, 2, 3))])
def test_features_without_orientation_are_tried_all_ways(sure: bool, expected: tuple[int, ...]) -> None:
    features = LocalFeatures(np.ones((5, 4), np.float32), np.zeros((5, 64), np.int8), 64, 48)
    query = Query("q", np.zeros((48, 64, 3), np.uint8), features, np.zeros(4, np.float32), "", {})
    assert worth_asking(Answer(Location("q", Status.UNSURE), query), sure) == expected
    gallery_photo = Query("q", None, features, query.vector, "", {})
    assert worth_asking(Answer(Location("q", Status.UNSURE), gallery_photo), sure) == ()


@pytest.mark.parametrize(("sure", "expected"), [(True, ()), (False, (1, 2, 3))])
def test_so_is_a_photo_that_has_such_features_beside_others(sure: bool, expected: tuple[int, ...]) -> None:
    """By night the others may find nothing, and so do not tell the turn."""
    keypoints = np.ones((9, 4), np.float32)
    keypoints[5:, 3] = 10, 80, 170, 260
    features = LocalFeatures(keypoints, np.zeros((9, 64), np.int8), 64, 48, counts=(5, 4))
    query = Query("q", np.zeros((48, 64, 3), np.uint8), features, np.zeros(4, np.float32), "", {})
    assert worth_asking(Answer(Location("q", Status.UNSURE), query), sure) == expected
    alone = Query("q", query.pixels, features.parts[1], query.vector, "", {})
    assert worth_asking(Answer(Location("q", Status.UNSURE), alone), sure) == ()


def test_turned_features_that_are_learned(networks: Path, tmp_path: Path, world: World) -> None:
    """A network sees no place in a photo on its side; asked again upright it does."""
    assert networks.is_dir()
    whence.index(world.photos, tmp_path / "gallery", recipe="xfeat")
    locator = Locator(Gallery.open(tmp_path / "gallery"))
    image = decode(files.read(world.queries / sorted(world.truth)[0])).pixels
    answer = locator.answer(turned(image, 2))
    assert answer.location.turned_deg in (0, 180)
    assert answer.location.seconds.keys() >= {"describe", "search", "verify", "locate"}

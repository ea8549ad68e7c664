"""A few photos reconstructed together, against a court whose cameras are known."""

from __future__ import annotations

import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import pytest

from courts import SIZE, Court, around, visitor
from whence.errors import MissingExtraError
from whence.locate.pipeline import Pipeline
from whence.recipes import load_recipe
from whence.types import Intrinsics, LocalFeatures, Matches
from whence.verify.geometry import RobustGeometry
from whence.verify.matching import MutualNearestNeighbour
from whence.verify.reconstruction import Lens, reconstruct
from whence.verify.rerank import verify
from whence.worlds import View


def together(views: list[View], seed: int = 0) -> tuple[list[LocalFeatures], dict[tuple[int, int], Matches]]:
    asked = Court(views[0], views[1:]).shortlist(seed)
    photos = [asked.query, *asked.features_of(range(len(views) - 1))]
    matcher, estimator = MutualNearestNeighbour(), RobustGeometry()
    pairs = combinations(range(len(photos)), 2)
    return photos, {pair: verify(photos[pair[0]], photos[pair[1]], matcher, estimator).matches for pair in pairs}


def lens(factor: float = 1.0, known: bool = True) -> Lens:
    camera = View(0, 0).intrinsics(*SIZE)
    return Lens(Intrinsics(camera.fx * factor, camera.fy * factor, camera.cx, camera.cy), known)


def distances(points: Any) -> Any:
    return np.linalg.norm(np.asarray(points)[:, None] - np.asarray(points)[None], axis=2)


@pytest.mark.parametrize("given", [lens(), lens(0.85, known=False)], ids=["known", "guessed"])
def test_cameras_stand_as_they_stood(given: Lens) -> None:
    views = [visitor(1), *around(1, 6)]
    photos, matches = together(views)
    poses = reconstruct(photos, [given] * len(photos), matches)
    assert sorted(poses) == list(range(7))
    found = distances([poses[place].centre for place in range(7)])
    truth = distances([view.centre for view in views])
    scale = truth.sum() / found.sum()
    assert np.abs(found * scale - truth).max() < 0.25
    turns = [poses[place].R @ poses[0].R.T for place in range(7)]
    truths = [view.rotation @ views[0].rotation.T for view in views]
    angles = [
        np.degrees(np.arccos(np.clip((np.trace(a @ b.T) - 1) / 2, -1, 1))) for a, b in zip(turns, truths, strict=True)
    ]
    assert max(angles) < 1.5


def test_equal_photos_give_equal_poses() -> None:
    photos, matches = together([visitor(2), *around(2, 5)])
    first, second = (reconstruct(photos, [lens()] * 6, matches) for _ in range(2))
    assert sorted(first) == sorted(second)
    assert all(np.array_equal(first[place].centre, second[place].centre) for place in first)


def test_earlier_work_of_a_thread_changes_nothing() -> None:
    photos, matches = together([visitor(5), *around(5, 5)])
    rng = np.random.default_rng(0)
    noisy = {
        pair: Matches(
            np.concatenate([told.query, rng.integers(0, 600, 80)]),
            np.concatenate([told.database, rng.integers(0, 600, 80)]),
        )
        for pair, told in matches.items()
    }

    def centres() -> list[Any]:
        found = reconstruct(photos, [lens(0.9, known=False)] * 6, noisy)
        return [found[place].centre for place in sorted(found)]

    first, again = centres(), centres()
    with ThreadPoolExecutor(1) as fresh:
        elsewhere = fresh.submit(centres).result()
    assert len(first) >= 3
    assert np.array_equal(first, again)
    assert np.array_equal(first, elsewhere)


def test_nowhere_to_write_is_no_reconstruction(monkeypatch: pytest.MonkeyPatch) -> None:
    photos, matches = together([visitor(1), *around(1, 4)])
    monkeypatch.setattr(tempfile, "tempdir", "/proc")
    assert reconstruct(photos, [lens()] * 5, matches) == {}


def test_photos_that_do_not_fit_give_none(capfd: pytest.CaptureFixture[str]) -> None:
    photos, matches = together([visitor(3), *around(3, 4)])
    rng = np.random.default_rng(0)
    wrong = {pair: Matches(told.query, rng.permutation(told.database)) for pair, told in matches.items()}
    assert reconstruct(photos, [lens()] * 5, wrong) == {}
    assert reconstruct(photos, [lens()] * 5, {}) == {}
    assert reconstruct(photos[:2], [lens()] * 2, {(0, 1): matches[0, 1]}) == {}
    others = {pair: told for pair, told in matches.items() if 0 not in pair}
    assert reconstruct(photos, [lens()] * 5, others) == {}  # one without the first photo is of no use
    said = capfd.readouterr()
    assert said.out == said.err == ""


def test_photos_of_two_cameras() -> None:
    wide = [replace(view, fov_deg=80.0) for view in around(4, 3)]
    views = [visitor(4), *around(4, 3), *[replace(view, x=view.x + 1.0) for view in wide]]
    photos, matches = together(views)
    lenses = [lens()] * 4 + [Lens(View(0, 0, fov_deg=80.0).intrinsics(*SIZE), True)] * 3
    poses = reconstruct(photos, lenses, matches)
    found, truth = (
        distances([poses[place].centre for place in sorted(poses)]),
        distances([views[place].centre for place in sorted(poses)]),
    )
    assert len(poses) >= 6
    assert np.abs(found * truth.sum() / found.sum() - truth).max() < 0.3


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pycolmap", None)
    with pytest.raises(MissingExtraError, match=r"local reconstructions need an extra .*\[sfm\]"):
        Pipeline(load_recipe("reconstruction"))  # at once, not after all the work

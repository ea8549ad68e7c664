"""What LighterGlue is given, and what is made of its answer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from whence.errors import RecipeError
from whence.types import LocalFeatures
from whence.verify.lightglue import LightGlue, LightGlueOptions


def features(count: int, seed: int = 0, dimension: int = 64) -> LocalFeatures:
    random = np.random.default_rng(seed)
    keypoints = np.column_stack([random.uniform((0, 0), (319, 199), (count, 2)), np.full(count, 8.0), np.zeros(count)])
    descriptors = random.normal(size=(count, dimension))
    descriptors *= 256 / np.linalg.norm(descriptors, axis=1, keepdims=True)
    return LocalFeatures(keypoints.astype(np.float32), descriptors.round().astype(np.int8), 320, 200)


def test_the_same_features_in_another_order(networks: Path) -> None:
    first = features(50)
    order = np.random.default_rng(1).permutation(50)
    second = LocalFeatures(first.keypoints[order], first.descriptors[order], 320, 200)
    matches = LightGlue().match(first, second)
    assert np.array_equal(order[matches.database], matches.query)
    assert len(matches) == 50


def test_only_the_strongest_and_only_the_sure(networks: Path) -> None:
    first = features(50)
    few = LightGlue(LightGlueOptions(keypoints=20)).match(first, first)
    assert len(few) == 20
    assert few.query.max() == few.database.max() == 19
    assert len(LightGlue(LightGlueOptions(least=0.7)).match(first, features(50, seed=2))) == 0


def test_what_the_network_sees(networks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, np.ndarray] = {}

    class Spy:
        def run(self, wanted: list[str], inputs: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
            given.update(inputs)
            return np.zeros((0, 2), np.int64), np.zeros(0, np.float32)

    made = LightGlue()
    monkeypatch.setattr(made, "_session", Spy())
    corners = np.array([(0, 0, 8, 0), (320, 200, 8, 0), (160, 100, 8, 0)], np.float32)
    one = LocalFeatures(corners, features(3).descriptors, 320, 200)
    made.match(one, one)
    assert given["kpts0"][0].tolist() == [[-1, -0.625], [1, 0.625], [0, 0]]  # in halves of the longer side
    assert np.linalg.norm(given["desc1"][0], axis=1) == pytest.approx(1, abs=1e-5)
    assert all(array.dtype == np.float32 for array in given.values())


def test_other_features_are_refused(networks: Path) -> None:
    with pytest.raises(RecipeError, match="takes descriptors of 64 numbers, not 32"):
        LightGlue().match(features(5, dimension=32), features(5, dimension=32))

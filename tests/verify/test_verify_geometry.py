"""Robust geometry on points in space whose two pictures are known."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from whence.types import DoubleArray, LocalFeatures, Matches
from whence.verify.geometry import GeometryOptions, RobustGeometry

INLIERS, OUTLIERS = 120, 120
CAMERA = np.array([[800.0, 0, 399.5], [0, 800, 299.5], [0, 0, 1]])


def turned(degrees: float) -> DoubleArray:
    """Rotation about the upright axis."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


def pixels(points: DoubleArray, rotation: DoubleArray, centre: DoubleArray) -> DoubleArray:
    """``(N, 2)`` projections of ``(N, 3)`` points."""
    seen = (points - centre) @ rotation.T @ CAMERA.T
    return np.asarray(seen[:, :2] / seen[:, 2:], np.float64)


def features(points: DoubleArray) -> LocalFeatures:
    keypoints = np.zeros((len(points), 4), np.float32)
    keypoints[:, :2], keypoints[:, 2] = points, 5
    return LocalFeatures(keypoints, np.zeros((len(points), 64), np.int8), 800, 600)


def two_views(
    seed: int, inliers: int = INLIERS, outliers: int = OUTLIERS, flat: bool = False
) -> tuple[LocalFeatures, LocalFeatures, Matches, Any]:
    """Two photos of a cloud of points, with wrong matches among the right ones; which are right."""
    rng = np.random.default_rng(seed)
    cloud = rng.uniform((-4, -3, 6), (4, 3, 16), (inliers, 3))
    if flat:  # a wall seen at an angle
        cloud[:, 2] = 10 + 0.4 * cloud[:, 0]
    first = pixels(cloud, np.eye(3), np.zeros(3)) + rng.normal(0, 0.3, (inliers, 2))
    second = pixels(cloud, turned(8), np.array([1.5, 0.1, 0.4])) + rng.normal(0, 0.3, (inliers, 2))
    a = np.concatenate([first, rng.uniform(0, (800, 600), (outliers, 2))])
    b = np.concatenate([second, rng.uniform(0, (800, 600), (outliers, 2))])
    shuffled = rng.permutation(len(a))
    return features(a), features(b), Matches(shuffled, shuffled.copy()), shuffled < inliers


def epipolar_px(matrix: DoubleArray, a: DoubleArray, b: DoubleArray) -> DoubleArray:
    """Distances of points in the second image to the lines of those in the first."""
    lines = np.column_stack([a, np.ones(len(a))]) @ matrix.T
    return np.asarray(np.abs((lines * np.column_stack([b, np.ones(len(b))])).sum(axis=1)) / np.hypot(*lines[:, :2].T))


def check(found: Any, truth: Any) -> None:
    right = (found.inliers & truth).sum()
    assert right / truth.sum() > 0.85  # recall
    assert right / found.inliers.sum() > 0.9  # a few outliers lie on their lines by chance


@pytest.mark.parametrize("seed", range(5))
def test_known_inliers_are_found(seed: int) -> None:
    query, database, matches, truth = two_views(seed)
    found = RobustGeometry().estimate(query, database, matches)
    assert found.kind == "fundamental"
    check(found, truth)


@pytest.mark.parametrize("seed", range(5))
def test_points_of_one_wall_are_verified_though_many_geometries_fit_them(seed: int) -> None:
    query, database, matches, right = two_views(seed, flat=True)
    found = RobustGeometry().estimate(query, database, matches).inliers
    assert (found & right).sum() > 0.9 * right.sum()
    assert (found & ~right).sum() < 0.15 * (~right).sum()  # what a free line through them takes along


def test_the_matrix_leads_from_query_to_database_pixels() -> None:
    query, database, matches, truth = two_views(1)
    found = RobustGeometry().estimate(query, database, matches)
    assert found.matrix is not None
    a, b = query.keypoints[matches.query, :2][truth], database.keypoints[matches.database, :2][truth]
    assert np.median(epipolar_px(found.matrix, a, b)) < 1
    assert np.median(epipolar_px(found.matrix, b, a)) > 5  # and not the other way round


def test_opencv_giving_up_leaves_it_to_poselib(monkeypatch: pytest.MonkeyPatch) -> None:
    query, database, matches, truth = two_views(2)
    asked = []

    def raising(*arguments: object, **options: object) -> None:
        asked.append(arguments)
        raise cv2.error("usac: (-215:Assertion failed) !model.empty()")

    monkeypatch.setattr(cv2, "findFundamentalMat", raising)
    found = RobustGeometry().estimate(query, database, matches)
    assert len(asked) == 1
    check(found, truth)
    again = RobustGeometry().estimate(query, database, matches)
    np.testing.assert_array_equal(found.inliers, again.inliers)
    assert found.matrix is not None
    a, b = query.keypoints[matches.query, :2][truth], database.keypoints[matches.database, :2][truth]
    assert np.median(epipolar_px(found.matrix, a, b)) < 1


def test_opencv_finding_no_matrix_is_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    query, database, matches, _ = two_views(2)
    monkeypatch.setattr(cv2, "findFundamentalMat", lambda *_: (None, None))
    found = RobustGeometry().estimate(query, database, matches)
    assert found.kind == "none"
    assert found.matrix is None
    assert not found.inliers.any()


def test_seven_matches_prove_nothing() -> None:
    query, database, matches, _ = two_views(0, 7, 0)
    found = RobustGeometry().estimate(query, database, matches)
    assert not found.inliers.any()


def test_a_wider_threshold_takes_more() -> None:
    query, database, matches, _ = two_views(3)
    narrow = RobustGeometry(GeometryOptions(threshold_px=0.2)).estimate(query, database, matches)
    wide = RobustGeometry(GeometryOptions(threshold_px=4.0)).estimate(query, database, matches)
    assert narrow.inliers.sum() < wide.inliers.sum()

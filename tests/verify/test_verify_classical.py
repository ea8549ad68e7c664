"""The methods of the published systems: ratio test, closest matches, plain RANSAC and LO-RANSAC."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_verify_geometry import check, epipolar_px, pixels, two_views
from test_verify_geometry import features as points

from whence.types import DoubleArray, LocalFeatures, Matches
from whence.verify.closest import Closest, ClosestOptions
from whence.verify.lo_ransac import LoRansac, LoRansacOptions
from whence.verify.ransac import Ransac, RansacOptions, samples, seven_points
from whence.verify.ratio import Ratio, RatioOptions


def features(descriptors: Any) -> LocalFeatures:
    rows = np.asarray(descriptors, np.float32).reshape(len(descriptors), -1)
    return LocalFeatures(np.zeros((len(rows), 4), np.float32), rows, 100, 100)


def random_features(seed: int, count: int) -> LocalFeatures:
    return features(np.random.default_rng(seed).integers(-127, 128, (count, 8)))


def distances(query: LocalFeatures, database: LocalFeatures) -> DoubleArray:
    """By definition, one pair at a time."""
    return np.array([[np.linalg.norm(a - b) for b in database.descriptors] for a in query.descriptors], np.float64)


def test_the_ratio_test_is_one_way_and_leaves_each_partner_to_the_closest() -> None:
    query = features([0.0, 1.0, 50.0, 90.0])
    database = features([2.0, 100.0, 300.0])
    found = Ratio(RatioOptions(0.8)).match(query, database)
    # 0 and 1 chose the first, which is left to 1; 50 is not clearly nearer to either; 90 chose the second
    assert list(zip(found.query.tolist(), found.database.tolist(), strict=True)) == [(1, 0), (3, 1)]
    assert found.distances is not None
    assert found.distances.tolist() == [1.0, 10.0]
    assert found.distances.dtype == np.float32


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 30), st.integers(2, 30), st.floats(0.3, 1.0))
def test_the_ratio_test_by_definition(seed: int, queries: int, photos: int, ratio: float) -> None:
    query, database = random_features(seed, queries), random_features(seed + 1, photos)
    apart = distances(query, database)
    best, ordered = apart.argmin(axis=1), np.sort(apart, axis=1)
    passing = ordered[:, 0] < ratio * ordered[:, 1] - 1e-3
    sure = passing | (ordered[:, 0] > ratio * ordered[:, 1] + 1e-3)
    found = Ratio(RatioOptions(ratio)).match(query, database)
    if sure.all():
        assert set(found.database.tolist()) == set(best[passing].tolist())
        for row, column in zip(found.query, found.database, strict=True):
            rivals = apart[passing & (best == column), column]
            assert apart[row, column] == rivals.min()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 30), st.integers(1, 30), st.integers(1, 12))
def test_the_closest_by_definition(seed: int, queries: int, photos: int, count: int) -> None:
    query, database = random_features(seed, queries), random_features(seed + 1, photos)
    apart = distances(query, database)
    best = apart.argmin(axis=1)
    each = [apart[best == column, column].min() for column in np.unique(best)]
    found = Closest(ClosestOptions(count)).match(query, database)
    assert found.distances is not None
    np.testing.assert_allclose(np.sort(found.distances), np.sort(each)[:count], atol=0.02)
    np.testing.assert_allclose(found.distances, apart[found.query, found.database], atol=0.02)


def test_samples_are_seven_different_matches_each_as_often() -> None:
    rows = samples(np.random.default_rng(0), 4000, 10)
    assert rows.shape == (4000, 7)
    assert all(len(set(row)) == 7 for row in rows.tolist())
    counts = np.bincount(rows.ravel(), minlength=10)
    assert abs(counts - 2800).max() < 150
    assert sorted(samples(np.random.default_rng(0), 1, 7)[0].tolist()) == list(range(7))


def test_seven_points_agree_with_opencv() -> None:
    """The same matrices, up to scale, in whatever order."""
    for seed in range(20):
        query, database, matches, _ = two_views(seed, 7, 0)
        a = query.keypoints[matches.query, :2].astype(np.float64) / 800
        b = database.keypoints[matches.database, :2].astype(np.float64) / 800
        expected, _ = cv2.findFundamentalMat(a, b, cv2.FM_7POINT)
        theirs = np.asarray(expected).reshape(-1, 9)
        one = np.ones((7, 1))
        ours = seven_points(np.hstack([a, one])[None], np.hstack([b, one])[None]).reshape(-1, 9)
        assert len(ours) == len(theirs)
        theirs = theirs / np.linalg.norm(theirs, axis=1, keepdims=True)
        assert abs(ours @ theirs.T).max(axis=1) == pytest.approx(1, abs=1e-6)
        assert abs(np.linalg.det(ours.reshape(-1, 3, 3))).max() < 1e-9


METHODS = {
    "ransac": Ransac(RansacOptions(iterations=3000)),
    "always so many": Ransac(RansacOptions(iterations=3000, adaptive=False)),
    "lo-ransac": LoRansac(),
    "lo, always so many": LoRansac(LoRansacOptions(adaptive=False)),
}


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS.keys())
@pytest.mark.parametrize("seed", range(3))
def test_known_inliers_are_found_again(method: Any, seed: int) -> None:
    query, database, matches, truth = two_views(seed)
    found = method.estimate(query, database, matches)
    assert found.kind == "fundamental"
    check(found, truth)
    a, b = query.keypoints[matches.query, :2][truth], database.keypoints[matches.database, :2][truth]
    assert np.median(epipolar_px(found.matrix, a, b)) < 1
    assert np.median(epipolar_px(found.matrix, b, a)) > 5  # from query to database, and not the other way round


def test_inliers_of_plain_ransac_are_those_below_its_threshold() -> None:
    query, database, matches, _ = two_views(4)
    for threshold_px in (0.5, 3.0):
        found = Ransac(RansacOptions(threshold_px=threshold_px)).estimate(query, database, matches)
        assert found.matrix is not None
        a = np.column_stack([query.keypoints[matches.query, :2], np.ones(len(matches))]).astype(np.float64)
        b = np.column_stack([database.keypoints[matches.database, :2], np.ones(len(matches))]).astype(np.float64)
        there, back = a @ found.matrix.T, b @ found.matrix
        sampson = (b * there).sum(axis=1) ** 2 / (np.square(there[:, :2]).sum(1) + np.square(back[:, :2]).sum(1))
        clear = abs(np.sqrt(sampson) - threshold_px) > 1e-3
        assert np.array_equal((np.sqrt(sampson) < threshold_px)[clear], found.inliers[clear])


def test_more_samples_find_what_few_miss() -> None:
    query, database, matches, truth = two_views(1, 40, 80)
    few = Ransac(RansacOptions(iterations=10)).estimate(query, database, matches)
    many = Ransac(RansacOptions(iterations=5000)).estimate(query, database, matches)
    assert many.inliers.sum() > few.inliers.sum()
    assert (many.inliers & truth).sum() > 30


@pytest.mark.parametrize("options", [RansacOptions, LoRansacOptions])
def test_stopping_early_loses_next_to_nothing(options: Any) -> None:
    """Where nearly all matches agree a few samples are enough, and the answer is about the same."""
    made = {RansacOptions: Ransac, LoRansacOptions: LoRansac}[options]
    query, database, matches, truth = two_views(0, 200, 10)
    early = made(options(iterations=2000)).estimate(query, database, matches)
    late = made(options(iterations=2000, adaptive=False)).estimate(query, database, matches)
    check(early, truth)
    check(late, truth)
    assert late.inliers.sum() >= early.inliers.sum()


@pytest.mark.parametrize("motion", [(1.0, 0, 0), (0, 1.0, 0), (0, 0, 1.0)], ids=["sideways", "upwards", "forwards"])
def test_plain_ransac_bears_motions_along_an_axis(motion: tuple[float, float, float]) -> None:
    cloud = np.random.default_rng(0).uniform((-4, -3, 6), (4, 3, 16), (100, 3))
    a, b = pixels(cloud, np.eye(3), np.zeros(3)), pixels(cloud, np.eye(3), np.array(motion))
    matches = Matches(np.arange(100), np.arange(100))
    found = Ransac(RansacOptions(threshold_px=0.1)).estimate(points(a), points(b), matches)
    assert found.inliers.sum() == 100
    assert found.matrix is not None
    assert np.median(epipolar_px(found.matrix, a, b)) < 0.01


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(8, 40), st.integers(1, 12), st.sampled_from(["ransac", "lo-ransac"]))
def test_coinciding_keypoints_never_raise(seed: int, count: int, size: int, name: str) -> None:
    """SIFT gives a keypoint of two orientations twice, and stored positions are rounded."""
    rng = np.random.default_rng(seed)
    a, b = (rng.integers(0, size, (count, 2)).astype(np.float64) * 7 for _ in range(2))
    method = Ransac(RansacOptions(iterations=200)) if name == "ransac" else LoRansac(LoRansacOptions(iterations=200))
    found = method.estimate(points(a), points(b), Matches(np.arange(count), np.arange(count)))
    assert found.inliers.shape == (count,)
    assert (found.matrix is None) == (found.kind == "none")
    assert found.matrix is None or np.isfinite(found.matrix).all()


def test_numpy_giving_up_on_a_sample_loses_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it does on some real pairs, where a sample is singular to the last bit."""
    rng = np.random.default_rng(0)
    a, b = (np.concatenate([rng.uniform(-1, 1, (20, 7, 2)), np.ones((20, 7, 1))], axis=2) for _ in range(2))
    expected = seven_points(a, b)
    a[0], b[0] = 1, 1

    def raising(*_: object) -> None:
        raise np.linalg.LinAlgError("Singular matrix")

    monkeypatch.setattr(np.linalg, "solve", raising)
    found = seven_points(a, b)
    assert np.isfinite(found).all()
    others = abs(expected.reshape(-1, 9) @ found.reshape(-1, 9).T).max(axis=1) > 1 - 1e-9
    assert others[3:].all()


def test_how_many_samples_plain_ransac_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[int] = []

    def counted(a: DoubleArray, b: DoubleArray) -> DoubleArray:
        drawn.append(len(a))
        return seven_points(a, b)

    monkeypatch.setattr("whence.verify.ransac.seven_points", counted)
    query, database, matches, _ = two_views(0, 200, 10)
    Ransac(RansacOptions(iterations=950)).estimate(query, database, matches)
    assert sum(drawn) == 100
    drawn.clear()
    Ransac(RansacOptions(iterations=950, adaptive=False)).estimate(query, database, matches)
    assert sum(drawn) == 950
    drawn.clear()
    query, database, matches, _ = two_views(0, 20, 180)
    Ransac(RansacOptions(iterations=950)).estimate(query, database, matches)
    assert sum(drawn) == 950
    drawn.clear()
    Ransac(RansacOptions(iterations=950, confidence=1.0)).estimate(*two_views(0, 200, 10)[:3])
    assert sum(drawn) == 950

"""Relative poses against cameras and points that are known exactly."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whence.types import DoubleArray, Intrinsics
from whence.verify import relative_pose as rp
from whence.verify.common_scale import common_lengths
from whence.worlds.camera import View, project

seeds = st.integers(0, 10_000)
methods = pytest.mark.parametrize("method", rp.METHODS)
THRESHOLD = 0.002


@dataclass(frozen=True, eq=False)
class Scene:
    """Two upright cameras that see the same points; ``baseline_m`` apart."""

    a: DoubleArray
    b: DoubleArray
    R: DoubleArray
    t: DoubleArray
    depth_m: DoubleArray
    baseline_m: float


def scene(seed: int, *, baseline_m: float | None = None, flat: bool = False, count: int = 60) -> Scene:
    rng = np.random.default_rng(seed)
    heading, bearing = rng.uniform(0, 360, 2)
    apart = float(rng.uniform(1, 3)) if baseline_m is None else baseline_m
    ways = heading + np.array([0, rng.uniform(-20, 20)])
    views = [
        View(
            5 + step * math.sin(math.radians(bearing)),
            7 + step * math.cos(math.radians(bearing)),
            heading_deg=float(way),
            pitch_deg=float(rng.uniform(-8, 8)),
            roll_deg=float(rng.uniform(-4, 4)),
        )
        for step, way in zip((0.0, apart), ways, strict=True)
    ]
    depth = np.full(count, 12.0) if flat else rng.uniform(8, 20, count)
    across, up = rng.uniform(-0.3, 0.3, (2, count)) * depth
    ahead = np.array([math.sin(math.radians(heading)), math.cos(math.radians(heading))])
    aside = np.array([ahead[1], -ahead[0]])
    ground = (5, 7) + depth[:, None] * ahead + across[:, None] * aside
    points = np.column_stack([ground, 1.65 + up])
    cameras = [view.intrinsics() for view in views]
    seen = [project(view, points) for view in views]
    a, b = (rp.normalised(pixels, camera) for (pixels, _), camera in zip(seen, cameras, strict=True))
    R = views[1].rotation @ views[0].rotation.T
    t = views[1].rotation @ (views[0].centre - views[1].centre)
    return Scene(a, b, R, t / max(apart, 1e-12), seen[0][1], apart)


def turn_between_deg(a: DoubleArray, b: DoubleArray) -> float:
    return math.degrees(math.acos(min(1.0, max(-1.0, (float(np.trace(a @ b.T)) - 1) / 2))))


def angle_deg(a: DoubleArray, b: DoubleArray) -> float:
    return math.degrees(math.acos(min(1.0, max(-1.0, float(a @ b)))))


@methods
@given(seed=seeds)
@settings(max_examples=25, deadline=None)
def test_exact_points_give_the_exact_pose(method: str, seed: int) -> None:
    known = scene(seed)
    found = rp.METHODS[method](known.a, known.b, THRESHOLD)
    assert found is not None
    turn, way = (0.1, 1) if method == "poselib" else (3, 25)  # OpenCV stops at the first sample that all agree with
    assert turn_between_deg(found.R, known.R) < turn
    assert angle_deg(found.t, known.t) < way
    assert found.inliers.mean() > 0.9


@given(seed=seeds)
@settings(max_examples=25, deadline=None)
def test_a_third_of_wrong_matches_and_a_pixel_of_noise_are_borne(seed: int) -> None:
    known, rng = scene(seed), np.random.default_rng(seed)
    b = known.b + rng.normal(0, 0.0005, known.b.shape)
    b[:20] = rng.uniform(-0.5, 0.5, (20, 2))
    found = rp.by_poselib(known.a, b, THRESHOLD)
    assert found is not None
    assert turn_between_deg(found.R, known.R) < 1.5
    assert angle_deg(found.t, known.t) < 15
    assert found.inliers[20:].mean() > 0.8


@given(seed=seeds)
@settings(max_examples=25, deadline=None)
def test_points_of_one_wall_give_the_pose_from_five_points(seed: int) -> None:
    """A plane leaves a fundamental matrix open; known cameras leave two poses, and one is right."""
    known = scene(seed, flat=True)
    found = rp.by_poselib(known.a, known.b, THRESHOLD)
    assert found is not None
    assert rp.sampson(known.a, known.b, found.R, found.t).max() < THRESHOLD
    assert found.inliers.all()


@given(seed=seeds)
@settings(max_examples=50, deadline=None)
def test_depths_are_those_of_the_points(seed: int) -> None:
    known = scene(seed)
    first, second = rp.depths(known.a, known.b, known.R, known.t)
    np.testing.assert_allclose(first * known.baseline_m, known.depth_m, rtol=1e-6)
    assert (second > 0).all()
    assert rp.sampson(known.a, known.b, known.R, known.t).max() < 1e-9
    assert not rp.in_front(known.a, known.b, known.R, -known.t).any()


@given(seed=seeds)
@settings(max_examples=50, deadline=None)
def test_one_of_the_four_poses_is_true_and_it_alone_has_all_points_in_front(seed: int) -> None:
    known = scene(seed)
    x, y, z = known.t
    matrix = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]]) @ known.R
    poses = rp.four_poses(matrix)
    ahead = [bool(rp.in_front(known.a, known.b, *pose).all()) for pose in poses]
    assert sum(ahead) == 1
    R, t = poses[ahead.index(True)]
    assert np.linalg.det(R) == pytest.approx(1)
    assert turn_between_deg(R, known.R) < 1e-3
    assert angle_deg(t, known.t) < 1e-3


def test_essential_matrix_of_a_fundamental_one() -> None:
    known = scene(3)
    first, second = Intrinsics(500, 510, 320, 240), Intrinsics(800, 800, 300, 200)
    a, b = (p * (c.fx, c.fy) + (c.cx, c.cy) for p, c in ((known.a, first), (known.b, second)))
    import cv2

    fundamental, _ = cv2.findFundamentalMat(a, b, cv2.FM_8POINT)
    found = rp.essential(np.asarray(fundamental, np.float64), first, second)
    np.testing.assert_allclose(np.linalg.svd(found, compute_uv=False), [1, 1, 0], atol=1e-12)
    assert max(int(rp.in_front(known.a, known.b, *pose).sum()) for pose in rp.four_poses(found)) == 60
    np.testing.assert_allclose(rp.normalised(a, first), known.a, atol=1e-12)


@given(seed=seeds)
@settings(max_examples=25, deadline=None)
def test_a_camera_that_only_turned_shows_no_parallax(seed: int) -> None:
    known = scene(seed, baseline_m=0.0)
    turned = rp.rotation_alone(known.a, known.b)
    assert turn_between_deg(turned, known.R) < 1e-3
    assert rp.parallax(known.a, known.b, turned).max() < 1e-6


@methods
@pytest.mark.parametrize("kind", ["none", "seven", "same", "line", "noise", "turned"])
def test_degenerate_matches_give_a_pose_or_none_and_never_an_error(method: str, kind: str) -> None:
    rng, along = np.random.default_rng(0), np.linspace(-0.4, 0.4, 40)
    turned = scene(1, baseline_m=0.0)
    a, b = {
        "none": (np.zeros((0, 2)), np.zeros((0, 2))),
        "seven": (scene(0).a[:7], scene(0).b[:7]),
        "same": (np.zeros((40, 2)), np.zeros((40, 2))),
        "line": (np.column_stack([along, along]), np.column_stack([along + 0.1, along])),
        "noise": (rng.uniform(-1, 1, (40, 2)), rng.uniform(-1, 1, (40, 2))),
        "turned": (turned.a, turned.b),
    }[kind]
    found = rp.METHODS[method](a, b, THRESHOLD)
    if kind in ("none", "seven"):
        assert found is None
    if found is not None:
        assert found.inliers.sum() >= rp.LEAST
        np.testing.assert_allclose(found.R @ found.R.T, np.eye(3), atol=1e-6)
        assert np.linalg.norm(found.t) == pytest.approx(1)


@given(st.lists(st.floats(0.2, 5.0), min_size=1, max_size=6), seeds)
@settings(max_examples=50, deadline=None)
def test_shared_keypoints_bring_all_lengths_to_one_ruler(lengths: list[float], seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.uniform(4, 30, 50)
    keypoints = [np.sort(rng.choice(50, 40, replace=False)) for _ in lengths]
    depths = [truth[ids] / length for ids, length in zip(keypoints, lengths, strict=True)]
    for wrong in depths:
        wrong[:6] *= rng.uniform(0.1, 10, 6)
    found = common_lengths(keypoints, depths)
    np.testing.assert_allclose(found, np.array(lengths) / lengths[0], rtol=1e-6)


def test_a_pair_that_shares_nothing_has_no_length() -> None:
    one, other = np.arange(10), np.arange(20, 30)
    found = common_lengths(
        [one, other, one, np.zeros(0, np.intp)], [np.ones(10), np.ones(10), np.ones(10) / 2, np.ones(0)]
    )
    assert found[[0, 2]].tolist() == [1, 2]
    assert np.isnan(found[[1, 3]]).all()
    assert len(common_lengths([], [])) == 0

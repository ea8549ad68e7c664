"""How two calibrated cameras stand to each other, from points that both see.

Camera axes: x right, y down, z forward. A pose takes points of the first camera to the second: ``X2 = R X1 + t``. The
length of ``t`` cannot be known from two photos, so it is one. The first camera's centre lies at ``t`` in the second,
and the second's at ``-R.T t`` in the first.

Points are on the plane at depth one, ``(N, 2)``: pixels without their camera (``normalised``).

Sources: R. Hartley and A. Zisserman, Multiple View Geometry, 2nd ed. 2003, chapter 9 (fundamental and essential matrix,
the four poses, the one with points in front); D. Nistér, An efficient solution to the five-point relative pose problem,
PAMI 2004, in PoseLib and OpenCV.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from whence.types import DoubleArray, FloatArray, Intrinsics
from whence.verify.geometry import lo_ransac

LEAST = 8
"""Matches below which a pose means nothing: five always fit one, and a fundamental matrix takes eight."""
_ITERATIONS = 1000
_CONFIDENCE = 0.999
_LEAST_SAMPLES = 20


@dataclass(frozen=True, slots=True, eq=False)
class RelativePose:
    """One camera seen from another.

    Attributes:
        R: ``(3, 3)`` rotation from the first camera's axes to the second's.
        t: ``(3,)`` of length one.
        inliers: ``(M,)`` bool: matches near their epipolar lines, in front of both cameras.
    """

    R: DoubleArray
    t: DoubleArray
    inliers: NDArray[np.bool_]

    @property
    def second_centre(self) -> DoubleArray:
        """``(3,)`` where the second camera stands in the first one's axes."""
        return np.asarray(-self.R.T @ self.t)


def normalised(pixels: FloatArray | DoubleArray, camera: Intrinsics) -> DoubleArray:
    """``(N, 2)`` pixels to the plane at depth one."""
    return (np.asarray(pixels, np.float64) - (camera.cx, camera.cy)) / (camera.fx, camera.fy)


def essential(fundamental: DoubleArray, first: Intrinsics, second: Intrinsics) -> DoubleArray:
    """``(3, 3)`` the nearest essential matrix to what a fundamental matrix is for two cameras.

    Args:
        fundamental: ``x2.T F x1 = 0`` in pixels.
        first: Camera of x1.
        second: Camera of x2.
    """
    u, _, vt = np.linalg.svd(_matrix(second).T @ fundamental @ _matrix(first))
    return np.asarray(u @ np.diag([1.0, 1.0, 0.0]) @ vt)


def four_poses(essential_matrix: DoubleArray) -> list[tuple[DoubleArray, DoubleArray]]:
    """The rotations and unit translations that an essential matrix stands for."""
    u, _, vt = np.linalg.svd(essential_matrix)
    u, vt = u * np.sign(np.linalg.det(u)), vt * np.sign(np.linalg.det(vt))
    turn = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    return [(u @ w @ vt, side * u[:, 2]) for w in (turn, turn.T) for side in (1.0, -1.0)]


def depths(a: DoubleArray, b: DoubleArray, R: DoubleArray, t: DoubleArray) -> tuple[DoubleArray, DoubleArray]:
    """``(N,)`` depths in both cameras of the points nearest to both rays, in lengths of ``t``.

    Negative behind a camera; NaN or huge for parallel rays.
    """
    turned, seen = _rays(a) @ R.T, _rays(b)
    # |d1 * turned + t - d2 * seen| is least: two equations for each point
    aa, ab, bb = (turned * turned).sum(axis=1), (turned * seen).sum(axis=1), (seen * seen).sum(axis=1)
    at, bt = turned @ t, seen @ t
    with np.errstate(divide="ignore", invalid="ignore"):
        area = aa * bb - ab * ab
        return (ab * bt - bb * at) / area, (aa * bt - ab * at) / area


def in_front(a: DoubleArray, b: DoubleArray, R: DoubleArray, t: DoubleArray) -> NDArray[np.bool_]:
    """``(N,)``: points in front of both cameras (cheirality)."""
    first, second = depths(a, b, R, t)
    return np.asarray((first > 0) & (second > 0))


def sampson(a: DoubleArray, b: DoubleArray, R: DoubleArray, t: DoubleArray) -> DoubleArray:
    """``(N,)`` distance of each match from the epipolar geometry, to first order, at depth one (P. Sampson, 1982)."""
    matrix = _cross(t) @ R
    ahead, back = _rays(a) @ matrix.T, _rays(b) @ matrix
    off = np.abs((_rays(b) * ahead).sum(axis=1))
    slope = np.sqrt((ahead[:, :2] ** 2).sum(axis=1) + (back[:, :2] ** 2).sum(axis=1))
    return np.asarray(off / np.maximum(slope, 1e-12))


def parallax(a: DoubleArray, b: DoubleArray, R: DoubleArray) -> DoubleArray:
    """``(N,)`` radians between the rays of each match when both cameras are turned alike."""
    chord = np.linalg.norm(_unit(_rays(a) @ R.T) - _unit(_rays(b)), axis=1)
    return np.asarray(2 * np.arcsin(np.minimum(chord / 2, 1)))


def rotation_alone(a: DoubleArray, b: DoubleArray) -> DoubleArray:
    """``(3, 3)`` the rotation that brings the first rays nearest to the second ones (W. Kabsch, 1976)."""
    u, _, vt = np.linalg.svd(_unit(_rays(b)).T @ _unit(_rays(a)))
    return np.asarray(u @ np.diag([1.0, 1.0, np.linalg.det(u @ vt)]) @ vt)


def by_poselib(a: DoubleArray, b: DoubleArray, threshold: float) -> RelativePose | None:
    """LO-RANSAC over five points with PoseLib, refined over all inliers.

    Args:
        a: ``(N, 2)`` points of the first camera, normalised.
        b: ``(N, 2)`` of the second.
        threshold: Distance from the epipolar line that still agrees, at depth one.

    Returns:
        None where there are too few points or none agree.
    """
    if len(a) < LEAST:
        return None
    import poselib

    # PoseLib takes thresholds in pixels, and some of its limits are made for them: a camera of 1000 pixels
    camera = {"model": "SIMPLE_PINHOLE", "width": 1, "height": 1, "params": [1000.0, 0.0, 0.0]}
    ransac = lo_ransac(1000 * threshold, _CONFIDENCE, _ITERATIONS, _LEAST_SAMPLES)
    found, _ = poselib.estimate_relative_pose(1000 * a, 1000 * b, camera, camera, ransac, {})
    return _checked(a, b, np.asarray(found.R, np.float64), np.asarray(found.t, np.float64), threshold)


def by_opencv(a: DoubleArray, b: DoubleArray, threshold: float) -> RelativePose | None:
    """RANSAC over five points and ``recoverPose`` with OpenCV; as ``by_poselib``."""
    if len(a) < LEAST:
        return None
    try:
        matrix, mask = cv2.findEssentialMat(a, b, np.eye(3), cv2.RANSAC, _CONFIDENCE, threshold, _ITERATIONS)
        if matrix is None or matrix.shape != (3, 3):
            return None
        _, R, t, _ = cv2.recoverPose(matrix, a, b, np.eye(3), mask=mask)
    except cv2.error:  # raised on some degenerate points
        return None
    return _checked(a, b, np.asarray(R, np.float64), np.asarray(t, np.float64).ravel(), threshold)


def by_fundamental(a: DoubleArray, b: DoubleArray, threshold: float) -> RelativePose | None:
    """The fundamental matrix by RANSAC, the essential one from it, the pose from that; as ``by_poselib``."""
    if len(a) < LEAST:
        return None
    try:
        # OpenCV's normalised eight points and its limits are made for pixels
        matrix, mask = cv2.findFundamentalMat(
            1000 * a, 1000 * b, cv2.FM_RANSAC, 1000 * threshold, _CONFIDENCE, _ITERATIONS
        )
    except cv2.error:  # as above
        return None
    if matrix is None or mask is None or matrix.shape != (3, 3):
        return None
    agree = np.asarray(mask).ravel() > 0
    camera = Intrinsics(1000.0, 1000.0, 0.0, 0.0)
    poses = four_poses(essential(np.asarray(matrix, np.float64), camera, camera))
    R, t = max(poses, key=lambda pose: int(in_front(a, b, *pose).sum()))
    # matches near F's lines may lie off those of E, which has fewer freedoms: the report counts the former
    agree = np.asarray(agree & in_front(a, b, R, t))
    return RelativePose(R, t, agree) if agree.sum() >= LEAST else None


METHODS: dict[str, Callable[[DoubleArray, DoubleArray, float], RelativePose | None]] = {
    "poselib": by_poselib,
    "opencv": by_opencv,
    "fundamental": by_fundamental,
}


def _checked(a: DoubleArray, b: DoubleArray, R: DoubleArray, t: DoubleArray, threshold: float) -> RelativePose | None:
    """The pose with the matches that agree with it; None if they are too few."""
    length = float(np.linalg.norm(t))
    if not (np.isfinite(R).all() and np.isfinite(t).all() and length > 0):
        return None
    t = t / length
    agree = np.asarray((sampson(a, b, R, t) <= threshold) & in_front(a, b, R, t))
    return RelativePose(R, t, agree) if agree.sum() >= LEAST else None


def _matrix(camera: Intrinsics) -> DoubleArray:
    return np.array([[camera.fx, 0, camera.cx], [0, camera.fy, camera.cy], [0, 0, 1]], np.float64)


def _rays(points: DoubleArray) -> DoubleArray:
    """``(N, 3)`` directions with depth one."""
    return np.column_stack([points, np.ones(len(points))])


def _unit(rays: DoubleArray) -> DoubleArray:
    return np.asarray(rays / np.linalg.norm(rays, axis=1, keepdims=True))


def _cross(t: DoubleArray) -> DoubleArray:
    """``(3, 3)`` the matrix that multiplies like the cross product with ``t``."""
    return np.array([[0, -t[2], t[1]], [t[2], 0, -t[0]], [-t[1], t[0], 0]])

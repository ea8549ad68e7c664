"""Robust two-view geometry.

Sources: D. Barath et al., MAGSAC++, CVPR 2020, in OpenCV's USAC; V. Larsson, PoseLib (LO-RANSAC).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from whence.types import DoubleArray, Geometry, LocalFeatures, Matches

LEAST = 8
"""Matches below which a fundamental matrix means nothing: seven always fit one."""


@dataclass(frozen=True, slots=True)
class GeometryOptions:
    """Options of robust estimation.

    Attributes:
        threshold_px: A match this close to its epipolar line agrees with the geometry.
        confidence: Of having drawn one sample free of outliers.
        iterations: At most.
    """

    threshold_px: float = 1.5
    confidence: float = 0.999
    iterations: int = 1000


class RobustGeometry:
    """Fundamental matrix by MAGSAC++; by PoseLib where OpenCV gives up. Deterministic: both use fixed seeds."""

    options_type = GeometryOptions

    def __init__(self, options: GeometryOptions | None = None) -> None:
        self.options = options or GeometryOptions()

    def estimate(self, query: LocalFeatures, database: LocalFeatures, matches: Matches) -> Geometry:
        """The geometry that most matches agree with; none for fewer than eight matches."""
        if len(matches) < LEAST:
            return Geometry(np.zeros(len(matches), np.bool_))
        a = query.keypoints[matches.query, :2].astype(np.float64)
        b = database.keypoints[matches.database, :2].astype(np.float64)
        found = self._magsac(a, b)
        matrix, inliers = found if found is not None else self._poselib(a, b)
        if matrix is None or inliers.sum() < LEAST:
            return Geometry(np.zeros(len(matches), np.bool_))
        return Geometry(inliers, "fundamental", matrix)

    def _magsac(self, a: DoubleArray, b: DoubleArray) -> tuple[DoubleArray | None, NDArray[np.bool_]] | None:
        chosen = self.options
        try:
            matrix, mask = cv2.findFundamentalMat(
                a, b, cv2.USAC_MAGSAC, chosen.threshold_px, chosen.confidence, chosen.iterations
            )
        except cv2.error:  # OpenCV 5.0 raises on some real pairs (!model.empty())
            return None
        if matrix is None or mask is None or matrix.shape != (3, 3):
            return None, np.zeros(len(a), np.bool_)
        return np.asarray(matrix, np.float64), np.asarray(mask).ravel() > 0

    def _poselib(self, a: DoubleArray, b: DoubleArray) -> tuple[DoubleArray, NDArray[np.bool_]]:
        chosen = self.options
        least = min(100, chosen.iterations)
        return poselib_fundamental(a, b, chosen.threshold_px, chosen.confidence, chosen.iterations, least)


def poselib_fundamental(
    a: DoubleArray, b: DoubleArray, threshold_px: float, confidence: float, iterations: int, least: int
) -> tuple[DoubleArray, NDArray[np.bool_]]:
    """Matrix and inliers of ``(M, 2)`` matched pixels by PoseLib's LO-RANSAC, after ``least`` samples or more."""
    import poselib

    matrix, info = poselib.estimate_fundamental(a, b, lo_ransac(threshold_px, confidence, iterations, least), {})
    return np.asarray(matrix, np.float64), np.asarray(info["inliers"], np.bool_)


def lo_ransac(threshold_px: float, confidence: float, iterations: int, least: int) -> dict[str, Any]:
    """PoseLib's options of robust estimation, with a fixed seed."""
    return {
        "max_epipolar_error": threshold_px,
        "max_iterations": iterations,
        "min_iterations": least,
        "success_prob": confidence,
        "seed": 0,
    }

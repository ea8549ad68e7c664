"""RANSAC whose best samples are refined while it runs.

Sources: O. Chum et al., Locally Optimized RANSAC, DAGM 2003; V. Larsson, PoseLib.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from whence.types import DoubleArray, Geometry, LocalFeatures, Matches
from whence.verify.geometry import LEAST, poselib_fundamental


@dataclass(frozen=True, slots=True)
class LoRansacOptions:
    """Options of LO-RANSAC.

    Attributes:
        threshold_px: Largest Sampson error of a match that agrees.
        confidence: Of having drawn one sample free of outliers, where ``adaptive``.
        iterations: Samples, at most.
        adaptive: Stop when there were enough for the share of inliers seen so far, but not before 100; else draw all.
    """

    threshold_px: float = 1.5
    confidence: float = 0.999
    iterations: int = 1000
    adaptive: bool = True


class LoRansac:
    """Fundamental matrix by PoseLib, with a truncated squared error as score. Deterministic: its seed is fixed."""

    options_type = LoRansacOptions

    def __init__(self, options: LoRansacOptions | None = None) -> None:
        self.options = options or LoRansacOptions()

    def estimate(self, query: LocalFeatures, database: LocalFeatures, matches: Matches) -> Geometry:
        """The refined geometry; none for fewer than eight inliers."""
        if len(matches) < LEAST:
            return Geometry(np.zeros(len(matches), np.bool_))
        a = query.keypoints[matches.query, :2].astype(np.float64)
        b = database.keypoints[matches.database, :2].astype(np.float64)
        matrix, inliers = self._fitted(a, b)
        if inliers.sum() < LEAST:
            return Geometry(np.zeros(len(matches), np.bool_))
        return Geometry(inliers, "fundamental", matrix)

    def _fitted(self, a: DoubleArray, b: DoubleArray) -> tuple[DoubleArray, NDArray[np.bool_]]:
        chosen = self.options
        least = min(100, chosen.iterations) if chosen.adaptive else chosen.iterations
        return poselib_fundamental(a, b, chosen.threshold_px, chosen.confidence, chosen.iterations, least)

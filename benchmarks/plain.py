"""The plain way, as a tutorial would have it: OpenCV's SIFT, brute force, RANSAC, with its defaults unless told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

KEYPOINTS, RATIO = 1000, 0.8
_LEAST = 8

Features = tuple[NDArray[np.float32], NDArray[np.float32] | None]
"""Keypoints ``(N, 2)`` and descriptors ``(N, 128)``, or None for a photo without texture."""


class Plain:
    """One photo at a time, one pair at a time."""

    def __init__(self, keypoints: int = KEYPOINTS, contrast: float = 0.04) -> None:
        self._sift = cv2.SIFT.create(nfeatures=keypoints, contrastThreshold=contrast)
        self._matcher = cv2.BFMatcher(cv2.NORM_L2)

    def features(self, path: Path) -> Features:
        """Reads a photo and finds its keypoints."""
        grey = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        if grey is None:
            raise ValueError(f"{path} cannot be read")
        found, descriptors = self._sift.detectAndCompute(grey, None)
        points = np.array([point.pt for point in found], dtype=np.float32).reshape(-1, 2)
        return points, None if descriptors is None else np.asarray(descriptors, np.float32)

    def inliers(self, query: Features, database: Features) -> int:
        """Matches of two photos that agree with one fundamental matrix."""
        if query[1] is None or database[1] is None:
            return 0
        pairs: Any = self._matcher.knnMatch(query[1], database[1], k=2)
        good = [pair[0] for pair in pairs if len(pair) == 2 and pair[0].distance < RATIO * pair[1].distance]
        if len(good) < _LEAST:
            return 0
        a = query[0][[match.queryIdx for match in good]]
        b = database[0][[match.trainIdx for match in good]]
        mask = cv2.findFundamentalMat(a, b, cv2.FM_RANSAC)[1]
        return 0 if mask is None else int(np.count_nonzero(mask))

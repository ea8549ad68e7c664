"""SIFT keypoints with compact RootSIFT descriptors.

Sources: D. Lowe, Distinctive Image Features from Scale-Invariant Keypoints, IJCV 2004 (SIFT); R. Arandjelović and
A. Zisserman, Three things everyone should know to improve object retrieval, CVPR 2012 (RootSIFT).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from whence.describe import builtin
from whence.types import Image, LocalFeatures

STEPS = 256.0
"""Quantisation steps per unit of RootSIFT, whose vectors have unit length; components beyond ±127 steps do not occur
in practice."""

_SCOUT, _TIMES = 4, 5
"""How much smaller the picture is that is looked at first, and how many times more keypoints of any strength the whole
has at least: between 5.6 and 31 times in photos of six data sets."""
_WORTH_SCOUTING = 300
"""Pixels for each keypoint wanted; in smaller photos there are hardly more keypoints than are wanted."""


@dataclass(frozen=True, slots=True)
class SiftOptions:
    """Options of the SIFT extractor.

    Attributes:
        keypoints: At most so many, the strongest.
        contrast_threshold: OpenCV's; lower than its default of 0.04, so that dim and plain scenes give keypoints too.
    """

    keypoints: int = 1000
    contrast_threshold: float = 0.01


class Sift:
    """OpenCV's SIFT; RootSIFT reduced from 128 to 64 dimensions by a fixed PCA and stored in int8.

    The 64 dimensions hold 95 % of the variance on every kind of photo tried, and match as well as all 128
    (docs/benchmarks.md). The basis never changes, so features of any gallery can be compared.
    """

    options_type = SiftOptions

    def __init__(self, options: SiftOptions | None = None) -> None:
        self.options = options or SiftOptions()
        self._detector = cv2.SIFT.create(
            nfeatures=self.options.keypoints,
            contrastThreshold=self.options.contrast_threshold,
            enable_precise_upscale=True,  # without it keypoints lie a quarter of a pixel too far right and down
        )

    @property
    def fingerprint(self) -> str:
        """Changes with the options and with the shipped basis, and with OpenCV's own major version."""
        basis = builtin.arrays()
        said = repr(("sift", 1, sorted(asdict(self.options).items()), cv2.__version__.split(".")[0]))
        digest = hashlib.blake2b(said.encode(), digest_size=6)
        digest.update(basis["mean"].tobytes() + basis["basis"].tobytes())
        return f"sift-{digest.hexdigest()}"

    def extract(self, image: Image) -> LocalFeatures:
        """At most ``keypoints`` features, strongest first, descriptors ``(N, 64)`` int8."""
        height, width = image.shape[:2]
        found, raw = self._found(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))
        if raw is None or not found:  # OpenCV gives None for an image without texture
            return LocalFeatures(np.zeros((0, 4), np.float32), np.zeros((0, 64), np.int8), width, height)
        strength = np.array([point.response for point in found])
        keypoints = np.array([(*point.pt, point.size, point.angle) for point in found], dtype=np.float32)
        # OpenCV hands over equally strong ones, such as those with two orientations, in no order of their own
        order = np.lexsort((*keypoints.T, -strength))[: self.options.keypoints]
        return LocalFeatures(keypoints[order], compact(np.asarray(raw[order], np.float32)), width, height)

    def _found(self, grey: NDArray[Any]) -> tuple[Sequence[cv2.KeyPoint], NDArray[Any] | None]:
        """The strongest keypoints and their SIFT.

        OpenCV refines and orients every keypoint above the threshold before it keeps the strongest. A higher threshold
        that leaves enough of them gives the same ones, in half the time where there is much texture.
        """
        least = self.options.contrast_threshold
        threshold = self._threshold(grey)
        if threshold > least:
            self._detector.setContrastThreshold(threshold)
            try:
                found, raw = self._detector.detectAndCompute(grey, None)
            finally:
                self._detector.setContrastThreshold(least)
            if len(found) >= self.options.keypoints:
                return found, raw
        return self._detector.detectAndCompute(grey, None)

    def _threshold(self, grey: NDArray[Any]) -> float:
        """A contrast that about enough keypoints have, by those of a smaller picture; 0 where that is not worth it."""
        wanted, place = self.options.keypoints, self.options.keypoints // _TIMES
        if grey.size < _WORTH_SCOUTING * wanted:
            return 0.0
        size = grey.shape[1] // _SCOUT, grey.shape[0] // _SCOUT
        seen = self._detector.detect(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), None)
        if len(seen) <= place:
            return 0.0
        strengths = np.array([point.response for point in seen])
        return float(-np.partition(-strengths, place)[place]) * self._detector.getNOctaveLayers()


def compact(sift: NDArray[np.float32]) -> NDArray[np.int8]:
    """``(N, 128)`` SIFT to ``(N, 64)`` int8: RootSIFT, centred, projected, quantised."""
    shipped = builtin.arrays()
    root = np.sqrt(sift / np.maximum(sift.sum(axis=1, keepdims=True), 1e-9))
    projected = (root - shipped["mean"]) @ shipped["basis"].T
    return np.asarray(np.clip(np.rint(projected * STEPS), -127, 127), np.int8)

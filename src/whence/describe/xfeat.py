"""XFeat keypoints and descriptors through ONNX Runtime, the extra ``onnx``.

Source: G. Potje, F. Cadar, A. Araujo, R. Martins, E. R. Nascimento, XFeat: Accelerated Features for Lightweight Image
Matching, CVPR 2024. The network gives maps at one eighth of the image's size; what is made of them here is written
after the paper.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from whence.describe.digest import digest_of
from whence.describe.frame import fitted, keypoints_from
from whence.describe.quantised import quantised
from whence.errors import ModelError
from whence.models import catalogue, onnx, store
from whence.types import FloatArray, Image, LocalFeatures

_DIMENSION = 64
_CELL = 8
"""Pixels across a cell of the network's maps, and so, roughly, across what a keypoint shows."""
_APART = 2
"""Keypoints are maxima among the pixels up to so far away."""
_MULTIPLE = 32
"""What the sides of an image have to be multiples of, for a network that takes any size."""


@dataclass(frozen=True, slots=True)
class XfeatOptions:
    """Options of XFeat.

    Attributes:
        keypoints: At most so many, the most reliable.
        threshold: Probability of a keypoint at its pixel, at least.
    """

    keypoints: int = 1000
    threshold: float = 0.05


class Xfeat:
    """XFeat as its authors publish it. Photos keep their proportions, whatever size the network was exported for."""

    options_type = XfeatOptions

    def __init__(self, options: XfeatOptions | None = None) -> None:
        """Loads the network.

        Raises:
            ModelError: It has not been downloaded, or is another file.
            MissingExtraError: Without the extra ``onnx``.
        """
        self.options = options or XfeatOptions()
        path = store.path_of(catalogue.model("xfeat"), "xfeat.onnx")
        self._session = onnx.session(path)
        self._digest = store.digest_of(path)
        (wanted,) = self._session.get_inputs()
        self._input, self._sides = wanted.name, wanted.shape[2:]

    @property
    def fingerprint(self) -> str:
        """Changes with the options and with the network."""
        return digest_of("xfeat", 1, {**asdict(self.options), "network": self._digest})

    def extract(self, image: Image) -> LocalFeatures:
        """At most ``keypoints`` features, most reliable first, descriptors ``(N, 64)`` int8; upright, of one size."""
        height, width = image.shape[:2]
        if image.max() == image.min():
            return LocalFeatures(np.zeros((0, 4), np.float32), np.zeros((0, _DIMENSION), np.int8), width, height)
        grey = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)
        framed, scale = fitted(grey[..., None], self._sides, _MULTIPLE)
        maps, logits, reliability = self._run(framed[..., 0])
        inside = (np.array([width, height]) * scale).round().astype(int)
        found, score = _maxima(_heat(logits)[: inside[1], : inside[0]], self.options.threshold)
        where = found.astype(np.float32)
        cells = where * (np.array(maps.shape[:0:-1]) / (np.array(framed.shape[1::-1]) - 1)) - 0.5
        score = score * sampled(reliability[None], cells)[:, 0]
        kept = np.argsort(-score, kind="stable")[: self.options.keypoints]
        keypoints = keypoints_from(where[kept], scale, _CELL, width, height)
        return LocalFeatures(keypoints, quantised(sampled(maps, cells[kept])), width, height)

    def _run(self, grey: NDArray[np.uint8]) -> tuple[FloatArray, FloatArray, FloatArray]:
        """``(64, h, w)`` descriptors, ``(65, h, w)`` logits of keypoints, ``(h, w)`` reliability."""
        picture = np.repeat((grey.astype(np.float32) / 255)[None, None], 3, axis=1)
        by_channels = {found.shape[1]: found[0] for found in self._session.run(None, {self._input: picture})}
        try:
            return by_channels[_DIMENSION], by_channels[65], by_channels[1][0]
        except KeyError as error:
            raise ModelError(f"the network gives {sorted(by_channels)} channels; XFeat's have 64, 65 and 1") from error


def _heat(logits: FloatArray) -> FloatArray:
    """``(H, W)`` probability of a keypoint at each pixel, of ``(65, h, w)``: 64 pixels of a cell, and none of them."""
    odds = np.exp(logits - logits.max(axis=0))
    probability = (odds / odds.sum(axis=0))[:-1]
    _, high, wide = probability.shape
    return np.asarray(
        probability.reshape(_CELL, _CELL, high, wide).transpose(2, 0, 3, 1).reshape(high * _CELL, wide * _CELL)
    )


def _maxima(heat: FloatArray, threshold: float) -> tuple[NDArray[np.intp], FloatArray]:
    """``(N, 2)`` x, y of local maxima above a threshold, and their values."""
    across = 2 * _APART + 1
    highest = cv2.dilate(heat, np.ones((across, across), np.uint8))
    y, x = np.nonzero((heat == highest) & (heat > threshold))
    return np.column_stack([x, y]), heat[y, x]


def sampled(maps: FloatArray, at: NDArray[np.floating]) -> FloatArray:
    """``(N, C)`` values of ``(C, h, w)`` maps at ``(N, 2)`` places x, y between their elements, bilinear."""
    _, high, wide = maps.shape
    at = np.clip(at, 0, (wide - 1, high - 1))
    low = np.minimum(np.floor(at).astype(np.intp), (max(wide - 2, 0), max(high - 2, 0)))
    x, y = low.T
    right, below = (at - low).T.astype(np.float32)
    next_x, next_y = np.minimum(x + 1, wide - 1), np.minimum(y + 1, high - 1)
    upper = maps[:, y, x] * (1 - right) + maps[:, y, next_x] * right
    lower = maps[:, next_y, x] * (1 - right) + maps[:, next_y, next_x] * right
    return np.ascontiguousarray((upper * (1 - below) + lower * below).T)

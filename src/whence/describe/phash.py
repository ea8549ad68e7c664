"""Perceptual hash of a whole image: 64 signs of its lowest frequencies.

Source: C. Zauner, Implementation and Benchmarking of Perceptual Image Hash Functions, 2010 (the hash based on the
discrete cosine transform).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from whence.describe.digest import digest_of
from whence.describe.unlearned import Unlearned
from whence.types import FloatArray, Image

_SIDE, _KEPT = 32, 8
_LEAST_RANGE = 1.0
"""Grey levels between the darkest and the brightest of the 32 x 32 pixels: below it the signs are those of noise."""


@dataclass(frozen=True, slots=True)
class PhashOptions:
    """There is nothing to choose."""


class Phash(Unlearned[PhashOptions]):
    """Bits as ±1/8, exact in half precision: the cosine of two photos is 1 - hamming distance / 32."""

    options_type = PhashOptions

    @property
    def sees(self) -> str:
        """See ``Describer``."""
        return digest_of("phash", 1, asdict(self.options))

    @property
    def dimension(self) -> int:
        """One for each bit."""
        return _KEPT * _KEPT

    def whole(self, image: Image) -> FloatArray:
        """``(64,)`` float32 of unit length; zeros for a blank image."""
        small = grey_small(image)
        if np.ptp(small) < _LEAST_RANGE:
            return np.zeros(self.dimension, np.float32)
        return np.where(bits_of(small), np.float32(1 / _KEPT), np.float32(-1 / _KEPT))


def bits_of(small: FloatArray) -> NDArray[np.bool_]:
    """``(..., 64)``: which of the 8 x 8 lowest frequencies of grey ``(..., 32, 32)`` images lie above their median."""
    images = small.reshape(-1, _SIDE, _SIDE)
    lowest = np.empty((len(images), _KEPT * _KEPT), np.float32)
    for row, image in zip(lowest, images, strict=True):
        row[:] = cv2.dct(image)[:_KEPT, :_KEPT].ravel()
    bits: NDArray[np.bool_] = lowest > np.median(lowest, axis=1, keepdims=True)
    return bits.reshape(*small.shape[:-2], _KEPT * _KEPT)


def grey_small(image: Image) -> FloatArray:
    """``(32, 32)`` grey levels of an RGB image."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return np.asarray(cv2.resize(grey, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA), np.float32)

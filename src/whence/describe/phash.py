"""Perceptual hash of a whole image: 64 signs of its lowest frequencies.

Source: C. Zauner, Implementation and Benchmarking of Perceptual Image Hash Functions, 2010 (the hash based on the
discrete cosine transform).
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from whence.types import Image

_SIDE, _KEPT = 32, 8


def phash_bits(image: Image) -> NDArray[np.bool_]:
    """``(64,)``: which of the 8 x 8 lowest frequencies of the grey 32 x 32 image lie above their median."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    small = cv2.resize(grey, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    lowest = cv2.dct(small)[:_KEPT, :_KEPT].ravel()
    bits: NDArray[np.bool_] = lowest > np.median(lowest)
    return bits

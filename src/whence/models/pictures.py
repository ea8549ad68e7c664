"""Photos as networks that describe whole ones take them."""

from __future__ import annotations

from typing import Protocol

import cv2
import numpy as np

from whence.types import FloatArray, Image


class Wanted(Protocol):
    """The picture that a network takes."""

    @property
    def width_px(self) -> int: ...
    @property
    def height_px(self) -> int: ...
    @property
    def mean(self) -> tuple[float, float, float]: ...
    @property
    def std(self) -> tuple[float, float, float]: ...


def resized(photo: Image, width: int, height: int) -> Image:
    """Another size, whatever the shape was: without aliasing where it gets smaller."""
    for size in ((width, photo.shape[0]), (width, height)):  # each side by itself: one may shrink while one grows
        smaller = size[0] < photo.shape[1] or size[1] < photo.shape[0]
        how = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
        photo = np.asarray(cv2.resize(photo, size, interpolation=how), np.uint8)
    return photo


def prepared(photo: Image, wanted: Wanted) -> FloatArray:
    """``(3, height, width)`` float32 of an ``(H, W, 3)`` RGB photo, mean subtracted and divided by the deviation."""
    data = resized(photo, wanted.width_px, wanted.height_px).astype(np.float32) / 255
    data = (data - np.asarray(wanted.mean, np.float32)) / np.asarray(wanted.std, np.float32)
    return np.ascontiguousarray(data.transpose(2, 0, 1))

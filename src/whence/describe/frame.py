"""Pictures in frames that networks take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from whence.types import FloatArray


def fitted(picture: NDArray[np.uint8], sides: Sequence[Any], multiple: int) -> tuple[NDArray[np.uint8], float]:
    """``(H, W, C)`` pixels, top left in a frame that a network takes, and their scale there.

    Proportions are kept. What is left of the frame mirrors the picture: networks normalise over the frame, and bars of
    one colour would count.

    Args:
        picture: The pixels.
        sides: Height and width that the network takes; what is no number stands for any.
        multiple: Of which sides have to be multiples where any will do.
    """
    height, width, channels = picture.shape
    if all(isinstance(side, int) for side in sides):
        frame = int(sides[0]), int(sides[1])
        scale = min(frame[0] / height, frame[1] / width)
    else:
        frame, scale = (-(-height // multiple) * multiple, -(-width // multiple) * multiple), 1.0
    size = (min(frame[1], max(1, round(width * scale))), min(frame[0], max(1, round(height * scale))))
    if size != (width, height):
        way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        picture = np.asarray(cv2.resize(picture, size, interpolation=way), np.uint8)
    below, right = frame[0] - size[1], frame[1] - size[0]
    framed = cv2.copyMakeBorder(picture, 0, below, 0, right, cv2.BORDER_REFLECT_101)
    return np.asarray(framed, np.uint8).reshape(*frame, channels), scale


def keypoints_from(points: NDArray[Any], scale: float, size_px: float, width: int, height: int) -> FloatArray:
    """``(N, 4)`` upright keypoints of a photo, of ``(N, 2)`` pixels of its frame: the way back from ``fitted``.

    Args:
        points: x, y in the frame.
        scale: As ``fitted`` gave it.
        size_px: Diameter of each in the frame.
        width: Of the photo.
        height: Of the photo.
    """
    found = np.zeros((len(points), 4), np.float32)
    found[:, :2] = np.clip((points + 0.5) / scale - 0.5, 0, (width - 1, height - 1))
    found[:, 2] = size_px / scale
    return found

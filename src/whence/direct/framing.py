"""What of a photo a network is shown: all of it, its middle, or crops."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from whence.errors import PhotoError
from whence.models.pictures import resized
from whence.photos import files
from whence.photos.decode import decode
from whence.types import FloatArray, Image

if TYPE_CHECKING:
    from whence.direct.estimators.network import NetworkOptions

_MARGIN = 8 / 7
"""Photos are so much larger than what is drawn from them: 256 to 224 pixels."""


def fitted(photo: Image, options: NetworkOptions) -> Image:
    """A photo at the network's size."""
    width, height = options.width_px, options.height_px
    if options.fit == "stretch":
        return resized(photo, width, height)
    return _cut(_covering(photo, width, height), width, height, 0.5, 0.5)


def laid(heat: FloatArray, photo: Image, options: NetworkOptions) -> FloatArray:
    """``(h, w)`` numbers of what a network was shown, as ``(h', w')`` of the whole photo: 0 of what it was not."""
    if options.fit == "stretch":
        return heat
    width, height = options.width_px, options.height_px
    wide, high = _size(photo, width, height)
    left, above = round(0.5 * (wide - width)), round(0.5 * (high - height))
    found = np.zeros((high, wide), np.float32)
    found[above : above + height, left : left + width] = cv2.resize(heat, (width, height))
    return found


def views_of(path: Path, options: NetworkOptions, seed: int) -> list[Image]:
    """The photo as it is asked, and crops of it that depend on its name and the seed alone."""
    width, height = options.width_px, options.height_px
    try:
        photo = decode(files.read(path), max_side=4 * max(width, height)).pixels
    except PhotoError:  # gone since it was looked at
        photo = np.full((height, width, 3), 128, np.uint8)
    found = [fitted(photo, options)]
    digest = hashlib.blake2b(path.name.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    random = np.random.default_rng([seed, int.from_bytes(digest)])
    for _ in range(options.crops - 1):
        wide, high = int(width * _MARGIN), int(height * _MARGIN)
        larger = resized(photo, wide, high) if options.fit == "stretch" else _covering(photo, wide, high)
        found.append(_cut(larger, width, height, *random.random(2).tolist()))
    return found


def _size(photo: Image, width: int, height: int) -> tuple[int, int]:
    """Width and height of a photo, its proportions kept, that just covers a size."""
    scale = max(width / photo.shape[1], height / photo.shape[0])
    return max(width, round(photo.shape[1] * scale)), max(height, round(photo.shape[0] * scale))


def _covering(photo: Image, width: int, height: int) -> Image:
    return resized(photo, *_size(photo, width, height))


def _cut(photo: Image, width: int, height: int, across: float, down: float) -> Image:
    left, above = round(across * (photo.shape[1] - width)), round(down * (photo.shape[0] - height))
    return np.ascontiguousarray(photo[above : above + height, left : left + width])

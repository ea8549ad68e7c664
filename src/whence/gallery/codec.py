"""Local features to bytes: about 70 a keypoint for compact SIFT.

Positions keep 1/64 of a pixel or better for images up to 1,024 pixels, scales 1/16 octave, orientations 1.4 degrees.
"""

from __future__ import annotations

import struct

import numpy as np

from whence.errors import GalleryError
from whence.types import LocalFeatures

_HEADER = struct.Struct("<2sBBIHII")  # magic, version, kind of descriptor, N, D, width, height
_MAGIC, _PLAIN, _WITH_WHOLE, _OF_KINDS = b"wf", 1, 2, 3
"""Version 2 goes on with the vector of the whole image, in half precision, up to the end. So does 3, perhaps of length
zero; its header is followed by how many kinds of features there are, and how many features of each."""
_KINDS = (np.dtype(np.int8), np.dtype(np.uint8), np.dtype(np.float16))
_OCTAVE_STEPS, _LEAST_SCALE = 16.0, 0.25
_FULL = 65535.0


def pack(features: LocalFeatures) -> bytes:
    """Bytes of one photo's features. Descriptors of type float32 are kept as float16."""
    descriptors = features.descriptors
    if descriptors.dtype == np.float32:
        descriptors = descriptors.astype(np.float16)
    count, dimension = descriptors.shape
    kind = _KINDS.index(descriptors.dtype)
    whole = features.whole
    version = _OF_KINDS if features.counts else _PLAIN if whole is None else _WITH_WHOLE
    header = _HEADER.pack(_MAGIC, version, kind, count, dimension, features.width, features.height)
    points = features.keypoints
    positions = np.rint(np.clip(points[:, :2] / _side(features.width, features.height), 0, 1) * _FULL)
    octaves = np.rint(np.log2(np.maximum(points[:, 2], _LEAST_SCALE) / _LEAST_SCALE) * _OCTAVE_STEPS)
    turns = np.rint(points[:, 3] % 360 / 360 * 256) % 256
    return b"".join(
        [
            header,
            struct.pack(f"<B{len(features.counts)}I", len(features.counts), *features.counts)
            if features.counts
            else b"",
            positions.astype("<u2").tobytes(),
            np.clip(octaves, 0, 255).astype(np.uint8).tobytes(),
            turns.astype(np.uint8).tobytes(),
            np.ascontiguousarray(descriptors).tobytes(),
            b"" if whole is None else whole.astype("<f2").tobytes(),
        ]
    )


def unpack(data: bytes) -> LocalFeatures:
    """Inverse of ``pack`` up to its rounding.

    Raises:
        GalleryError: Not what ``pack`` wrote.
    """
    try:
        magic, version, kind, count, dimension, width, height = _HEADER.unpack_from(data)
        start, counts = _counts(data) if version == _OF_KINDS else (_HEADER.size, ())
        expected = start + count * (6 + dimension * _KINDS[kind].itemsize)
    except (struct.error, IndexError) as error:
        raise GalleryError("stored features are damaged; whence repair GALLERY takes them out") from error
    more, odd = divmod(len(data) - expected, 2)
    fits = more >= 0 if version in (_WITH_WHOLE, _OF_KINDS) else version == _PLAIN and more == 0
    if magic != _MAGIC or odd or not fits or (counts and sum(counts) != count):
        raise GalleryError("stored features are damaged; whence repair GALLERY takes them out")
    positions = np.frombuffer(data, "<u2", count * 2, start).reshape(count, 2)
    octaves = np.frombuffer(data, np.uint8, count, start + 4 * count)
    turns = np.frombuffer(data, np.uint8, count, start + 5 * count)
    descriptors = np.frombuffer(data, _KINDS[kind], count * dimension, start + 6 * count).reshape(count, dimension)
    keypoints = np.empty((count, 4), np.float32)
    keypoints[:, :2] = positions / _FULL * _side(width, height)
    keypoints[:, 2] = _LEAST_SCALE * np.exp2(octaves / _OCTAVE_STEPS)
    keypoints[:, 3] = turns * (360 / 256)
    if descriptors.dtype == np.float16:
        descriptors = descriptors.astype(np.float32)
    told = version == _WITH_WHOLE or (version == _OF_KINDS and more > 0)
    whole = np.frombuffer(data, "<f2", more, expected).astype(np.float32) if told else None
    return LocalFeatures(keypoints, descriptors, width, height, whole, counts)


def _counts(data: bytes) -> tuple[int, tuple[int, ...]]:
    """Where the features of version 3 start, and how many there are of each kind."""
    kinds = data[_HEADER.size]
    counts = struct.Struct(f"<{kinds}I")
    return _HEADER.size + 1 + counts.size, counts.unpack_from(data, _HEADER.size + 1)


def _side(width: int, height: int) -> float:
    return float(max(width, height, 1))

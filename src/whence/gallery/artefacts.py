"""Learned arrays as bytes: the npz format without pickles."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from whence.errors import GalleryError


def pack_arrays(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """An npz file in memory."""
    stream = io.BytesIO()
    np.savez(stream, allow_pickle=False, **dict(arrays))
    return stream.getvalue()


def unpack_arrays(data: bytes) -> dict[str, NDArray[Any]]:
    """Inverse of ``pack_arrays``.

    Raises:
        GalleryError: Damaged bytes, or pickles, which are never read.
    """
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as loaded:
            return {name: loaded[name] for name in loaded.files}
    except Exception as error:  # zip and npy raise nearly anything for damaged bytes
        raise GalleryError("a learned model in the gallery is damaged; whence repair GALLERY makes another") from error

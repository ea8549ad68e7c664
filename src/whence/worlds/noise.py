"""Seeds and noise: everything that looks random in a town comes from here, and is the same on every run."""

from __future__ import annotations

import zlib

import cv2
import numpy as np

from whence.types import FloatArray

Rng = np.random.Generator


def rng_of(*key: int | str) -> Rng:
    """A random generator that depends on the key alone, so that parts can be made in any order, in any process."""
    return np.random.default_rng([zlib.crc32(part.encode()) if isinstance(part, str) else part for part in key])


def fractal(
    rng: Rng, height: int, width: int, cell: float, *, octaves: int = 4, gain: float = 0.55, wrap: bool = False
) -> FloatArray:
    """Smooth noise of several sizes.

    Args:
        rng: Where the randomness comes from.
        height: Pixels.
        width: Pixels.
        cell: Size of the largest blobs in pixels.
        octaves: Each further octave is half the size.
        gain: Strength of an octave relative to the one before.
        wrap: Whether the right edge continues on the left, and the bottom at the top.

    Returns:
        ``(height, width)`` float32, mean about 0, standard deviation about 1.
    """
    total = np.zeros((height, width), np.float32)
    power = 0.0
    for octave in range(octaves):
        size = max(cell / 2**octave, 1.0)
        rows, columns = max(round(height / size), 1), max(round(width / size), 1)
        grid = rng.standard_normal((rows, columns)).astype(np.float32)
        weight = gain**octave
        total += weight * _enlarge(grid, height, width, wrap)
        power += weight * weight
    # Interpolation between independent values halves their variance, roughly; undo that.
    total *= np.float32(1.5 / np.sqrt(power))
    return total


def _enlarge(grid: FloatArray, height: int, width: int, wrap: bool) -> FloatArray:
    rows, columns = grid.shape
    pad = 2
    padded = np.pad(grid, pad, mode="wrap") if wrap else np.pad(grid, pad, mode="edge")
    # Pixel centres: output pixel x lies at (x + 0.5) * columns / width - 0.5 in the grid.
    scale_x, scale_y = columns / width, rows / height
    matrix = np.array([[scale_x, 0, 0.5 * scale_x - 0.5 + pad], [0, scale_y, 0.5 * scale_y - 0.5 + pad]], np.float64)
    return np.asarray(
        cv2.warpAffine(
            padded,
            matrix,
            (width, height),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        ),
        np.float32,
    )

"""Upright SIFT descriptors on a grid, at several scales.

Sources: D. Lowe, Distinctive Image Features from Scale-Invariant Keypoints, IJCV 2004 (SIFT); A. Vedaldi and
B. Fulkerson, VLFeat, an open and portable library of computer vision algorithms, ACM MM 2010 (dense SIFT with a flat
window: one weight for each bin instead of one for each pixel, so that all bins of the grid come from a few filters).
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from whence.types import FloatArray

_BINS, _TURNS = 4, 8
"""A descriptor has 4 x 4 bins of 8 directions."""
_MAGNIFICATION = 6.0
"""Side of a bin over the blur that goes with it; the photo itself is taken to be blurred by half a pixel."""
_WINDOW_BINS = 2.0
"""Standard deviation of the Gaussian that weighs the bins, in bins."""


def dense_sift(grey: FloatArray, step_px: int, bins_px: Sequence[int]) -> FloatArray:
    """``(N, 128)`` gradient histograms of an ``(H, W)`` image, not normalised: their length is the contrast.

    Args:
        grey: Grey levels from 0 to 255.
        step_px: Between neighbouring descriptors.
        bins_px: Side of a bin, for each scale; a descriptor is four bins wide. A scale that does not fit has none.
    """
    parts = [_one_scale(grey, step_px, side) for side in bins_px]
    return np.concatenate([np.zeros((0, _BINS * _BINS * _TURNS), np.float32), *parts])


def _one_scale(grey: FloatArray, step: int, side: int) -> FloatArray:
    span = (_BINS - 1) * side  # between the centres of the first and the last bin
    height, width = grey.shape[0] - span, grey.shape[1] - span
    if height < 1 or width < 1:
        return np.zeros((0, _BINS * _BINS * _TURNS), np.float32)
    blur = np.sqrt(max((side / _MAGNIFICATION) ** 2 - 0.25, 0.0))
    maps = _gradients(np.asarray(cv2.GaussianBlur(grey, (0, 0), blur), np.float32) if blur > 0 else grey)
    bilinear = (1 - np.abs(np.arange(1 - side, side)) / side).astype(np.float32)
    window = np.exp(-0.5 * ((np.arange(_BINS) - (_BINS - 1) / 2) / _WINDOW_BINS) ** 2).astype(np.float32)
    shape = (-(-height // step), -(-width // step), _BINS, _BINS, _TURNS)
    found = np.empty(shape, np.float32)
    for turn in range(_TURNS):
        summed = cv2.sepFilter2D(maps[turn], cv2.CV_32F, bilinear, bilinear, borderType=cv2.BORDER_REPLICATE)
        for row in range(_BINS):
            for column in range(_BINS):
                top, left = row * side, column * side
                grid = summed[top : top + height : step, left : left + width : step]
                np.multiply(grid, window[row] * window[column], out=found[:, :, row, column, turn])
    return found.reshape(-1, _BINS * _BINS * _TURNS)


def _gradients(grey: FloatArray) -> FloatArray:
    """``(8, H, W)``: how much of the gradient at each pixel points in each of the eight directions."""
    across, down = (cv2.Sobel(grey, cv2.CV_32F, dx, 1 - dx, ksize=1, scale=0.5) for dx in (1, 0))
    length, angle = cv2.cartToPolar(across, down)
    angle *= _TURNS / (2 * np.pi)
    maps = np.empty((_TURNS, *grey.shape), np.float32)
    for turn in range(_TURNS):  # shared between the two nearest directions
        apart = np.abs(angle - turn) if turn else np.minimum(angle, _TURNS - angle)
        np.multiply(np.maximum(1 - apart, 0), length, out=maps[turn])
    return maps

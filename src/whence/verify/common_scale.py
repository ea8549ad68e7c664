"""One ruler for several pairs of photos: how far one camera stands from each of some others, up to one factor for all.

Each relative pose has a length of its own. The same keypoint of the first photo has one depth, though, so its depths in
two pairs, each in lengths of its own translation, tell the two lengths apart: three views fix the scale
(R. Hartley and A. Zisserman, Multiple View Geometry, 2nd ed. 2003, chapter 15).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from whence.types import DoubleArray

LEAST_SHARED = 4
"""Keypoints that two pairs must share to be held against each other."""
_ROUNDS = 20
_SETTLED = 1e-4
"""Change of a logarithm that ends the search."""


def common_lengths(keypoints: Sequence[NDArray[np.intp]], depths: Sequence[DoubleArray]) -> DoubleArray:
    """Lengths of all translations in lengths of the first one.

    Median against median, on logarithms: a depth from a wrong match moves neither far.

    Args:
        keypoints: For each pair, which keypoints of the photo that all pairs share have a depth.
        depths: Those depths in lengths of the pair's own translation, above 0.

    Returns:
        ``(P,)``; NaN for a pair that shares too little with those linked to the first.
    """
    logs = _table(keypoints, depths)
    lengths = np.full(len(logs), np.nan)
    if not len(logs):
        return lengths
    lengths[0] = 0.0
    linked = [0]
    while True:  # the pair next that shares most with those that are linked
        off = _medians((logs[linked] + lengths[linked, None]).T)[None] - logs
        shared = np.isfinite(off).sum(axis=1)
        shared[linked] = -1
        best = int(np.argmax(shared))
        if shared[best] < LEAST_SHARED:
            break
        lengths[best] = _medians(off[[best]])[0]
        linked.append(best)
    for _ in range(_ROUNDS if len(linked) > 2 else 0):
        ruler = _medians((logs[linked] + lengths[linked, None]).T)
        moved = _medians(ruler[None] - logs[linked])
        moved -= moved[0]
        settled = np.abs(moved - lengths[linked]).max() < _SETTLED
        lengths[linked] = moved
        if settled:
            break
    return np.asarray(np.exp(lengths))


def _table(keypoints: Sequence[NDArray[np.intp]], depths: Sequence[DoubleArray]) -> DoubleArray:
    """``(P, K)`` logarithms of the depth of each keypoint that two pairs or more know; NaN where a pair does not."""
    count = max((int(ids.max()) + 1 for ids in keypoints if len(ids)), default=0)
    logs = np.full((len(keypoints), count), np.nan)
    for pair, (ids, known) in enumerate(zip(keypoints, depths, strict=True)):
        logs[pair, ids] = np.log(known)
    return np.asarray(logs[:, np.isfinite(logs).sum(axis=0) > 1])


def _medians(rows: DoubleArray) -> DoubleArray:
    """``(N,)`` median of each row without NaNs, NaN of nothing else. NumPy's own is ten times slower."""
    if not rows.shape[1]:
        return np.full(len(rows), np.nan)
    ordered = np.sort(rows, axis=1)  # NaN last
    known = np.isfinite(rows).sum(axis=1)
    each = np.arange(len(rows))
    low, high = ordered[each, np.maximum(known - 1, 0) // 2], ordered[each, np.minimum(known // 2, rows.shape[1] - 1)]
    return np.asarray(np.where(known > 0, (low + high) / 2, np.nan))

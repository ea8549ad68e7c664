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


def common_lengths(keypoints: Sequence[NDArray[np.intp]], depths: Sequence[DoubleArray]) -> DoubleArray:
    """Lengths of all translations in lengths of the first one.

    Median against median, on logarithms: a depth from a wrong match moves neither far.

    Args:
        keypoints: For each pair, which keypoints of the photo that all pairs share have a depth.
        depths: Those depths in lengths of the pair's own translation, above 0.

    Returns:
        ``(P,)``; NaN for a pair that shares too little with those linked to the first.
    """
    logs = [np.log(known) for known in depths]
    lengths = np.full(len(logs), np.nan)
    if not logs:
        return lengths
    lengths[0] = 0.0
    count = max((int(ids.max()) + 1 for ids in keypoints if len(ids)), default=0)
    linked = [0]
    while True:  # the pair next that shares most with those that are linked
        ruler = _ruler(count, linked, keypoints, logs, lengths)
        shared = [-1 if p in linked else int(np.isfinite(ruler[keypoints[p]]).sum()) for p in range(len(logs))]
        best = int(np.argmax(shared))
        if shared[best] < LEAST_SHARED:
            break
        lengths[best] = np.nanmedian(ruler[keypoints[best]] - logs[best])
        linked.append(best)
    for _ in range(_ROUNDS if len(linked) > 2 else 0):
        ruler = _ruler(count, linked, keypoints, logs, lengths)
        moved = [float(np.nanmedian(ruler[keypoints[pair]] - logs[pair])) for pair in linked]
        lengths[linked] = np.array(moved) - moved[0]
    return np.asarray(np.exp(lengths))


def _ruler(
    count: int,
    linked: Sequence[int],
    keypoints: Sequence[NDArray[np.intp]],
    logs: Sequence[DoubleArray],
    lengths: DoubleArray,
) -> DoubleArray:
    """``(count,)`` the median logarithm of each keypoint's depth over the linked pairs; NaN where none knows it."""
    seen = np.full((len(linked), count), np.nan)
    for row, pair in enumerate(linked):
        seen[row, keypoints[pair]] = logs[pair] + lengths[pair]
    known = np.isfinite(seen).any(axis=0)
    ruler = np.full(count, np.nan)
    ruler[known] = np.nanmedian(seen[:, known], axis=0)
    return ruler

"""How good a network is at finding a place: recall@N."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from whence.train.material import Task
from whence.train.options import RECALL_AT
from whence.types import FloatArray

_BLOCK = 256
NONE = np.iinfo(np.int64).max
"""Place of a photo that is not there: after all others, however many these are."""


def first_hits(task: Task, asked: FloatArray, found: FloatArray, metres: float) -> NDArray[np.int64]:
    """``(Q,)``: of each query the place, from 0 on, of the first photo up to so far away in the order of similarity.

    ``NONE`` where there is none.

    Args:
        task: Queries and database.
        asked: ``(Q, D)`` vectors of the queries; NaN for those that could not be read.
        found: ``(N, D)`` of the database.
        metres: Up to which a photo counts.
    """
    first = np.full(len(asked), NONE, np.int64)
    for start in range(0, len(asked), _BLOCK):
        similar = np.nan_to_num(asked[start : start + _BLOCK] @ found.T, nan=-np.inf)
        for query, cosines in enumerate(similar, start):
            distances = task.distances(query)
            order = np.argsort(-np.where(np.isnan(distances), -np.inf, cosines), kind="stable")
            right = np.flatnonzero((distances[order] <= metres) & np.isfinite(cosines[order]))
            if len(right):
                first[query] = right[0]
    return first


def recalls(first: NDArray[np.int64]) -> dict[int, float]:
    """Share of queries found among the first 1, 5, 10 and 20."""
    return {n: float((first < n).mean()) if len(first) else 0.0 for n in RECALL_AT}

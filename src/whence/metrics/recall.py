"""Recall@N: is a photo of the place among the first N?"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from whence.errors import InputError
from whence.metrics import checks
from whence.metrics.outcomes import Floats


def recall(distances_m: ArrayLike, n: int, threshold_m: float) -> float:
    """Share of queries with a photo within the threshold among the first ``n``.

    Args:
        distances_m: ``(Q, K)`` from each truth to the photos found for it, in their order; infinite beyond the end.
        n: At least 1.
        threshold_m: Above 0.

    Raises:
        InputError: No queries, NaN, or one of the above.
    """
    lists = np.asarray(distances_m, np.float64)
    check_lists(lists)
    checks.thresholds([threshold_m])
    checks.whole("recall at", n)
    return float(hits(lists, n, threshold_m).mean())


def hits(distances_m: Floats, n: int, threshold_m: float) -> Floats:
    """``(Q,)`` 1 where one of the first ``n`` of ``(Q, K)`` distances is within the threshold, else 0."""
    return np.asarray((distances_m[:, :n] <= threshold_m).any(axis=1), np.float64)


def check_lists(distances_m: Floats) -> None:
    """Raise ``InputError`` unless these are ``(Q, K)`` distances of at least one query."""
    if distances_m.ndim != 2:
        raise InputError(f"distances_m of shape {distances_m.shape}: expected (queries, photos)")
    checks.rows(distances_m=distances_m)
    checks.numbers("distances_m", distances_m)

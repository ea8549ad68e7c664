"""Which class is answered for which."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from whence.errors import InputError
from whence.metrics import checks


def confusion(truth: ArrayLike, answer: ArrayLike, count: int) -> NDArray[np.intp]:
    """``(C, C)`` numbers of queries by true class (row) and answered class (column).

    Args:
        truth: ``(N,)`` class numbers below C; -1 where there is none, which is left out.
        answer: ``(N,)`` the same; -1 where nothing was answered, which is in no column.
        count: C.

    Raises:
        InputError: No queries, different lengths, or a number of no class.
    """
    asked, said = np.asarray(truth), np.asarray(answer)
    checks.rows(truth=asked, answer=said)
    checks.whole("count", count)
    for name, numbers in (("truth", asked), ("answer", said)):
        if (
            numbers.ndim != 1
            or not np.issubdtype(numbers.dtype, np.integer)
            or numbers.min() < -1
            or numbers.max() >= count
        ):
            raise InputError(f"{name}: expected whole numbers from -1 to {count - 1}, one of {count} classes or none")
    both = (asked >= 0) & (said >= 0)
    return np.bincount(asked[both] * count + said[both], minlength=count * count).reshape(count, count)

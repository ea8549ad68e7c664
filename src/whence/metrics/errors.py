"""How far answers are from the truth. A missing answer has an infinite error: it counts in every share and quantile."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from whence.errors import InputError
from whence.metrics import checks
from whence.metrics.outcomes import Floats
from whence.metrics.statistics import Quantile


def within(error_m: ArrayLike, threshold_m: float) -> float:
    """Share of ``(Q,)`` errors that are at most the threshold. ``InputError``: no queries, NaN, or not above 0."""
    errors = _checked("error_m", error_m, 1)
    checks.thresholds([threshold_m])
    return float((errors <= threshold_m).mean())


def mean_error(error_m: ArrayLike) -> float:
    """Mean of the ``(Q,)`` errors that are finite; NaN if none is. ``InputError``: no queries, or NaN."""
    errors = _checked("error_m", error_m, 1)
    answered = errors[np.isfinite(errors)]
    return float(answered.mean()) if len(answered) else float("nan")


def quantile(error_m: ArrayLike, share: float) -> float:
    """Quantile of ``(Q,)`` errors; 0.5 is the median. ``InputError``: no queries, NaN, or a share outside 0 to 1."""
    errors = _checked("error_m", error_m, 1)
    if not 0 <= share <= 1:
        raise InputError(f"quantile {share:g}: expected a share from 0 to 1")
    every = np.ones(len(errors), np.bool_)
    return float(Quantile(errors, every, share).on(np.ones((1, len(errors)), np.float32))[0])


def manhattan_mean(offset_m: ArrayLike, extent_m: float) -> float:
    """Mean of the absolute ``(Q, 2)`` offsets east plus north; a missing answer (infinite) costs ``extent_m``.

    ``InputError``: no queries, or NaN.
    """
    return float(manhattan(_checked("offset_m", offset_m, 2), extent_m).mean())


def manhattan(offset_m: Floats, extent_m: float) -> Floats:
    """``(Q,)`` absolute offsets east plus north; ``extent_m`` where they are not finite."""
    length = np.abs(offset_m).sum(axis=1)
    return np.where(np.isfinite(length), length, extent_m)


def squared_deg(offset_deg: ArrayLike) -> tuple[float, float, float]:
    """Mean squared error in latitude, in longitude, and the mean of both, of those answered, in square degrees.

    Args:
        offset_deg: ``(Q, 2)`` answer minus truth, infinite where an answer is missing.

    Raises:
        InputError: No queries, or NaN.
    """
    offsets = _checked("offset_deg", offset_deg, 2)
    answered = offsets[np.isfinite(offsets).all(axis=1)]
    if not len(answered):
        return (float("nan"),) * 3
    lat, lon = np.square(answered).mean(axis=0).tolist()
    return lat, lon, (lat + lon) / 2


def _checked(name: str, array: ArrayLike, dimensions: int) -> Floats:
    values = np.asarray(array, np.float64)
    if values.ndim != dimensions or (dimensions == 2 and values.shape[1] != 2):
        raise InputError(
            f"{name} of shape {values.shape}: expected {'(queries, 2)' if dimensions == 2 else '(queries,)'}"
        )
    checks.rows(**{name: values})
    checks.numbers(name, values)
    if dimensions == 1 and (values < 0).any():
        raise InputError(f"{name}: {values.min():g} is no distance; expected 0 or more")
    return values

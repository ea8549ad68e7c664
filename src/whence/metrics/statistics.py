"""Figures as functions of how often each query counts: on the queries as they are, and on thousands of resamplings at
once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from whence.metrics.outcomes import Floats

Mask = NDArray[np.bool_]
Counts = NDArray[np.float32]
"""``(B, N)``: how often query n occurs in sample b; whole numbers."""


class Statistic(Protocol):
    """A figure of N queries."""

    def on(self, counts: Counts) -> Floats:
        """``(B,)`` values, NaN where undefined, of B samples in which query n occurs ``counts[b, n]`` times."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Mean:
    """Mean of ``(N,)`` values over the queries of a mask."""

    values: Floats
    mask: Mask

    def on(self, counts: Counts) -> Floats:
        """See ``Statistic``."""
        chosen = counts[:, self.mask].astype(np.float64)
        return _over(chosen @ self.values[self.mask], chosen.sum(axis=1))


class Means:
    """Many means in one matrix product, rounded to single precision, as suffices for intervals."""

    def __init__(self, means: Sequence[Mean]) -> None:
        values = np.stack([np.where(mean.mask, mean.values, 0) for mean in means], axis=1)
        self._scale = np.maximum(np.abs(values).max(axis=0), 1e-300)
        self._values = (values / self._scale).astype(np.float32)
        self._masks = np.stack([mean.mask for mean in means], axis=1).astype(np.float32)

    def on(self, counts: Counts) -> Floats:
        """``(B, K)`` values of K means."""
        whole = (counts @ self._masks).astype(np.float64)
        return _over((counts @ self._values).astype(np.float64) * self._scale, whole)


@dataclass(frozen=True, slots=True, eq=False)
class Quantile:
    """Quantile of ``(N,)`` values over the queries of a mask, linear between two neighbours as ``numpy.quantile``."""

    values: Floats
    mask: Mask
    share: float

    def on(self, counts: Counts) -> Floats:
        """See ``Statistic``."""
        rows = np.flatnonzero(self.mask)
        rows = rows[np.argsort(self.values[rows], kind="stable")]
        reached = np.cumsum(counts[:, rows], axis=1)
        total = reached[:, -1] if len(rows) else np.zeros(len(counts))
        place = self.share * np.maximum(total - 1, 0)
        low = self._at(reached, rows, np.floor(place))
        high = self._at(reached, rows, np.ceil(place))
        part = place - np.floor(place)
        with np.errstate(invalid="ignore"):  # from infinity to infinity is no way
            between = np.where((part > 0) & (high > low), low + (high - low) * part, low)
        return np.where(total > 0, between, np.nan)

    def _at(self, reached: Counts, rows: NDArray[np.intp], place: Floats) -> Floats:
        if not len(rows):
            return np.full(len(reached), np.nan)
        low, high = np.zeros(len(reached), np.intp), np.full(len(reached), len(rows) - 1)
        every = np.arange(len(reached))
        while (low < high).any():  # bisection in all samples at once
            middle = (low + high) // 2
            beyond = reached[every, middle] > place
            low, high = np.where(beyond, low, np.minimum(middle + 1, high)), np.where(beyond, middle, high)
        return np.asarray(self.values[rows][low])


@dataclass(frozen=True, slots=True, eq=False)
class Auroc:
    """Probability that a ``good`` query has a higher score than another, ties counted half (the area under the ROC)."""

    score: Floats
    good: Mask
    mask: Mask

    def on(self, counts: Counts) -> Floats:
        """See ``Statistic``."""
        rows = np.flatnonzero(self.mask)
        if not len(rows):
            return np.full(len(counts), np.nan)
        rows = rows[np.argsort(self.score[rows], kind="stable")]
        score, good = self.score[rows], self.good[rows]
        starts = np.flatnonzero(np.concatenate([[True], score[1:] > score[:-1]]))
        positive = np.add.reduceat(counts[:, rows] * good, starts, axis=1)
        negative = np.add.reduceat(counts[:, rows] * ~good, starts, axis=1)
        below = np.cumsum(negative, axis=1) - negative / 2
        return _over((positive * below).sum(axis=1), positive.sum(axis=1) * negative.sum(axis=1))


@dataclass(frozen=True, slots=True, eq=False)
class CalibrationError:
    """Expected calibration error: mean gap of ``(N,)`` confidence and share of good queries over equal bins."""

    confidence: Floats
    good: Mask
    bins: int = 10

    def on(self, counts: Counts) -> Floats:
        """See ``Statistic``."""
        number = np.minimum((self.confidence * self.bins).astype(int), self.bins - 1)
        gap = np.zeros((len(self.confidence), self.bins))
        gap[np.arange(len(number)), number] = self.confidence - self.good
        return _over(np.abs(counts @ gap.astype(np.float32)).sum(axis=1, dtype=np.float64), counts.sum(axis=1))


def _over(part: NDArray[Any], whole: NDArray[Any]) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(whole > 0, part / np.where(whole > 0, whole, 1), np.nan))

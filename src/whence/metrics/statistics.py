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
    """Mean of ``(N,)`` finite values over the queries of a mask."""

    values: Floats
    mask: Mask

    def on(self, counts: Counts) -> Floats:
        """See ``Statistic``."""
        chosen = counts[:, self.mask].astype(np.float64)
        return _over(chosen @ self.values[self.mask], chosen.sum(axis=1))


class Means:
    """Many means in one matrix product."""

    def __init__(self, means: Sequence[Mean]) -> None:
        self._values = np.stack([np.where(mean.mask, mean.values, 0) for mean in means], axis=1)
        self._masks = np.stack([mean.mask for mean in means], axis=1).astype(np.float32)

    def on(self, counts: Counts) -> Floats:
        """``(B, K)`` values of K means."""
        return _over(counts @ self._values, counts @ self._masks)


@dataclass(frozen=True, slots=True, eq=False)
class Quantile:
    """Quantile of ``(N,)`` values over the queries of a mask, linear between two neighbours as ``numpy.quantile``.

    Values may be infinite; between a finite and an infinite neighbour it is infinite.
    """

    values: Floats
    mask: Mask
    share: float

    def on(self, counts: Counts) -> Floats:
        """See ``Statistic``."""
        return Quantiles([self]).on(counts)[:, 0]


class Quantiles:
    """Many quantiles; those of the same values and mask (the same objects) share the sums along the sorted order."""

    def __init__(self, quantiles: Sequence[Quantile]) -> None:
        self._number = len(quantiles)
        grouped: dict[tuple[int, int], list[int]] = {}
        for at, one in enumerate(quantiles):
            grouped.setdefault((id(one.values), id(one.mask)), []).append(at)
        self._groups = []
        for places in grouped.values():
            first = quantiles[places[0]]
            rows = np.flatnonzero(first.mask)
            rows = rows[np.argsort(first.values[rows], kind="stable")]
            shares = np.array([quantiles[at].share for at in places])
            self._groups.append((places, rows, first.values[rows], shares))

    def on(self, counts: Counts) -> Floats:
        """``(B, K)`` values of K quantiles."""
        found = np.full((len(counts), self._number), np.nan)
        for places, rows, values, shares in self._groups:
            if len(rows):
                reached = np.cumsum(np.take(counts, rows, axis=1), axis=1)
                found[:, places] = _quantiles(reached, values, shares)
        return found


def _quantiles(reached: Counts, values: Floats, shares: Floats) -> Floats:
    total = reached[:, -1:]
    place = shares * np.maximum(total.astype(np.float64) - 1, 0)
    low, high = values[_first_beyond(reached, np.floor(place))], values[_first_beyond(reached, np.ceil(place))]
    part = place - np.floor(place)
    with np.errstate(invalid="ignore"):  # from infinity to infinity is no way
        between = np.where((part > 0) & (high > low), low + (high - low) * part, low)
    return np.where(total > 0, between, np.nan)


def _first_beyond(reached: Counts, place: Floats) -> NDArray[np.intp]:
    """``(B, S)`` of each ``(B, S)`` place the first column of ``(B, N)`` rising numbers that is larger."""
    low, high = np.zeros(place.shape, np.intp), np.full(place.shape, reached.shape[1] - 1)
    row = np.arange(len(reached))[:, None]
    for _ in range(reached.shape[1].bit_length()):  # bisection in all samples at once
        middle = (low + high) // 2
        beyond = reached[row, middle] > place
        low, high = np.where(beyond, low, np.minimum(middle + 1, high)), np.where(beyond, middle, high)
    return low


@dataclass(frozen=True, slots=True, eq=False)
class Auroc:
    """Probability that a ``good`` query has a higher score than another, ties counted half (the area under the ROC).

    J. Hanley and B. McNeil, The meaning and use of the area under a receiver operating characteristic curve,
    Radiology 143, 1982.
    """

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
        sorted_counts = np.take(counts, rows, axis=1)
        positive = np.add.reduceat(sorted_counts * good, starts, axis=1)
        negative = np.add.reduceat(sorted_counts * ~good, starts, axis=1)
        below = np.cumsum(negative, axis=1) - negative / 2
        pairs = np.multiply(positive, below, dtype=np.float64).sum(axis=1)
        return _over(pairs, positive.sum(axis=1, dtype=np.float64) * negative.sum(axis=1, dtype=np.float64))


@dataclass(frozen=True, slots=True, eq=False)
class CalibrationError:
    """Expected calibration error: mean gap of ``(N,)`` confidence and share of good queries over equal bins.

    M. Pakdaman Naeini, G. Cooper and M. Hauskrecht, Obtaining well calibrated probabilities using Bayesian binning,
    AAAI 2015.
    """

    confidence: Floats
    good: Mask
    bins: int = 10

    def on(self, counts: Counts) -> Floats:
        """See ``Statistic``."""
        gap = np.zeros((len(self.confidence), self.bins))
        gap[np.arange(len(gap)), bin_of(self.confidence, self.bins)] = self.confidence - self.good
        return _over(np.abs(counts @ gap).sum(axis=1), counts.sum(axis=1))


def bin_of(confidence: Floats, bins: int) -> NDArray[np.intp]:
    """``(N,)`` which of equal bins of confidence; 1 belongs to the last."""
    return np.minimum((np.asarray(confidence) * bins).astype(np.intp), bins - 1)


def _over(part: NDArray[Any], whole: NDArray[Any]) -> Floats:
    some = whole > 0
    return np.where(some, part / np.where(some, whole, 1), np.nan)

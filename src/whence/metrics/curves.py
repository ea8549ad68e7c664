"""Curves that are looked at: recall, shares within a distance, rejection, reliability. Bands are 95 % bootstrap
intervals, point by point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from whence.metrics import checks
from whence.metrics.outcomes import Floats, Outcomes
from whence.metrics.recall import check_lists
from whence.metrics.resampling import intervals
from whence.metrics.statistics import Mean, Quantile, Statistic, bin_of

BAND_DRAWS = 1000
"""Enough for the edges of a band that is looked at, not read."""
POINTS = 100


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """``(M,)`` values ``y`` at ``x``, 95 % of resamplings between ``low95`` and ``high95``."""

    x: Floats
    y: Floats
    low95: Floats
    high95: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Rejection:
    """What is left when the least confident answers are refused.

    Attributes:
        confidence: ``(M,)`` falling: answers of at least this confidence are given.
        coverage: ``(M,)`` share of all queries that get one.
        right: Share of those given that are right; an answer to an unknown place is wrong.
        median_m: Median error of those given whose truth is known; infinite where most have no position.
    """

    confidence: Floats
    coverage: Floats
    right: Curve
    median_m: Curve


@dataclass(frozen=True, slots=True, eq=False)
class Reliability:
    """Answers in bins of confidence.

    Attributes:
        edges: ``(B + 1,)`` of the bins.
        counts: ``(B,)`` answers in each.
        confidence: ``(B,)`` their mean confidence; NaN in an empty bin.
        right: ``(B,)`` the share of them that is right, with its band.
        error: Expected calibration error.
    """

    edges: Floats
    counts: NDArray[np.intp]
    confidence: Floats
    right: Curve
    error: float


def recall_curve(
    distances_m: ArrayLike,
    threshold_m: float,
    max_n: int | None = None,
    *,
    cluster: ArrayLike | None = None,
    draws: int = BAND_DRAWS,
    seed: int = 0,
) -> Curve:
    """Recall@N for N from 1 to ``max_n``: share of queries with a photo within the threshold among the first N.

    Args:
        distances_m: ``(Q, K)`` from each truth to the photos found for it, in their order; infinite beyond the end.
        threshold_m: Within which a photo counts.
        max_n: All K by default.
        cluster: ``(Q,)``: queries of one number are drawn together.
        draws: Of the band.
        seed: Of the draws.

    Raises:
        InputError: No queries, NaN, or a threshold not above 0.
    """
    lists = np.asarray(distances_m, np.float64)
    check_lists(lists)
    members = _clusters(cluster, len(lists))
    checks.rows(distances_m=lists, cluster=members)
    checks.thresholds([threshold_m])
    last = lists.shape[1] if max_n is None else checks.whole("recall at", max_n)
    at = np.arange(1, last + 1)
    nearest = np.minimum.accumulate(np.pad(lists, ((0, 0), (0, 1)), constant_values=np.inf), axis=1)
    hits = nearest[:, np.minimum(at, lists.shape[1] or 1) - 1] <= threshold_m
    return _shares(at.astype(np.float64), hits, members, draws, seed)


def threshold_curve(
    error_m: ArrayLike,
    thresholds: Sequence[float] | Floats,
    *,
    cluster: ArrayLike | None = None,
    draws: int = BAND_DRAWS,
    seed: int = 0,
) -> Curve:
    """Share of ``(Q,)`` errors within each threshold; a missing answer has an infinite error.

    Raises:
        InputError: No queries, NaN, or a threshold not above 0.
    """
    errors = checks.column("error_m", error_m)
    members = _clusters(cluster, len(errors))
    checks.rows(error_m=errors, cluster=members)
    checks.numbers("error_m", errors)
    x = np.asarray(thresholds, np.float64)
    checks.thresholds(x.tolist())
    return _shares(x, errors[:, None] <= x, members, draws, seed)


def rejection_curve(
    outcomes: Outcomes, tolerance_m: float, *, points: int = POINTS, draws: int = BAND_DRAWS, seed: int = 0
) -> Rejection:
    """Share right and median error against coverage, answers being given in order of confidence.

    Answers of equal confidence are given together or not at all, so the curve does not depend on their order; it has a
    point for every confidence that occurs, or ``points`` of them spread over the coverage.

    Raises:
        InputError: As for the figures.
    """
    checks.outcomes(outcomes)
    checks.thresholds([tolerance_m], "tolerance")
    checks.whole("points", points)
    right = outcomes.known & (outcomes.error_m <= tolerance_m)
    levels, counts = np.unique(outcomes.confidence, return_counts=True)
    levels, coverage = levels[::-1], np.cumsum(counts[::-1]) / len(outcomes)
    if len(levels) > points:
        kept = np.unique(np.searchsorted(coverage, np.linspace(coverage[0], 1, points) - 1e-12))
        levels, coverage = levels[kept], coverage[kept]
    given = [outcomes.confidence >= level for level in levels]
    means: list[Statistic] = [Mean(right.astype(np.float64), mask) for mask in given]
    medians: list[Statistic] = [Quantile(outcomes.error_m, mask & outcomes.known, 0.5) for mask in given]
    return Rejection(
        levels,
        coverage,
        _banded(coverage, means, outcomes.cluster, draws, seed),
        _banded(coverage, medians, outcomes.cluster, draws, seed),
    )


def reliability(
    outcomes: Outcomes, tolerance_m: float, bins: int = 10, *, draws: int = BAND_DRAWS, seed: int = 0
) -> Reliability:
    """How often answers of a confidence are right, in equal bins of it.

    Raises:
        InputError: As for the figures.
    """
    checks.outcomes(outcomes)
    checks.thresholds([tolerance_m], "tolerance")
    checks.whole("bins", bins)
    right = (outcomes.known & (outcomes.error_m <= tolerance_m)).astype(np.float64)
    number = bin_of(outcomes.confidence, bins)
    counts = np.bincount(number, minlength=bins)
    sums = np.bincount(number, outcomes.confidence, bins)
    confidence = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
    shares = _banded(confidence, [Mean(right, number == at) for at in range(bins)], outcomes.cluster, draws, seed)
    gaps = np.abs(confidence - shares.y)
    return Reliability(
        np.linspace(0, 1, bins + 1), counts, confidence, shares, float(np.nansum(gaps * counts) / counts.sum())
    )


def _clusters(cluster: ArrayLike | None, count: int) -> NDArray[np.intp]:
    if cluster is None:
        return np.arange(count)
    members = np.asarray(cluster)
    checks.rows(cluster=members)
    return members


def _shares(x: Floats, hits: NDArray[np.bool_], cluster: NDArray[np.intp], draws: int, seed: int) -> Curve:
    every = np.ones(len(hits), np.bool_)
    return _banded(x, [Mean(column.astype(np.float64), every) for column in hits.T], cluster, draws, seed)


def _banded(x: Floats, statistics: Sequence[Statistic], cluster: NDArray[np.intp], draws: int, seed: int) -> Curve:
    found = intervals({str(at): one for at, one in enumerate(statistics)}, cluster, draws, seed).values()
    values, low95, high95 = (np.array([getattr(one, name) for one in found]) for name in ("value", "low95", "high95"))
    return Curve(x, values, low95, high95)

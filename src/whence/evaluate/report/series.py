"""From outcomes to the lines that are drawn."""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from whence.evaluate.model import Run
from whence.evaluate.report.plots.curve import Curve
from whence.evaluate.report.plots.lengths import ceiling_of, floor_of
from whence.evaluate.report.plots.rejection import OperatingPoint
from whence.evaluate.report.plots.reliability import wilson
from whence.metrics.outcomes import Floats, Outcomes

NUMBERS = (1, 2, 5, 10, 20, 50, 100)
POINTS = 160  # of a curve
BINS = 10
FEWEST = 10
"""Answers that the left end of a rejection curve stands on; of fewer it would only jump."""
MEDIAN_DRAWS = 10_000
DRAWS = 1000  # enough for the edges of a band that is looked at, not read


def recall_curves(run: Run, series: int, tolerance: float, seed: int) -> list[Curve]:
    """Recall@N after re-ranking, and before it (dashed)."""
    found = []
    known = run.outcomes.known
    for lists, dashed in ((run.outcomes.ranked_m, False), (run.outcomes.retrieved_m, True)):
        numbers = [n for n in NUMBERS if n <= lists.shape[1]]
        if not numbers or not known.any():
            continue
        hits = np.column_stack([(lists[known, :n] <= tolerance).any(axis=1) for n in numbers])
        found.append(_shares(run.name, np.array(numbers, float), hits, run.outcomes, series, dashed, seed))
    return found


def distance_limits(runs: Sequence[Run], tolerance: float) -> tuple[float, float]:
    """Limits of the axis of distances for several runs."""
    errors = np.concatenate([np.zeros(0), *(run.outcomes.error_m[run.outcomes.known] for run in runs)])
    return floor_of(errors, tolerance), ceiling_of(errors, tolerance)


def within_curves(
    run: Run, series: int, limits: tuple[float, float], seed: int, *, shortlist: bool = False
) -> list[Curve]:
    """Share of queries answered within a distance; with ``shortlist``, of its nearest photo too (dashed)."""
    known = run.outcomes.known
    if not known.any():
        return []
    x = np.geomspace(*limits, POINTS)
    error = run.outcomes.error_m[known]
    found = [_shares(run.name, x, error[:, None] <= x, run.outcomes, series, False, seed)]
    if shortlist and run.outcomes.retrieved_m.shape[1]:
        nearest = run.outcomes.retrieved_m[known].min(axis=1)
        found.append(_shares(run.name, x, nearest[:, None] <= x, run.outcomes, series, True, seed))
    return found


@dataclass(frozen=True, slots=True, eq=False)
class Rejection:
    """What refusing the least confident answers does: ``right`` and ``median`` against coverage."""

    right: Curve
    median: Curve
    point: OperatingPoint


def rejection(run: Run, series: int, tolerance: float, seed: int) -> Rejection | None:
    """Curves of a run and its own operating point; None without queries."""
    outcomes = run.outcomes
    if not len(outcomes):
        return None
    good = outcomes.known & (outcomes.error_m <= tolerance)
    error = np.where(outcomes.known, outcomes.error_m, np.inf)
    order = np.argsort(-outcomes.confidence, kind="stable")
    coverage = np.arange(1, len(order) + 1) / len(order)
    right = np.cumsum(good[order]) / np.arange(1, len(order) + 1)
    median = _running_median(error[order])
    low, high = wilson(right, np.arange(1, len(order) + 1))
    start = min(FEWEST, len(order)) - 1
    coverage, right, median, low, high = (values[start:] for values in (coverage, right, median, low, high))
    located = outcomes.located
    point = OperatingPoint(
        float(located.mean()),
        float(good[located].mean()) if located.any() else np.nan,
        float(np.median(error[located])) if located.any() else np.nan,
        series,
    )
    return Rejection(
        Curve(run.name, coverage, right, low, high, series), Curve(run.name, coverage, median, series=series), point
    )


def _running_median(values: Floats) -> Floats:
    seen: list[float] = []
    medians = np.zeros(len(values))
    for place, value in enumerate(values.tolist()):
        insort(seen, value)
        lower, upper = seen[place // 2], seen[(place + 1) // 2]
        medians[place] = lower if lower == upper else (lower + upper) / 2
    return medians


@dataclass(frozen=True, slots=True, eq=False)
class Reliability:
    """Bins of confidence: mean confidence, share right, number of answers; and the expected calibration error."""

    confidence: Floats
    right: Floats
    counts: Floats
    ece: float


def reliability(run: Run, tolerance: float) -> Reliability:
    """The answers of a run by their confidence."""
    outcomes = run.outcomes
    good = (outcomes.known & (outcomes.error_m <= tolerance)).astype(np.float64)
    place = np.minimum((outcomes.confidence * BINS).astype(int), BINS - 1)
    counts = np.bincount(place, minlength=BINS).astype(np.float64)
    with np.errstate(invalid="ignore"):
        confidence = np.bincount(place, outcomes.confidence, BINS) / counts
        right = np.bincount(place, good, BINS) / counts
    filled = counts > 0
    ece = float((counts[filled] * np.abs(confidence - right)[filled]).sum() / max(counts.sum(), 1))
    return Reliability(confidence, right, counts, ece)


def median_draws(run: Run, seed: int) -> Floats:
    """Medians of the errors of resampled queries."""
    outcomes = run.outcomes
    error, cluster = outcomes.error_m[outcomes.known], outcomes.cluster[outcomes.known]
    order = np.argsort(error, kind="stable")
    _, place = np.unique(cluster, return_inverse=True)
    found = []
    for start in range(0, MEDIAN_DRAWS, DRAWS):
        weights = np.cumsum(_weights(cluster, seed + start)[:, place[order]], axis=1)
        middle = (weights >= weights[:, -1:] / 2).argmax(axis=1)
        found.append(error[order][middle])
    return np.concatenate(found)


def _shares(
    name: str, x: Floats, hits: NDArray[np.bool_], outcomes: Outcomes, series: int, dashed: bool, seed: int
) -> Curve:
    low, high = _band(hits.astype(np.float64), outcomes.cluster[outcomes.known], seed)
    return Curve(name, x, hits.mean(axis=0), low, high, series, dashed)


def _band(values: Floats, cluster: NDArray[np.intp], seed: int) -> tuple[Floats, Floats]:
    weights = _weights(cluster, seed)
    _, place = np.unique(cluster, return_inverse=True)
    sums = np.zeros((weights.shape[1], values.shape[1]))
    np.add.at(sums, place, values)
    means = (weights @ sums) / (weights @ np.bincount(place))[:, None]
    low, high = np.quantile(means, [0.025, 0.975], axis=0)
    return low, high


def _weights(cluster: NDArray[np.intp], seed: int, draws: int = DRAWS) -> Floats:
    count = len(np.unique(cluster))
    return np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=draws).astype(np.float64)


@dataclass(frozen=True, slots=True)
class ClassRow:
    """One class: how many queries, share answered as it, share of its answers that are right, share of all answers."""

    name: str
    queries: int
    accuracy: float
    precision: float
    answered: float


@dataclass(frozen=True, slots=True, eq=False)
class Confusion:
    """``(C, C + 1)`` counts of the classes in ``names``, the last column without an answer, and a row per class."""

    counts: Floats
    names: list[str]
    rows: list[ClassRow]


def confusion(outcomes: Outcomes, limit: int) -> Confusion | None:
    """Which class is answered for which; the ``limit`` classes with most queries. None without classes."""
    truth, answer = outcomes.truth_class, outcomes.answer_class
    if truth is None or answer is None or not outcomes.classes or not (truth >= 0).any():
        return None
    count = len(outcomes.classes)
    asked = truth >= 0
    table = np.zeros((count, count + 1))
    np.add.at(table, (truth[asked], np.where(answer[asked] >= 0, answer[asked], count)), 1)
    sums, answered, total = table.sum(axis=1), table[:, :count].sum(axis=0), max(table.sum(), 1)
    with np.errstate(invalid="ignore"):
        accuracy, precision = np.diag(table) / sums, np.diag(table) / answered
    order = [at for at in np.argsort(-sums, kind="stable").tolist() if sums[at] or answered[at]]
    rows = [
        ClassRow(
            outcomes.classes[at], int(sums[at]), float(accuracy[at]), float(precision[at]), float(answered[at] / total)
        )
        for at in order
    ]
    kept = order[:limit]
    shown = table[np.ix_(kept, [*kept, count])]
    return Confusion(shown if shown[:, -1].any() else shown[:, :-1], [outcomes.classes[at] for at in kept], rows)

"""From outcomes to the lines that are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from whence.evaluate.model import Run
from whence.evaluate.report.plots.curve import Curve
from whence.evaluate.report.plots.lengths import ceiling_of, floor_of
from whence.evaluate.report.plots.rejection import OperatingPoint
from whence.metrics import classes, curves
from whence.metrics.outcomes import Floats, Outcomes

LONGEST = 100
"""N up to which recall is drawn."""
POINTS = 160
"""Of a curve over distances."""
FEWEST = 10
"""Answers that the left end of a rejection curve stands on; of fewer it would only jump."""


def recall_curves(run: Run, series: int, tolerance_m: float, seed: int) -> list[Curve]:
    """Recall@N after re-ranking, and before it (dashed)."""
    known, found = run.outcomes.known, []
    for lists, dashed in ((run.outcomes.ranked_m, False), (run.outcomes.retrieved_m, True)):
        last = min(lists.shape[1], LONGEST)
        if last and known.any():
            curve = curves.recall_curve(
                lists[known, :last], tolerance_m, cluster=run.outcomes.cluster[known], seed=seed
            )
            found.append(_line(run, curve, series, dashed=dashed))
    return found


def distance_limits(runs: Sequence[Run], tolerance_m: float) -> tuple[float, float]:
    """Limits of the axis of distances for several runs."""
    errors = np.concatenate([np.zeros(0), *(run.outcomes.error_m[run.outcomes.known] for run in runs)])
    return floor_of(errors, tolerance_m), ceiling_of(errors, tolerance_m)


def within_curves(
    run: Run, series: int, limits: tuple[float, float], seed: int, *, shortlist: bool = False
) -> list[Curve]:
    """Share of queries answered within a distance; with ``shortlist``, that of its nearest photo too (dashed)."""
    of = run.outcomes
    if not of.known.any():
        return []
    sets = [(of.error_m[of.known], False)]
    if shortlist and of.retrieved_m.shape[1]:
        sets.append((of.retrieved_m[of.known].min(axis=1), True))
    x = np.geomspace(*limits, POINTS)
    return [
        _line(run, curves.threshold_curve(error, x, cluster=of.cluster[of.known], seed=seed), series, dashed=dashed)
        for error, dashed in sets
    ]


@dataclass(frozen=True, slots=True, eq=False)
class Rejection:
    """What refusing the least confident answers does: ``right`` and ``median`` against coverage."""

    right: Curve
    median: Curve
    point: OperatingPoint


def rejection(run: Run, series: int, tolerance_m: float, seed: int) -> Rejection | None:
    """Curves of a run and its own operating point; None without queries."""
    of = run.outcomes
    if not len(of):
        return None
    found = curves.rejection_curve(of, tolerance_m, seed=seed)
    shown = found.coverage * len(of) >= min(FEWEST, len(of) / 4) - 0.5
    right, median = (
        Curve(run.name, found.coverage[shown], part.y[shown], part.low95[shown], part.high95[shown], series)
        for part in (found.right, found.median_m)
    )
    good, sure = of.known & (of.error_m <= tolerance_m), of.located & of.known
    point = OperatingPoint(
        float(of.located.mean()),
        float(good[of.located].mean()) if of.located.any() else np.nan,
        float(np.median(of.error_m[sure])) if sure.any() else np.nan,
        series,
    )
    return Rejection(right, median, point)


def _line(run: Run, curve: curves.Curve, series: int, *, dashed: bool) -> Curve:
    return Curve(run.name, curve.x, curve.y, curve.low95, curve.high95, series, dashed)


@dataclass(frozen=True, slots=True)
class ClassRow:
    """One class: queries, share of them answered right, share of its answers that are right, share of all answers."""

    name: str
    queries: int
    right: float
    precision: float
    answered: float


@dataclass(frozen=True, slots=True, eq=False)
class Confusion:
    """Counts of the classes in ``names``, with a last column where some have no answer; and a row per class."""

    counts: NDArray[np.intp]
    names: list[str]
    rows: list[ClassRow]


def confusion(outcomes: Outcomes, limit: int) -> Confusion | None:
    """Which class is answered for which; the ``limit`` classes with most queries. None without classes."""
    truth, answer, count = outcomes.truth_class, outcomes.answer_class, len(outcomes.classes)
    if truth is None or answer is None or not count or not (truth >= 0).any():
        return None
    table = classes.confusion(truth, answer, count)
    silent = np.bincount(truth[(truth >= 0) & (answer < 0)], minlength=count)
    asked, answered = table.sum(axis=1) + silent, table.sum(axis=0)
    accuracy, precision, share = (
        _ratio(np.diag(table), asked),
        _ratio(np.diag(table), answered),
        _ratio(answered, np.full(count, asked.sum())),
    )
    order = [at for at in np.argsort(-asked, kind="stable").tolist() if asked[at] or answered[at]]
    rows = [
        ClassRow(outcomes.classes[at], int(asked[at]), float(accuracy[at]), float(precision[at]), float(share[at]))
        for at in order
    ]
    kept = order[:limit]
    shown = table[np.ix_(kept, kept)]
    if silent[kept].any():
        shown = np.column_stack([shown, silent[kept]])
    return Confusion(shown, [outcomes.classes[at] for at in kept], rows)


def _ratio(part: NDArray[np.intp], whole: NDArray[np.intp]) -> Floats:
    return np.where(whole > 0, part / np.maximum(whole, 1), np.nan)

"""Sections about one run each or all in one plot: recall, errors, rejection, reliability, maps, the median."""

from __future__ import annotations

import numpy as np

from whence.direct.model import is_direct
from whence.evaluate.model import Evaluation, Run
from whence.evaluate.report import html, series
from whence.evaluate.report.figures import interval_words, value_words
from whence.evaluate.report.galleries import question_name
from whence.evaluate.report.plots.canvas import svg
from whence.evaluate.report.plots.curve import CROWD
from whence.evaluate.report.plots.errormap import error_map, outside
from whence.evaluate.report.plots.errors import error_distribution
from whence.evaluate.report.plots.lengths import given_words
from whence.evaluate.report.plots.median import median_distribution
from whence.evaluate.report.plots.recall import recall_at_n, share_within
from whence.evaluate.report.plots.rejection import rejection_curves
from whence.evaluate.report.plots.reliability import reliability_diagram
from whence.geo.plane import Plane, coordinates
from whence.metrics.curves import reliability
from whence.metrics.outcomes import Figure
from whence.metrics.summary import bootstrap_median
from whence.present.sections import upwards
from whence.types import DoubleArray, Position

MAP = (
    "Rings are the true places of the queries; a line leads to each answer, in the colour of its error. Look for lines "
    "that gather in one part: there the database is thin, or places look alike."
)
BANDS = "Bands hold 95 % of what resampling the queries gives"
CROWDED = "; of more than two runs the first alone has one, or they would hide each other"
OVERLAP = " Where two runs overlap widely, their order may be chance."
PROMISE = (
    "Points on the dotted line keep their promise; below it confidence is too high, above it too low. Thin lines are "
    "95 % intervals; a hollow point stands on fewer than five answers."
)
DRAWN = 6
"""Runs that share a plot; more would hide each other. The tables have all."""


def drawn_runs(evaluation: Evaluation) -> list[Run]:
    """The runs that are drawn."""
    return list(evaluation.runs[:DRAWN])


def names_of(evaluation: Evaluation) -> list[str]:
    """What the drawn runs are called in keys."""
    return [run.name for run in drawn_runs(evaluation)]


def asked(evaluation: Evaluation) -> bool:
    """Whether the place of any query is known."""
    return any(run.outcomes.known.any() for run in evaluation.runs)


def recall(evaluation: Evaluation) -> str:
    """Recall against N and against distance; nothing where no run retrieves photos."""
    if not asked(evaluation) or all(is_direct(run.recipe) for run in evaluation.runs):
        return ""
    runs, near = drawn_runs(evaluation), given_words(evaluation.tolerance_m, evaluation.unit)
    limits = series.distance_limits(runs, evaluation.tolerance_m)
    by_n = [
        curve
        for n, run in enumerate(runs)
        for curve in series.recall_curves(run, n, evaluation.tolerance_m, evaluation.seed)
    ]
    by_distance = [
        curve
        for n, run in enumerate(runs)
        for curve in series.within_curves(run, n, limits, evaluation.seed, shortlist=True)
    ]
    drawings = [
        html.plot(
            "Recall against N",
            svg(recall_at_n(by_n, named=False), f"Recall against N, {_spoken(evaluation)}"),
            f"How often at least one of the first N photos was taken within {near} of the query. The gap between "
            "dashed and solid is what re-ranking gains; the right end of the dashed line is the most it could reach.",
        )
        if by_n
        else "",
        html.plot(
            "Answers against the ceiling",
            svg(
                share_within(
                    by_distance, tolerance_m=evaluation.tolerance_m, unit=evaluation.unit, limits=limits, named=False
                ),
                f"Share of queries within a distance, answers and nearest photo found, {_spoken(evaluation)}",
            ),
            "Solid: the answers. Dashed: the nearest photo that retrieval had found, which a perfect choice would have "
            "answered. Answers may outdo it where several photos are weighed into one position.",
        ),
    ]
    lines = [
        ("after re-ranking, or the answer", False),
        ("before re-ranking, or the nearest photo of the shortlist", True),
    ]
    return html.section(
        "Recall",
        f"{BANDS}{CROWDED if len(runs) > CROWD else ''}.",
        html.card(html.key(names_of(evaluation), lines), html.plots(*drawings)),
    )


def errors(evaluation: Evaluation) -> str:
    """Distribution of errors, and the bootstrap of their median."""
    runs = [run for run in drawn_runs(evaluation) if run.outcomes.known.any()]
    if not runs:
        return ""
    known = {run.name: run.outcomes.error_m[run.outcomes.known] for run in runs}
    first = html.plot(
        "How large errors are",
        svg(
            error_distribution(known, tolerance_m=evaluation.tolerance_m, unit=evaluation.unit),
            f"Histogram and density of errors, {_spoken(evaluation)}",
        ),
        "Bars count queries, the curve is their density, the thick line the median. Two separate humps mean that "
        "answers are either right or somewhere else entirely; the dotted line is the tolerance.",
    )
    draws = {run.name: bootstrap_median(run.outcomes, evaluation.draws, evaluation.seed) for run in runs}
    values = {run.name: run.figures.get("error.median", Figure.alone(np.nan)) for run in runs}
    second = html.plot(
        "The median, resampled",
        svg(
            median_distribution(draws, values, unit=evaluation.unit),
            f"Bootstrap distribution of the median error, {_spoken(evaluation)}",
        ),
        f"What the median error could have been with other queries of the same kind ({evaluation.draws:,} draws): "
        f"thick line 50 %, thin line 95 %.{OVERLAP if len(runs) > 1 else ''}",
    )
    return html.section("Errors", "", html.card(html.plots(first, second)))


def confidence(evaluation: Evaluation) -> str:
    """Rejection and reliability."""
    runs = drawn_runs(evaluation)
    curves = [series.rejection(run, n, evaluation.tolerance_m, evaluation.seed) for n, run in enumerate(runs)]
    parts = [part for part in curves if part is not None]
    strangers = int((~evaluation.runs[0].outcomes.known).sum()) if evaluation.runs else 0
    also = (
        f" The {strangers} photos of places that the database lacks count as wrong when answered." if strangers else ""
    )
    first = (
        html.plot(
            "Refusing the unsure",
            svg(
                rejection_curves(
                    [part.right for part in parts],
                    [part.median for part in parts],
                    [part.point for part in parts],
                    unit=evaluation.unit,
                    named=False,
                ),
                f"Share right and median error against coverage, {_spoken(evaluation)}",
            ),
            "Reading from right to left, the least confident answers are refused: a good confidence lifts the upper "
            f"curve and drops the lower one. The ring is where the recipe itself stops answering.{also}",
        )
        if parts
        else ""
    )
    diagrams = [_reliability(evaluation, run, n) for n, run in enumerate(runs)]
    near = given_words(evaluation.tolerance_m, evaluation.unit)
    about = f"Confidence is meant to be the probability that an answer lies within {near}."
    return html.section("Confidence", about, html.card(html.key(names_of(evaluation)), html.plots(first, *diagrams)))


def _reliability(evaluation: Evaluation, run: Run, number: int) -> str:
    if not len(run.outcomes):
        return ""
    bins = reliability(run.outcomes, evaluation.tolerance_m, seed=evaluation.seed)
    gap = value_words("ece", bins.error, evaluation.unit)
    if "ece" in run.figures and (span := interval_words("ece", run.figures["ece"], evaluation.unit)):
        gap += f" ({span})"
    drawing = reliability_diagram(
        bins.confidence, bins.right.y, bins.counts, bins.right.low95, bins.right.high95, series=number
    )
    return html.plot(
        f"Reliability{': ' + run.name if len(evaluation.runs) > 1 else ''}",
        svg(drawing, f"Share of right answers against confidence for {run.name}"),
        f"{'Read as the first.' if number else PROMISE} Expected calibration error {gap}.",
    )


def maps(evaluation: Evaluation, *, private: bool) -> str:
    """Database, queries and errors, one map for each run."""
    spots = [question.truth for question in evaluation.questions]
    known = [spot for spot in spots if spot is not None]
    if not known or not evaluation.runs:
        return ""
    about = [*evaluation.database, *known]
    plane = Plane.around(about)
    database, truth = plane.metres(coordinates(evaluation.database)), _metres(plane, spots)
    names = [] if private else [question_name(evaluation, n, private=False) for n in range(len(spots))]
    figures: list[str] = []
    for run in drawn_runs(evaluation):
        answers = _metres(plane, [answer.position for answer in run.answers])
        drawing = error_map(
            database,
            truth,
            answers,
            tolerance_m=evaluation.tolerance_m,
            errors=np.where(run.outcomes.known, run.outcomes.error_m, np.inf),
            unit=evaluation.unit,
            names=names,
            up=upwards(known[0]),
            width=760 if len(evaluation.runs) == 1 else 540,
            alt=f"Map of database, queries and errors of {run.name}",
        )
        beyond = outside(database, truth, answers)
        left = f" {beyond} answer{' lies' if beyond == 1 else 's lie'} outside the map." if beyond else ""
        figures.append(
            html.plot(
                run.name if len(evaluation.runs) > 1 else "",
                f'<div class="scroll">{drawing}</div>',
                f"{'Read as the first.' if figures else MAP}{left}",
            )
        )
    several = len(figures) > 1
    return html.section(
        "Map", "", html.card(html.plots(*figures) if several else f'<div class="wide">{figures[0]}</div>')
    )


def _metres(plane: Plane, positions: list[Position | None]) -> DoubleArray:
    points = np.full((len(positions), 2), np.nan)
    there = [n for n, position in enumerate(positions) if position is not None]
    if there:
        points[there] = plane.metres(coordinates([p for p in positions if p is not None]))
    return points


def _spoken(evaluation: Evaluation) -> str:
    names = names_of(evaluation)
    return "of " + ", ".join(names)

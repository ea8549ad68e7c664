"""Results for programs, for spreadsheets, and to paste."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from whence.evaluate.model import Evaluation, Leak, Run
from whence.metrics.outcomes import Figure
from whence.metrics.summary import CEILING, at_distance, describe
from whence.photos import files
from whence.present.words import counted, printable
from whence.types import Skipped

_TOO_OFTEN = 0.05
"""More than its share, from which on a class that is answered too often is named."""
_LARGE = 1000
"""From here on numbers are whole."""
_ABREAST = 4
"""Runs beside each other in a table of text: their figures carry intervals."""
_RANGE = ("value", "low95", "high95", "low50", "high50")


def write_results(evaluation: Evaluation, out: Path) -> None:
    """``results.json``, ``results.csv`` and ``results.md`` in a folder, each whole or not at all."""
    files.write(out / "results.json", (json.dumps(to_json(evaluation), indent=1, allow_nan=False) + "\n").encode())
    files.write(out / "results.csv", to_csv(evaluation).encode("utf-8"))
    files.write(out / "results.md", to_markdown(evaluation).encode("utf-8"))


def to_json(evaluation: Evaluation) -> dict[str, Any]:
    """Everything, as JSON types.

    ``queries`` counts those of known places, ``unknown_places`` the others; ``resampled_in`` is the number of clusters
    that the bootstrap draws; ``runs[].figures`` has by its name (see ``whence.metrics.summary``) the ``value`` of each
    figure on the queries as they are, and between which limits 95 % and 50 % of its resampled values lie. A number is
    null where it is not defined, and where it is infinite, as the largest error is once a query has no answer.
    ``compared_with_first`` has the differences of later runs to the first, on the same resamplings.
    """
    return {
        "title": evaluation.title,
        "whence": evaluation.version,
        "command": evaluation.command,
        "protocol": evaluation.protocol,
        "leaky": evaluation.leaky or None,
        "database_photos": len(evaluation.database),
        "queries": evaluation.known,
        "unknown_places": evaluation.unknown,
        "resampled_in": evaluation.clusters,
        "coordinates": str(evaluation.crs),
        "unit": evaluation.unit,
        "tolerance": evaluation.tolerance_m,
        "thresholds": list(evaluation.thresholds_m),
        "seed": evaluation.seed,
        "left_out": _skipped(evaluation.left_out),
        "not_indexed": _skipped(evaluation.not_indexed),
        "failed": _skipped(evaluation.failed),
        "runs": [_run(run) for run in evaluation.runs],
        "compared_with_first": {name: _figures(found) for name, found in evaluation.comparisons.items()},
        "leaks": [
            {
                "query": evaluation.questions[leak.question].name,
                "kind": leak.kind,
                "with": leak.photo,
                "bits": leak.bits,
            }
            for leak in evaluation.leaks
        ],
    }


def to_csv(evaluation: Evaluation) -> str:
    """One line for each figure of each run."""
    stream = io.StringIO(newline="")
    table = csv.writer(stream, lineterminator="\n")
    table.writerow(["run", "queries", "figure", "words", *_RANGE])
    for run in evaluation.runs:
        for queries, figures in (("all", run.figures), ("without leaks", run.clean)):
            for name, figure in figures.items():
                numbers = ("" if math.isnan(v) else f"{v:.6g}" for v in _values(figure))
                table.writerow([run.name, queries, name, describe(name, evaluation.unit), *numbers])
    return stream.getvalue()


def to_markdown(evaluation: Evaluation) -> str:
    """The main figures of all runs, and what has to be known to believe them."""
    names = main_figures(evaluation)
    lines = [
        f"# {printable(evaluation.title)}",
        "",
        *_table(evaluation, names, [run.figures for run in evaluation.runs]),
    ]
    if any(run.clean for run in evaluation.runs):
        leak = "query that leaks" if evaluation.leaking == 1 else f"{evaluation.leaking} queries that leak"
        lines += ["", f"Without the {leak}:", ""]
        lines += _table(evaluation, names, [run.clean for run in evaluation.runs])
    if evaluation.comparisons:
        lines += ["", f"Difference to {evaluation.runs[0].name}, on the same queries:", ""]
        lines += _rows(
            evaluation, names, list(evaluation.comparisons), list(evaluation.comparisons.values()), signed=True
        )
    return "\n".join([*lines, "", *_notes(evaluation), ""])


def main_figures(evaluation: Evaluation) -> list[str]:
    """Figures that a table has room for."""
    figures = evaluation.runs[0].figures
    tolerance = at_distance(evaluation.tolerance_m)
    at = tolerance if f"within.{tolerance}" in figures else at_distance(evaluation.thresholds_m[-1])
    wanted = [
        "class.accuracy",
        f"within.{at}",
        f"recall@1.{at}.before",
        f"recall@1.{at}",
        f"recall@{CEILING}.{at}.before",
        *(["answered.share"] if evaluation.failed else []),
        "error.median",
        *(["error.mean"] if "class.accuracy" in figures or f"recall@1.{at}" not in figures else []),
        "manhattan.mean",
        "located.share",
        f"located.within.{at}",
        "unknown.located",
        "auroc.unknown",
        "ece",
        "radius.inside",
    ]
    return [name for name in wanted if name in figures and not math.isnan(figures[name].value)]


def _table(evaluation: Evaluation, names: Sequence[str], found: Sequence[Mapping[str, Figure]]) -> list[str]:
    return _rows(evaluation, names, [run.name for run in evaluation.runs], found)


def _rows(
    evaluation: Evaluation,
    names: Sequence[str],
    runs: Sequence[str],
    found: Sequence[Mapping[str, Figure]],
    *,
    signed: bool = False,
) -> list[str]:
    """A figure a line, a run a column: there are more figures than runs, and their names are long.

    More runs than a screen has room for get tables of their own, one below the other.
    """
    seconds = [] if signed else [_number(run.costs.seconds_per_query) for run in evaluation.runs]
    lines: list[str] = []
    tables = -(-len(runs) // _ABREAST)
    for columns in np.array_split(np.arange(len(runs)), tables):
        here = [runs[column].replace("|", "/") for column in columns]
        lines += [*([""] if lines else []), f"| | {' | '.join(here)} |", "|---" * (len(here) + 1) + "|"]
        for name in names:
            cells = [_cell(found[column].get(name), signed) for column in columns]
            lines.append(f"| {describe(name, evaluation.unit)} | {' | '.join(cells)} |")
        if seconds:
            lines.append(f"| seconds a query | {' | '.join(seconds[column] for column in columns)} |")
    return lines


def _cell(figure: Figure | None, signed: bool) -> str:
    if figure is None or math.isnan(figure.value):
        return ""
    sign = "+" if signed else ""
    size = abs(figure.value)
    value = format(figure.value, f"{sign}.3f" if size < 10 else f"{sign}.1f" if size < _LARGE else f"{sign},.0f")
    if math.isnan(figure.low95):
        return value
    low, high = (f"{v:{sign},.0f}" if abs(v) >= _LARGE else f"{v:{sign}.3g}" for v in (figure.low95, figure.high95))
    return f"{value} ({low} to {high})"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"


def _notes(evaluation: Evaluation) -> list[str]:
    known, unknown, groups = evaluation.known, evaluation.unknown, counted(evaluation.clusters, "group")
    recipes = ", ".join(f"{run.name} ({run.recipe.hash})" for run in evaluation.runs)
    photos, queries = counted(len(evaluation.database), "photo"), counted(known, "query", "queries")
    unknown_said = f" and {counted(unknown, 'photo')} of unknown places" if unknown else ""
    brackets = f"In brackets the range that holds 95 % of resamplings of the queries (in {groups}, seed"
    tolerance = f"{evaluation.tolerance_m:g} {evaluation.unit}"
    placed = any(question.truth is not None for question in evaluation.questions)
    meant = f"an error of at most {tolerance}" if placed or not evaluation.known else "the class"
    notes = [
        f"{photos} in the database; {queries}{unknown_said}; {evaluation.protocol}.",
        f"{brackets} {evaluation.seed}). Confidence is that of {meant}.",
        f"Recipes: {recipes}; whence {evaluation.version}.",
    ]
    if evaluation.leaky:
        notes.insert(0, f"**A leaky split**: {evaluation.leaky}.")
    if evaluation.leaks:
        every = "" if any(run.clean for run in evaluation.runs) else "; no query is without"
        notes.append(f"Leaks: {_leaks(evaluation.leaks)}{every}.")
    notes += [note for run in evaluation.runs for note in _class_notes(run)]
    notes += _left_out(evaluation)
    return [f"- {note}" for note in notes]


def _class_notes(run: Run) -> list[str]:
    """Which class is answered too often, and how many queries are of none that the run knows."""
    of = run.outcomes
    if of.truth_class is None or of.answer_class is None or not len(of.classes):
        return []
    told = [name for name in of.classes if f"class.{name}.share" in run.figures]
    notes = []
    classed = of.truth_class >= 0
    if classed.any() and told:
        true = {name: float((of.truth_class[classed] == number).mean()) for number, name in enumerate(of.classes)}
        share = {name: run.figures[f"class.{name}.share"].value for name in told}
        most = max(told, key=lambda name: share[name] - true[name])
        if share[most] - true[most] >= _TOO_OFTEN:
            said, are = f"{share[most]:.0%} of the queries", f"{true[most]:.0%} are"
            notes.append(f"{printable(run.name)} answers {printable(most)} for {said}; {are}.")
    unknown = int((~classed).sum())
    if unknown and run.examples:
        notes.append(f"{counted(unknown, 'query is', 'queries are')} of no class that {printable(run.name)} knows.")
    return notes


def _left_out(evaluation: Evaluation) -> list[str]:
    """Who is not among the figures; a set that was picked over is another set."""
    return [
        f"{counted(len(photos), 'photo')} {what}, the first {printable(photos[0].name)}: {photos[0].reason}."
        for photos, what in (
            (evaluation.failed, "without an answer, which counts as wrong"),
            (evaluation.left_out, "not asked"),
            (evaluation.not_indexed, "not indexed"),
        )
        if photos
    ]


def _skipped(photos: Sequence[Skipped]) -> list[dict[str, str]]:
    return [{"path": photo.name, "reason": photo.reason} for photo in photos]


def _leaks(found: Sequence[Leak]) -> str:
    kinds = dict.fromkeys(leak.kind for leak in found)
    return ", ".join(f"{len({k.question for k in found if k.kind == kind}):,} with the {kind}" for kind in kinds)


def _run(run: Run) -> dict[str, Any]:
    costs = run.costs
    return {
        "name": run.name,
        "recipe": run.recipe.name,
        "recipe_hash": run.recipe.hash,
        "sections": {name: dict(values) for name, values in run.recipe.sections.items()},
        "varied": dict(run.varied),
        "figures": _figures(run.figures),
        "figures_without_leaks": _figures(run.clean),
        "costs": {
            "seconds_per_stage": dict(costs.seconds_per_stage),
            "seconds_per_query": costs.seconds_per_query,
            "index_seconds": costs.index_seconds,
            "photos_per_second": costs.photos_per_second,
            "bytes_per_photo": costs.bytes_per_photo,
            "peak_mb": costs.peak_mb,
        },
    }


def _figures(figures: Mapping[str, Figure]) -> dict[str, dict[str, float | None]]:
    return {
        name: {key: value if math.isfinite(value) else None for key, value in zip(_RANGE, _values(figure), strict=True)}
        for name, figure in figures.items()
    }


def _values(figure: Figure) -> tuple[float, ...]:
    return tuple(getattr(figure, name) for name in _RANGE)

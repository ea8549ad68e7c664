"""Sections that hold runs against each other: paired differences, sweeps, speed against accuracy."""

from __future__ import annotations

import math
from collections.abc import Mapping

from whence.evaluate.model import Evaluation
from whence.evaluate.report import html
from whence.evaluate.report.accuracy import drawn_runs
from whence.evaluate.report.figures import signed_words
from whence.evaluate.report.names import Named, better, main_figures, right_name, title_of
from whence.evaluate.report.plots.canvas import svg
from whence.evaluate.report.plots.forest import forest
from whence.evaluate.report.plots.sweep import sweep_plot
from whence.evaluate.report.plots.tradeoff import speed_accuracy
from whence.metrics.outcomes import Figure
from whence.present import page

NOTHING = Figure.alone(math.nan)


def comparison(evaluation: Evaluation) -> str:
    """Forest plots of differences to the first run."""
    runs = [run.name for run in drawn_runs(evaluation)[1:] if run.name in evaluation.comparisons]
    if not runs:
        return ""
    differences = {
        named: {run: evaluation.comparisons[run].get(named.name, NOTHING) for run in runs}
        for named in main_figures(evaluation)
    }
    figures = [_forest(named, found, evaluation.unit) for named, found in differences.items() if _differ(found)]
    same = [named.title.lower() for named, found in differences.items() if not _differ(found)]
    about = (
        f"Differences to {evaluation.runs[0].name} on the same queries. "
        "Dot: the difference; thick line 50 %, thin line 95 % of what resampling the queries gives. "
        "Where the thin line reaches zero, the difference may be chance."
    )
    equal = f'<p class="quiet">No difference: {page.text(", ".join(same))}.</p>' if same else ""
    return html.section("Compared", about, html.card(html.plots(*figures), equal))


def _differ(found: Mapping[str, Figure]) -> bool:
    return any(v for figure in found.values() for v in (figure.value, figure.low95, figure.high95) if not math.isnan(v))


def _forest(named: Named, found: Mapping[str, Figure], unit: str) -> str:
    drawing = forest(
        found,
        words=lambda value: signed_words(named.name, value, unit),
        ticks=100 if named.share else 1,
        better=better(named.name),
        title="difference, percentage points" if named.share else f"difference, {unit}",
    )
    sure = [run for run, figure in found.items() if figure.low95 > 0 or figure.high95 < 0]
    caption = f"More than chance: {', '.join(sure)}." if sure else "May all be chance."
    return html.plot(named.title, svg(drawing, f"Differences in {named.title} to the first run"), caption)


def sweep(evaluation: Evaluation) -> str:
    """Figures against each value that was varied, the others as in the first run; and speed against accuracy."""
    keys = list(dict.fromkeys(key for run in evaluation.runs for key in run.varied))
    figures = [_sweep(evaluation, key) for key in keys]
    return html.section(
        "Sweep",
        "What one value of the recipe does.",
        html.card(html.plots(*figures)),
    )


def _sweep(evaluation: Evaluation, key: str) -> str:
    swept = [run for run in evaluation.runs if key in run.varied]
    if not swept:
        return ""
    # Of a grid, the line through the first run: the other values as they are there.
    base = {name: value for name, value in swept[0].varied.items() if name != key}
    line = [run for run in swept if {n: v for n, v in run.varied.items() if n != key} == base]
    line = [run for run in line if run.base == swept[0].base]
    if len(line) < 2:
        return ""
    shares = {
        named.title: [run.figures.get(named.name, NOTHING) for run in line]
        for named in main_figures(evaluation)
        if named.share
        and better(named.name) > 0
        and any(math.isfinite(run.figures.get(named.name, NOTHING).value) for run in line)
    }
    seconds = [_seconds(run.costs.seconds_per_query) for run in line]
    drawing = sweep_plot([run.varied[key] for run in line], shares, seconds, name=key)
    others = ", ".join(f"{name} = {value}" for name, value in base.items())
    caption = "Bars are 95 % intervals. Look for the value beyond which accuracy no longer rises while time does" + (
        f"; here {others}." if others else "."
    )
    return html.plot(key, svg(drawing, f"Figures against {key}"), caption)


def tradeoff(evaluation: Evaluation) -> str:
    """Seconds per query against the share of right answers."""
    runs = drawn_runs(evaluation)
    name = right_name(evaluation)
    if len(runs) < 2:
        return ""
    seconds = [_seconds(run.costs.seconds_per_query) for run in runs]
    shares = [run.figures.get(name, NOTHING) for run in runs]
    known = [s > 0 and math.isfinite(share.value) for s, share in zip(seconds, shares, strict=True)]
    if sum(known) < 2:
        return ""
    names = [run.name for run in runs]
    drawing = speed_accuracy(names, seconds, shares, title=title_of(name, evaluation.unit), named=False)
    return html.plot(
        "Speed against accuracy",
        html.key(names) + svg(drawing, "Seconds per query against the share of right answers"),
        "Up and to the left is better; bars are 95 % intervals. A run below and to the right of another is not worth "
        "its time on these queries.",
    )


def _seconds(value: float | None) -> float:
    return math.nan if value is None else value

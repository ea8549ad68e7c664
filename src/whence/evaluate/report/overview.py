"""The first screen: what was evaluated, how, how well, and what to be careful about."""

from __future__ import annotations

import math

from whence.evaluate.model import Evaluation, Run
from whence.evaluate.report import html, series
from whence.evaluate.report.accuracy import asked, drawn_runs, names_of
from whence.evaluate.report.figures import cell
from whence.evaluate.report.names import main_figures, right_name
from whence.evaluate.report.plots.canvas import SIZE, svg
from whence.evaluate.report.plots.curve import CROWD
from whence.evaluate.report.plots.lengths import given_words
from whence.evaluate.report.plots.recall import share_within
from whence.present import page
from whence.present.words import counted


def lead(evaluation: Evaluation) -> str:
    """The protocol in a sentence, the size of it all, and warnings."""
    strangers = evaluation.unknown
    counts = [
        counted(evaluation.known, "query", "queries"),
        f"{counted(strangers, 'photo')} of places that the database lacks" if strangers else "",
        counted(len(evaluation.database), "database photo"),
        f"{len(evaluation.left_out)} left out" if evaluation.left_out else "",
        counted(len(evaluation.runs), "run"),
        f"tolerance {given_words(evaluation.tolerance_m, evaluation.unit)}",
    ]
    said = evaluation.protocol
    said = said[:1].upper() + said[1:].removesuffix(".") + "." if said else ""
    sentence = f'<p class="lead">{page.text(said)}</p>' if said else ""
    return (
        f'{sentence}<p class="meta">{page.text(" · ".join(part for part in counts if part))}</p>{_warnings(evaluation)}'
    )


def _warnings(evaluation: Evaluation) -> str:
    found = []
    if evaluation.leaky:
        found.append(f"<b>This split flatters.</b> {page.text(evaluation.leaky)}")
    if evaluation.leaking:
        share = f"{evaluation.leaking} of {len(evaluation.questions)} queries"
        found.append(
            f"<b>Queries leak.</b> The database knows {share} too well; see Leaks for the figures without them."
        )
    if failed := evaluation.failed:
        photos = counted(len(failed), "photo")
        found.append(f"<b>Not all could be read.</b> {photos} got no answer, which counts as wrong; see Left out.")
    if not evaluation.questions:
        found.append("<b>There are no queries.</b>")
    return f'<div class="warning">{"".join(f"<p>{words}</p>" for words in found)}</div>' if found else ""


def main_table(evaluation: Evaluation) -> str:
    """One row per run with its main figures."""
    named = main_figures(evaluation)
    timed = any(run.costs.seconds_per_query is not None for run in evaluation.runs)
    heads = ["Run", *(figure.title for figure in named), *(["Seconds per query"] if timed else [])]
    rows = [
        [
            (html.swatch(number) if len(evaluation.runs) > 1 else "") + page.text(run.name),
            *(_cell(evaluation, run, number, figure.name) for figure in named),
            *([_seconds(run)] if timed else []),
        ]
        for number, run in enumerate(evaluation.runs)
    ]
    return html.table(heads, rows, kind="main")


def _cell(evaluation: Evaluation, run: Run, number: int, name: str) -> str:
    figure = run.figures.get(name)
    drawn = html.whisker(figure, number) if figure is not None and name == right_name(evaluation) else ""
    return cell(name, figure, evaluation.unit) + drawn


def _seconds(run: Run) -> str:
    value = run.costs.seconds_per_query
    return html.DASH if value is None or not math.isfinite(value) else f"<b>{value:.2f}</b>"


def first_plot(evaluation: Evaluation) -> str:
    """How many answers lie within which distance: accuracy at every tolerance at once."""
    if not asked(evaluation):
        return ""
    runs = drawn_runs(evaluation)
    limits = series.distance_limits(runs, evaluation.tolerance_m)
    curves = [c for n, run in enumerate(runs) for c in series.within_curves(run, n, limits, evaluation.seed)]
    alt = "Share of queries answered within a distance, of " + ", ".join(names_of(evaluation))
    wide, slim = (
        svg(
            share_within(
                curves, tolerance_m=evaluation.tolerance_m, unit=evaluation.unit, limits=limits, size=size, named=False
            ),
            alt,
        )
        for size in ((720, 330), SIZE)
    )
    of_first = " of the first run" if len(runs) > CROWD else ""
    caption = (
        "Read it at the distance that is good enough for you: the curve says how many queries were answered that well. "
        f"Further left and higher is better; the band{of_first} holds 95 % of what resampling the queries gives."
    )
    # Scaled down to the width of a telephone, the wide one could not be read.
    drawn = f'<div><div class="on-wide">{wide}</div><div class="on-slim">{slim}</div></div>'
    key = html.key(names_of(evaluation))
    return f'<figure class="margin">{drawn}<figcaption>{key}{page.text(caption)}</figcaption></figure>'

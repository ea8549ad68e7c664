"""Sections with what stands behind the figures: classes, leaks, costs, all figures, recipes."""

from __future__ import annotations

import math
from collections.abc import Mapping

from whence.evaluate.model import Evaluation, Leak, Run
from whence.evaluate.report import html, series
from whence.evaluate.report.accuracy import drawn_runs
from whence.evaluate.report.compare import tradeoff
from whence.evaluate.report.figures import cell, value_words
from whence.evaluate.report.galleries import question_name
from whence.evaluate.report.names import main_figures, title_of
from whence.evaluate.report.plots.canvas import svg
from whence.evaluate.report.plots.confusion import confusion_matrix
from whence.evaluate.report.plots.costs import stage_bars
from whence.metrics.outcomes import Figure
from whence.present import page, words
from whence.recipes import Recipe

MOST = 50  # rows of a list that few will read
CLASSES = 30  # rows of a confusion matrix that can be read


def classes(evaluation: Evaluation) -> str:
    """Confusion matrices, with accuracy and precision of each class."""
    cards = [_classes(run, several=len(evaluation.runs) > 1) for run in drawn_runs(evaluation)]
    return html.section("Classes", "", *cards)


def _classes(run: Run, *, several: bool) -> str:
    found = series.confusion(run.outcomes, CLASSES)
    if found is None:
        return ""
    heads = ("Class", "Queries", "Accuracy", "Precision", "Answered")
    rows = [
        [
            page.text(row.name),
            str(row.queries),
            words.percent(row.right),
            words.percent(row.precision),
            words.percent(row.answered),
        ]
        for row in found.rows
    ]
    drawing = html.plot(
        run.name if several else "",
        svg(confusion_matrix(found.counts, found.names), f"Confusion matrix of {run.name}"),
        "Rows are the true classes, columns what was answered; dark off the diagonal is what is mistaken for what."
        + (f" The {CLASSES} largest classes are drawn." if len(found.rows) > CLASSES else ""),
    )
    caption = (
        "Accuracy: share of a class's queries that are answered as it. Precision: share of the answers that are right."
    )
    side = f'<div>{html.table(heads, rows)}<p class="quiet">{page.text(caption)}</p></div>'
    return html.card(html.plots(drawing, side))


def leaks(evaluation: Evaluation, *, private: bool) -> str:
    """Queries that the database knows too well, and the figures with and without them."""
    if not evaluation.leaks:
        return ""
    queries = len({leak.question for leak in evaluation.leaks})
    about = (
        f"{queries} of {len(evaluation.questions)} queries have a copy, a near duplicate or their own group in the "
        "database. What they get right says little about new photos."
    )
    return html.section("Leaks", about, html.card(_with_and_without(evaluation), _leaking(evaluation, private=private)))


def _with_and_without(evaluation: Evaluation) -> str:
    runs = [run for run in evaluation.runs if run.clean]
    named = [figure for figure in main_figures(evaluation) if any(figure.name in run.clean for run in runs)]
    heads = ["Run", "Queries", *(figure.title for figure in named)]
    rows = []
    for number, run in enumerate(evaluation.runs):
        if run.clean:
            head = html.swatch(number) + page.text(run.name)
            for which, figures, start in (("all", run.figures, head), ("without leaks", run.clean, "")):
                cells = [cell(figure.name, figures.get(figure.name), evaluation.unit) for figure in named]
                rows.append([start, which, *cells])
    return html.table(heads, rows, kind="main", words=(0, 1))


def _leaking(evaluation: Evaluation, *, private: bool) -> str:
    def row(leak: Leak) -> list[str]:
        name = question_name(evaluation, leak.question, private=private)
        bits = "" if leak.bits is None else f"{leak.bits} of 64 bits differ"
        photo = "" if private else words.shown_path(leak.photo)
        return [page.text(name), page.text(leak.kind), page.text(photo), bits]

    rows = [row(leak) for leak in evaluation.leaks[:MOST]]
    more = len(evaluation.leaks) - len(rows)
    tail = f'<p class="quiet">And {more} more.</p>' if more else ""
    heads = ("Query", "Kind", "" if private else "In the database", "")
    listed = html.table(heads, rows, words=(0, 1, 2, 3))
    return html.folded(f"The {len(evaluation.leaks)} leaks", listed, tail)


def costs(evaluation: Evaluation) -> str:
    """Time and space."""
    stages = {
        run.name: {stage: taken for stage, taken in run.costs.seconds_per_stage.items() if math.isfinite(taken)}
        for run in drawn_runs(evaluation)
    }
    stages = {name: parts for name, parts in stages.items() if sum(parts.values()) > 0}
    bars = (
        html.plot(
            "Seconds per stage",
            svg(stage_bars(stages), "Mean seconds per query and stage of " + ", ".join(stages)),
            "Mean of the queries, one bar per run: the longest part is where time can be saved.",
        )
        if stages
        else ""
    )
    return html.section("Costs", "", html.card(html.plots(bars, tradeoff(evaluation)), _cost_table(evaluation)))


def _cost_table(evaluation: Evaluation) -> str:
    def number(value: float | None, form: str) -> str:
        return html.DASH if value is None or not math.isfinite(value) else format(value, form)

    heads = ["Run", "Seconds per query", "Seconds to index", "Photos per second", "KB per photo", "Peak memory, MB"]
    rows = []
    for at, run in enumerate(evaluation.runs):
        spent = run.costs
        size = None if spent.bytes_per_photo is None else spent.bytes_per_photo / 1000
        rows.append(
            [
                html.swatch(at) + page.text(run.name),
                number(spent.seconds_per_query, ".3f"),
                number(spent.index_seconds, ".1f"),
                number(spent.photos_per_second, ".1f"),
                number(size, ".1f"),
                number(spent.peak_mb, ",.0f"),
            ]
        )
    kept = [0, *(at for at in range(1, len(heads)) if any(row[at] != html.DASH for row in rows))]
    if len(kept) == 1:
        return ""
    return html.table([heads[at] for at in kept], [[row[at] for at in kept] for row in rows])


def passed_over(evaluation: Evaluation, *, private: bool) -> str:
    """Photos that could not be asked or indexed, folded."""
    lists = (
        (evaluation.failed, "without an answer, which counts as wrong"),
        (evaluation.left_out, "that could not be asked and count in no figure"),
        (evaluation.not_indexed, "of the database that could not be used"),
    )
    parts = []
    for photos, what in lists:
        rows = [["" if private else page.text(words.shown_path(p.name)), page.text(p.reason)] for p in photos[:MOST]]
        more = f'<p class="quiet">And {len(photos) - MOST} more.</p>' if len(photos) > MOST else ""
        if rows:
            parts.append(
                html.folded(
                    f"{words.counted(len(photos), 'photo')} {what}",
                    html.table(("Photo", "Reason"), rows, words=(0, 1)),
                    more,
                )
            )
    return html.section("Left out", "", html.card(*parts))


def all_figures(evaluation: Evaluation) -> str:
    """Every figure of every run with its intervals, folded."""
    names = list(dict.fromkeys(name for run in evaluation.runs for name in run.figures))
    heads = ["Figure", *(run.name for run in evaluation.runs)]
    rows = [
        [
            f"{page.text(title_of(name, evaluation.unit))} <small>{page.text(name)}</small>",
            *(_full(run.figures, name, evaluation.unit) for run in evaluation.runs),
        ]
        for name in names
    ]
    about = "Value, 95 % interval, 50 % interval."
    listed = html.table(heads, rows, words=(0,))
    folded = html.folded(f"All {len(rows)} figures", f'<p class="quiet">{about}</p>', listed) if rows else ""
    return html.section(
        "Everything", "", html.card(folded, *(_recipe(run.recipe, run.name) for run in evaluation.runs))
    )


def _full(figures: Mapping[str, Figure], name: str, unit: str) -> str:
    figure = figures.get(name)
    if figure is None:
        return html.DASH
    value = value_words(name, figure.value, unit)
    spans = [
        " – ".join(value_words(name, end, unit) for end in ends)
        for ends in ((figure.low95, figure.high95), (figure.low50, figure.high50))
        if not any(math.isnan(end) for end in ends)
    ]
    small = "".join(f"<br><small>{page.text(span)}</small>" for span in spans)
    return page.text(value) + (small if value != html.DASH else "")


def _recipe(recipe: Recipe, name: str) -> str:
    facts = []
    if recipe.source is not None:
        source = recipe.source
        facts = [
            ("Source", page.text(source.title + (f", {source.where}" if source.where else ""))),
            ("Reported there", page.text(source.reported)),
            ("Differs", page.text(source.differs)),
        ]
    summary = f"<p>{page.text(recipe.summary)}</p>" if recipe.summary else ""
    text = "\n".join(page.text(line) for line in recipe_lines(recipe))
    return html.folded(
        f"Recipe {name} ({recipe.hash})", summary, page.facts(facts) if facts else "", f"<pre>{text}</pre>"
    )


def recipe_lines(recipe: Recipe) -> list[str]:
    """The options of a recipe as lines of TOML."""
    lines: list[str] = []
    for section, options in recipe.sections.items():
        if options:
            lines += [*([""] if lines else []), f"[{section}]"]
            lines += [f"{key} = {_toml(value)}" for key, value in options.items()]
    return lines


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return str(value)

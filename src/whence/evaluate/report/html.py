"""Pieces of the report's HTML."""

from __future__ import annotations

import math
from collections.abc import Sequence

from whence.evaluate.report.plots.canvas import SERIES
from whence.metrics.outcomes import Figure
from whence.present import page

DASH = "–"


def section(title: str, about: str, *content: str) -> str:
    """A part of the report; empty where it has nothing to show. ``about`` is plain text."""
    if not any(content):
        return ""
    lead = f'<p class="quiet">{page.text(about)}</p>' if about else ""
    return f'<section class="group"><h2>{page.text(title)}</h2>{lead}\n{"".join(content)}\n</section>'


def card(*content: str) -> str:
    """A sheet of paper; none where there is nothing on it."""
    body = "".join(content)
    return f"<article>{body}</article>" if body else ""


def plots(*figures: str) -> str:
    """Plots beside each other where there is room."""
    found = [figure for figure in figures if figure]
    return f'<div class="plots">{"".join(found)}</div>' if found else ""


def plot(title: str, drawing: str, caption: str) -> str:
    """One plot with its title above and its caption below; title and caption are plain text."""
    heading = f"<h3>{page.text(title)}</h3>" if title else ""
    return f"<figure>{heading}{drawing}<figcaption>{page.text(caption)}</figcaption></figure>"


def swatch(series: int) -> str:
    """The colour of a run."""
    return f'<span class="swatch s{series % len(SERIES)}" aria-hidden="true"></span>'


def key(names: Sequence[str], lines: Sequence[tuple[str, bool]] = ()) -> str:
    """What colours and lines mean: names of the runs, and of lines whether they are dashed."""
    runs = (
        [f"<li>{swatch(number)}{page.text(name)}</li>" for number, name in enumerate(names)] if len(names) > 1 else []
    )
    styles = [
        f'<li><span class="line{" dashed" if dashed else ""}" aria-hidden="true"></span>{page.text(words)}</li>'
        for words, dashed in lines
    ]
    return f'<ul class="key">{"".join([*runs, *styles])}</ul>' if runs or styles else ""


def folded(summary: str, *content: str) -> str:
    """What only some readers want to see."""
    return f"<details><summary>{page.text(summary)}</summary>{''.join(content)}</details>" if any(content) else ""


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], *, kind: str = "", words: Sequence[int] = (0,)) -> str:
    """A table of ready HTML cells; columns but those in ``words`` hold numbers.

    Args:
        heads: Plain text.
        rows: HTML; the first cell of each names the row.
        kind: Class of the table.
        words: Numbers of the columns of words.
    """
    if not rows:
        return ""
    number = ["" if at in words else ' class="number"' for at in range(len(heads))]
    head = "".join(f'<th scope="col"{number[at]}>{page.text(title)}</th>' for at, title in enumerate(heads))
    body = "".join(
        f'<tr><th scope="row">{row[0]}</th>'
        + "".join(f"<td{number[at]}>{cell}</td>" for at, cell in enumerate(row[1:], 1))
        + "</tr>"
        for row in rows
    )
    return (
        f'<div class="scroll"><table class="{kind}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def whisker(share: Figure, series: int = 0) -> str:
    """A share of 1 and its 95 % interval on a line from 0 to 1; for the eye, beside the numbers."""
    if not math.isfinite(share.value):
        return ""
    low, high = (v if math.isfinite(v) else share.value for v in (share.low95, share.high95))
    colour, still = f"var(--pl-{series % len(SERIES)})", 'vector-effect="non-scaling-stroke"'
    span, middle = f"M{100 * low:.1f} 5H{100 * high:.1f}", f"M{100 * share.value:.1f} 1v8"
    return (
        '<svg class="whisker" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">'
        f'<path class="axis" d="M0 5h100M0 1v8M100 1v8" {still}/>'
        f'<path d="{span}" stroke="{colour}" stroke-width="2" {still}/>'
        f'<path d="{middle}" stroke="{colour}" stroke-width="3" {still}/></svg>'
    )

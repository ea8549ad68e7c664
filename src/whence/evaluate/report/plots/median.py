"""Bootstrap distribution of the median error, a row for each run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from whence.evaluate.report.plots.canvas import INK, PAPER, QUIET, colour_of, drawn, panel
from whence.evaluate.report.plots.density import density
from whence.evaluate.report.plots.lengths import Floats, distance_words, tick_words
from whence.metrics.outcomes import Figure as Interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROW = 78


@drawn
def median_distribution(draws: Mapping[str, Floats], medians: Mapping[str, Interval], *, unit: str = "m") -> Figure:
    """What the median error could have been, had other queries been drawn: density, 50 % (thick) and 95 % (thin).

    Args:
        draws: ``(B,)`` medians of resampled queries by name of the run; infinite where half have no answer.
        medians: Those of the queries as they are, with their intervals.
        unit: Of errors.
    """
    figure, rows = panel((440, ROW * len(draws) + 64), rows=len(draws), top=24, bottom=44, gap=26)
    finite = [found[np.isfinite(found)] for found in draws.values()]
    every = np.concatenate([np.zeros(0), *finite])
    low, high = _limits(every)
    logarithmic = low > 0 and high / low > 20
    for number, (axes, name, found) in enumerate(zip(rows, draws, finite, strict=True)):
        axes.grid(visible=False)
        axes.set_yticks([])
        if logarithmic:
            axes.set_xscale("log")
            axes.set_xticks([], minor=True)
        axes.set_xlim(low, high)
        _row(axes, found, medians.get(name, Interval.alone(float("nan"))), number, unit, low, high, logarithmic)
        axes.set_title(name if len(draws) > 1 else "")
        if len(found) < len(draws[name]):
            share = 1 - len(found) / max(len(draws[name]), 1)
            words = f"no median in {f'{100 * share:.0f}' if share >= 0.01 else 'less than 1'} % of draws"
            axes.text(1, 0.97, words, transform=axes.transAxes, ha="right", va="top", color=QUIET, fontsize=10.5)
    if not logarithmic:
        rows[-1].locator_params(axis="x", nbins=6)
    rows[-1].xaxis.set_major_formatter(lambda value, place: _short(value, unit))
    rows[-1].set_xlabel("median error" + ("" if unit == "m" else f", {unit}"))
    return figure


def _limits(values: Floats) -> tuple[float, float]:
    if not len(values):
        return 0.0, 1.0
    low, high = float(np.quantile(values, 0.002)), float(np.quantile(values, 0.998))
    room = 0.12 * (high - low) or max(0.1 * high, 1e-6)
    return (max(0.0, low - room), high + room) if low <= 0 or high / low <= 20 else (low / 1.5, high * 1.5)


def _short(value: float, unit: str) -> str:
    if value <= 0:
        return "0" if value == 0 else ""
    return tick_words(value, unit) if float(f"{value:.1g}") == value else distance_words(value, unit)


def _row(
    axes: Axes, found: Floats, median: Interval, number: int, unit: str, low: float, high: float, logarithmic: bool
) -> None:
    axes.set_ylim(-0.34, 1.05)
    axes.spines["bottom"].set_visible(True)
    if not len(found):
        axes.text(0.5, 0.4, "half of the queries have no answer", transform=axes.transAxes, ha="center", color=QUIET)
        return
    colour = colour_of(number)
    if logarithmic:
        x = np.linspace(np.log(low), np.log(high), 300)
        y = density(np.log(np.maximum(found, 1e-12)), x)
    else:
        x = np.linspace(low, high, 300)
        y = density(found, x)
    axes.fill_between(
        np.exp(x) if logarithmic else x, 0, y / max(float(y.max()), 1e-12), color=colour, alpha=0.22, lw=0
    )
    for ends, width in (((median.low95, median.high95), 1.4), ((median.low50, median.high50), 5)):
        if not np.isnan(ends).any():  # an end at infinity is at the edge
            axes.plot(np.clip(ends, low, high), [-0.16, -0.16], color=colour, linewidth=width, solid_capstyle="butt")
    if np.isfinite(median.value):
        axes.plot([median.value], [-0.16], marker="o", markersize=6.5, color=INK, markeredgecolor=PAPER, zorder=5)
        axes.text(median.value, 0.1, distance_words(median.value, unit), ha="center", color=INK, fontsize=11)

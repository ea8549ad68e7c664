"""Rejection: what is left of the errors when the least confident answers are refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from whence.evaluate.report.plots.canvas import INK, PAPER, colour_of, drawn, key, panel, percent_axis
from whence.evaluate.report.plots.curve import Curve, banded, draw_curve
from whence.evaluate.report.plots.lengths import tick_words

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """Where a recipe itself draws the line between located and unsure.

    Attributes:
        coverage: Share of queries that it answers as located.
        right: Share of these within the tolerance.
        median: Of the errors of these.
        series: Which run.
    """

    coverage: float
    right: float
    median: float
    series: int = 0


@drawn
def rejection_curves(
    right: Sequence[Curve],
    median: Sequence[Curve],
    points: Sequence[OperatingPoint] = (),
    *,
    unit: str = "m",
    named: bool = True,
) -> Figure:
    """Share of right answers, and median error, against the share of queries that are answered.

    Args:
        right: x is the coverage, y the share within the tolerance among the most confident so many.
        median: x is the coverage, y their median error.
        points: What the recipes do by themselves, as rings.
        unit: Of errors.
        named: Name the runs in the plot.
    """
    figure, (upper, lower) = panel((440, 380), rows=2, heights=(1.2, 1.0), gap=40)
    for curve in banded(right):
        draw_curve(upper, curve)
    for curve in banded(median):
        draw_curve(lower, curve)
    percent_axis(upper)
    upper.set_title("right among those answered")
    lower.set_title("their median error" + ("" if unit == "m" else f", {unit}"))
    _error_axis(lower, median, unit)
    lower.set_xlim(0, 1.01)
    lower.set_xticks([0, 0.25, 0.5, 0.75, 1], labels=["0", "25", "50", "75", "100 %"])
    lower.set_xlabel("queries answered, the most confident first")
    for point in points:
        _ring(upper, point.coverage, point.right, point.series)
        _ring(lower, point.coverage, point.median, point.series)
    if named:
        key(upper, len(right))
    return figure


def _ring(axes: Axes, x: float, y: float, series: int) -> None:
    if not (np.isfinite(x) and np.isfinite(y)):
        return
    axes.plot(
        [x],
        [y],
        marker="o",
        markersize=9,
        markerfacecolor=PAPER,
        markeredgecolor=colour_of(series),
        markeredgewidth=2.2,
        clip_on=False,
        zorder=5,
    )
    axes.plot([x], [y], marker="o", markersize=2, color=INK, clip_on=False, zorder=6, linestyle="none")


def _error_axis(axes: Axes, curves: Sequence[Curve], unit: str) -> None:
    values = np.concatenate([np.zeros(0), *(curve.y for curve in curves)])
    values = values[np.isfinite(values) & (values > 0)]
    if not len(values):
        axes.set_yticks([])
        return
    low, high = float(values.min()), float(values.max())
    if high / low > 30:
        axes.set_yscale("log")
        axes.set_ylim(low / 1.3, high * 1.3)
        powers = [10.0**p for p in range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)]
        powers = [p for p in powers if low / 1.3 <= p <= high * 1.3] or [low, high]
        axes.set_yticks(powers[:: max(1, len(powers) // 4)], minor=False)
        axes.set_yticks([], minor=True)
    else:
        axes.set_ylim(0, high * 1.1)
        axes.locator_params(axis="y", nbins=4)
    axes.yaxis.set_major_formatter(lambda value, place: tick_words(value, unit) if value > 0 else "0")

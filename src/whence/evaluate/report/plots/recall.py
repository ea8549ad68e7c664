"""Recall: how often a right photo stands among the first N, and how many answers lie within a distance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from whence.evaluate.report.plots.canvas import INK, SIZE, drawn, key, note, panel, percent_axis
from whence.evaluate.report.plots.curve import Curve, banded, draw_curve
from whence.evaluate.report.plots.lengths import distance_axis, given_words

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@drawn
def recall_at_n(curves: Sequence[Curve], *, named: bool = True) -> Figure:
    """Recall against N, N on a log axis.

    Args:
        curves: x is N, y the share of queries with a right photo among the first N; dashed before re-ranking.
        named: Name the runs in the plot.
    """
    figure, (axes,) = panel()
    for curve in banded(curves):
        draw_curve(axes, curve)
    last = max((float(curve.x.max()) for curve in curves if len(curve.x)), default=1.0)
    axes.set_xscale("log")
    axes.set_xlim(1, max(last, 2) * 1.02)
    axes.set_xticks([], minor=True)
    numbers = [n for n in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000) if n <= max(last, 2)]
    axes.set_xticks(numbers, labels=[str(n) for n in numbers])
    axes.set_xlabel("N, photos looked at")
    axes.set_title("queries with a right photo among the first N")
    percent_axis(axes)
    if named:
        key(axes, len(curves))
    return figure


@drawn
def share_within(
    curves: Sequence[Curve],
    *,
    tolerance_m: float,
    unit: str = "m",
    limits: tuple[float, float] | None = None,
    size: tuple[int, int] = SIZE,
    named: bool = True,
) -> Figure:
    """Share of all queries whose answer lies within a distance, the distance on a log axis.

    Args:
        curves: x are distances, y shares; dashed for the best photo of the shortlist.
        tolerance_m: Marked by a line.
        unit: Of distances.
        limits: Of the axis; by default those of the curves.
        size: In pixels.
        named: Name the runs in the plot.
    """
    figure, (axes,) = panel(size)
    for curve in banded(curves):
        draw_curve(axes, curve)
    least = min((float(curve.x.min()) for curve in curves if len(curve.x)), default=tolerance_m / 10)
    most = max((float(curve.x.max()) for curve in curves if len(curve.x)), default=tolerance_m * 10)
    distance_axis(axes, *(limits or (least, most)), unit)
    percent_axis(axes)
    mark_tolerance(axes, tolerance_m, unit)
    axes.set_xlabel("distance from the true place" + ("" if unit == "m" else f", {unit}"))
    axes.set_title("queries answered within this distance")
    if named:
        key(axes, len(curves))
    return figure


def mark_tolerance(axes: Axes, tolerance_m: float, unit: str) -> None:
    """A thin line at the tolerance, with its value."""
    axes.axvline(tolerance_m, color=INK, linewidth=0.8, linestyle=(0, (1.5, 2.5)))
    low, high = axes.get_xlim()
    right = tolerance_m > (low * high) ** 0.5
    note(
        axes,
        tolerance_m,
        0.02,
        f" {given_words(tolerance_m, unit)} ",
        ha="right" if right else "left",
        va="bottom",
        color=INK,
    )

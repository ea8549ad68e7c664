"""How large errors are: histogram and density on a log axis, a row for each run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from whence.evaluate.report.plots.canvas import INK, QUIET, colour_of, drawn, note, panel
from whence.evaluate.report.plots.density import density
from whence.evaluate.report.plots.lengths import Floats, ceiling_of, distance_axis, distance_words, floor_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROW = 118  # pixels of a run
BINS_PER_DECADE = 6


@drawn
def error_distribution(errors: Mapping[str, Floats], *, tolerance_m: float, unit: str = "m") -> Figure:
    """Histogram (counts) and density of the errors of each run; the median is marked.

    Args:
        errors: ``(N,)`` distance from truth to answer by name of the run; infinite without an answer.
        tolerance_m: Marked by a line.
        unit: Of distances.
    """
    every = np.concatenate([np.zeros(0), *errors.values()])
    low, high = floor_of(every, tolerance_m), ceiling_of(every, tolerance_m)
    figure, rows = panel((440, ROW * len(errors) + 60), rows=len(errors), top=22, bottom=44, gap=30)
    for number, (axes, (name, values)) in enumerate(zip(rows, errors.items(), strict=True)):
        distance_axis(axes, low, high, unit)
        _row(axes, values, low, high, number, tolerance_m, unit)
        axes.axvline(tolerance_m, color=INK, linewidth=0.8, linestyle=(0, (1.5, 2.5)))
        axes.set_title(name if len(errors) > 1 else "queries with an error of this size")
        if axes is not rows[-1]:
            axes.tick_params(labelbottom=False)
    rows[-1].set_xlabel(f"error{'' if unit == 'm' else f', {unit}'} (dotted: the tolerance)")
    return figure


def _row(axes: Axes, values: Floats, low: float, high: float, number: int, tolerance_m: float, unit: str) -> None:
    finite = np.clip(values[np.isfinite(values)], low, high)
    lost = int(np.isinf(values).sum())
    edges = np.arange(np.floor(np.log10(low) * BINS_PER_DECADE), np.log10(high) * BINS_PER_DECADE + 1)
    edges = 10 ** (edges / BINS_PER_DECADE)
    colour = colour_of(number)
    counts, _, _ = axes.hist(finite, bins=edges.tolist(), color=colour, alpha=0.22, linewidth=0)
    most = max(1.0, float(np.max(counts)))
    x = np.linspace(np.log10(low), np.log10(high), 240)
    curve = density(np.log10(finite), x, 0.5 / BINS_PER_DECADE) * len(finite) / BINS_PER_DECADE
    axes.set_ylim(0, max(most, float(curve.max())) * 1.22)
    axes.set_yticks([0, most], labels=["0", f"{most:.0f}"])
    if len(finite) > 2:
        axes.plot(10**x, curve, color=colour, linewidth=1.7)
    known = values[~np.isnan(values)]
    median = float(np.median(known)) if len(known) else float("nan")
    if np.isfinite(median):
        at = min(max(median, low), high)
        axes.plot([at, at], [0, most * 1.08], color=colour, linewidth=2.2)
        # Away from the line of the tolerance where that is near, else to the middle.
        near = abs(np.log(tolerance_m / at)) < 0.35 * np.log(high / low)
        right = at < tolerance_m if near else at > (low * high) ** 0.5
        note(
            axes,
            at,
            most * 1.2,
            f" median {distance_words(median, unit)} ",
            ha="right" if right else "left",
            va="top",
            color=INK,
        )
    if lost:
        words = f"{lost} without an answer"
        axes.text(1, 0.97, words, transform=axes.transAxes, ha="right", va="top", color=QUIET, fontsize=10.5)

"""Forest plot: differences of runs to the first one, with their intervals."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from whence.evaluate.report.plots.canvas import INK, PAPER, QUIET, colour_of, drawn, panel
from whence.metrics.outcomes import Figure as Number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROW = 44


@drawn
def forest(
    differences: Mapping[str, Number],
    *,
    words: Callable[[float], str],
    ticks: float = 1.0,
    better: int = 0,
    title: str = "",
    first: int = 1,
) -> Figure:
    """One row per run: its difference to the first run; thick 50 %, thin 95 % of the resampled differences.

    Args:
        differences: By name of the run.
        words: A difference in words, with its sign.
        ticks: By what values are multiplied for the axis: 100 for shares.
        better: 1 if larger is better, -1 if smaller is, 0 if neither.
        title: Above the plot.
        first: Which run the first row is, for the colours.
    """
    figure, (axes,) = panel((440, ROW * len(differences) + 82), left=14, right=22, top=26, bottom=50)
    axes.grid(visible=False)
    axes.set_title(title)
    ends = [v for d in differences.values() for v in (d.value, d.low95, d.high95) if np.isfinite(v)]
    low, high = min(0.0, *ends) if ends else -1.0, max(0.0, *ends) if ends else 1.0
    room = 0.12 * (high - low) or 1.0
    axes.set_xlim(low - room, high + room)
    across = axes.get_yaxis_transform()
    axes.set_ylim(len(differences) - 0.45, -0.55)
    axes.set_yticks([])
    for row, (name, found) in enumerate(differences.items()):
        colour = colour_of(first + row)
        axes.plot([0, 0], [row - 0.12, row + 0.36], color=QUIET, linewidth=0.9)  # not through the name above
        axes.text(0, row - 0.2, name, transform=across, va="bottom", color=INK, fontsize=11)
        if not np.isfinite(found.value):
            axes.text(1, row - 0.2, "not defined", transform=across, va="bottom", ha="right", color=QUIET, fontsize=11)
            continue
        axes.plot([found.low95, found.high95], [row + 0.12] * 2, color=colour, linewidth=1.4, solid_capstyle="butt")
        axes.plot([found.low50, found.high50], [row + 0.12] * 2, color=colour, linewidth=5, solid_capstyle="butt")
        axes.plot([found.value], [row + 0.12], marker="o", markersize=6.5, color=INK, markeredgecolor=PAPER, zorder=5)
        axes.text(1, row - 0.2, words(found.value), transform=across, va="bottom", ha="right", color=INK, fontsize=11)
    axes.locator_params(axis="x", nbins=5)
    axes.xaxis.set_major_formatter(lambda value, place: f"{ticks * value:+g}".replace("-", "−") if value else "0")
    if better:
        left, right = ("worse than the first", "better") if better > 0 else ("better than the first", "worse")
        for at, side, label in ((0, "left", f"← {left}"), (1, "right", f"{right} →")):
            axes.text(
                at, -34 / (ROW * len(differences)), label, transform=axes.transAxes, ha=side, color=QUIET, fontsize=10.5
            )
    return figure

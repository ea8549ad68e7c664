"""Speed against accuracy, one point per run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from whence.evaluate.report.plots.canvas import INK, MARKS, PAPER, colour_of, drawn, panel
from whence.metrics.outcomes import Figure as Number

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@drawn
def speed_accuracy(
    names: Sequence[str], seconds: Sequence[float], share: Sequence[Number], *, title: str, named: bool = True
) -> Figure:
    """Share of right answers, with its 95 % interval, against seconds per query on a log axis.

    Args:
        names: Of the runs.
        seconds: Per query.
        share: Within the tolerance.
        title: What the share is.
        named: Name the runs in the plot.
    """
    figure, (axes,) = panel((440, 320))
    known = [n for n in range(len(names)) if np.isfinite(seconds[n]) and seconds[n] > 0 and np.isfinite(share[n].value)]
    times = [seconds[n] for n in known] or [1.0]
    low, high = min(times) / 1.6, max(times) * 1.6
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    ticks = [step * 10.0**p for p in range(-5, 6) for step in (1, 2, 5) if low <= step * 10.0**p <= high]
    axes.set_xticks(ticks, labels=[f"{tick:g} s" for tick in ticks])
    axes.set_xticks([], minor=True)
    ends = [v for n in known for v in (share[n].low95, share[n].high95, share[n].value) if np.isfinite(v)] or [0, 1]
    room = max(0.04, 0.15 * (max(ends) - min(ends)))
    axes.set_ylim(max(0.0, min(ends) - room), min(1.02, max(ends) + room))
    axes.yaxis.set_major_formatter(lambda value, place: f"{100 * value:.0f} %")
    axes.locator_params(axis="y", nbins=5)
    for n in known:
        colour, at = colour_of(n), (seconds[n], share[n].value)
        axes.vlines([at[0]], [share[n].low95], [share[n].high95], color=colour, linewidth=1.3, alpha=0.55)
        axes.plot(
            *([value] for value in at), marker=MARKS[n % len(MARKS)], markersize=9, color=colour, markeredgecolor=PAPER
        )
        if not named:
            continue
        right = at[0] > (low * high) ** 0.5
        axes.annotate(
            names[n],
            at,
            xytext=(-9 if right else 9, 6),
            textcoords="offset points",
            ha="right" if right else "left",
            color=INK,
            fontsize=11,
        )
    axes.set_title(title)
    axes.set_xlabel("seconds per query")
    return figure

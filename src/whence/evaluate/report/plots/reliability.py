"""Reliability: whether answers of a confidence of 80 % are right 8 times in 10."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from whence.evaluate.report.plots.canvas import INK, PAPER, QUIET, colour_of, drawn, panel, percent_axis

if TYPE_CHECKING:
    from matplotlib.figure import Figure


FEW = 5
"""Answers of a bin below which it says next to nothing, and is drawn hollow, without an interval."""


@drawn
def reliability_diagram(
    confidence: ArrayLike,
    right: ArrayLike,
    counts: ArrayLike,
    low: ArrayLike | None = None,
    high: ArrayLike | None = None,
    *,
    series: int = 0,
) -> Figure:
    """Share of right answers against confidence, with the number of answers in each bin below.

    Args:
        confidence: ``(B,)`` mean confidence of the answers in each bin; NaN in an empty one.
        right: ``(B,)`` share of them that is right; NaN in an empty bin.
        counts: ``(B,)`` how many they are.
        low: ``(B,)`` lower end of the interval of ``right``; none is drawn without.
        high: ``(B,)`` its upper end.
        series: Which run, for the colour.
    """
    x, y, n = (np.asarray(values, dtype=np.float64) for values in (confidence, right, counts))
    colour = colour_of(series)
    figure, (upper, lower) = panel((440, 400), rows=2, heights=(3.2, 1.0), gap=30)
    upper.plot([0, 1], [0, 1], color=QUIET, linewidth=0.9, linestyle=(0, (1.5, 2.5)))
    filled = (n > 0) & np.isfinite(x) & np.isfinite(y)
    if low is not None and high is not None:
        many = filled & (n >= FEW)
        ends = np.asarray([low, high], dtype=np.float64)[:, many]
        upper.vlines(x[many], ends[0], ends[1], color=colour, linewidth=1.5, alpha=0.55)
    for centre, share, count in zip(x[filled], y[filled], n[filled], strict=True):
        size = 4.5 + 6.5 * np.sqrt(count / max(n.max(), 1))
        upper.plot(
            [centre],
            [share],
            marker="o",
            markersize=size,
            color=colour if count >= FEW else PAPER,
            markeredgecolor=PAPER if count >= FEW else colour,
            clip_on=False,
            zorder=5,
        )
    percent_axis(upper)
    upper.set_title("right answers")
    edges = (np.arange(len(n)) + 0.5) / max(len(n), 1)
    lower.bar(edges, n, width=0.9 / max(len(n), 1), color=colour, alpha=0.3, linewidth=0)
    for at, count in zip(edges, n, strict=True):
        if count:
            lower.text(at, count, f"{count:.0f}", ha="center", va="bottom", fontsize=10, color=INK)
    lower.set_ylim(0, max(1.0, float(n.max(initial=1))) * 1.3)
    lower.set_yticks([])
    lower.set_title("answers")
    lower.set_xlim(-0.005, 1.005)
    lower.set_xticks([0, 0.25, 0.5, 0.75, 1], labels=["0", "25", "50", "75", "100 %"])
    lower.set_xlabel("confidence")
    return figure

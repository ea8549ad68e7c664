"""A sweep: figures against the value that was varied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from whence.evaluate.report.plots.canvas import MARKS, colour_of, drawn, key, panel, percent_axis
from whence.metrics.outcomes import Figure as Number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.transforms import Affine2D


@drawn
def sweep_plot(
    values: Sequence[object], shares: Mapping[str, Sequence[Number]], seconds: Sequence[float], *, name: str
) -> Figure:
    """Shares with 95 % intervals, and seconds per query, against the swept value.

    Args:
        values: What was tried; numbers are placed by their size, other values in their order.
        shares: Figures between 0 and 1 for each value, by what they are.
        seconds: Per query, for each value; NaN where not measured.
        name: Of the value.
    """
    from matplotlib.transforms import Affine2D

    timed = bool(np.isfinite(seconds).any())
    size = (440, 300 + 18 * len(shares) + (110 if timed else 0))
    heights = (2.2, 1.0) if timed else (1.0,)
    figure, rows = panel(size, rows=len(heights), heights=heights, top=30 + 18 * len(shares), gap=38)
    x = _places(rows[0], values)
    for number, (label, found) in enumerate(shares.items()):
        middle = np.array([figure_.value for figure_ in found])
        low, high = (np.array([getattr(figure_, edge) for figure_ in found]) for edge in ("low95", "high95"))
        colour = colour_of(number)
        # Side by side, or their intervals would cover each other.
        aside = Affine2D().translate(5 * (number - (len(shares) - 1) / 2), 0)
        rows[0].vlines(x, low, high, color=colour, linewidth=1.3, alpha=0.5, transform=rows[0].transData + aside)
        _line(rows[0], x, middle, number, label, aside)
    percent_axis(rows[0])
    key(rows[0], 2)
    if timed:
        _line(rows[1], x, np.asarray(seconds, dtype=np.float64), 5, "")
        rows[1].set_ylim(0, float(np.nanmax(seconds)) * 1.2)
        rows[1].locator_params(axis="y", nbins=3)
        rows[1].set_title("seconds per query")
    rows[-1].set_xlabel(name)
    return figure


def _places(axes: Axes, values: Sequence[object]) -> np.ndarray:
    """Where each value lies on the axis, and the axis itself."""
    numbers = [float(v) for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
    if len(numbers) < len(values) or len(set(numbers)) < len(numbers):
        x = np.arange(len(values), dtype=np.float64)
        axes.set_xlim(-0.4, len(values) - 0.6)
    else:
        x = np.array(numbers)
        least, most = x.min(), x.max()
        if least > 0 and most / least > 8:
            axes.set_xscale("log")
            axes.set_xticks([], minor=True)
            axes.set_xlim(least / 1.25, most * 1.25)
        else:
            room = 0.08 * (most - least) or 1.0
            axes.set_xlim(least - room, most + room)
    axes.set_xticks(x.tolist(), labels=[str(value) for value in values])
    return x


def _line(axes: Axes, x: np.ndarray, y: np.ndarray, number: int, label: str, aside: Affine2D | None = None) -> None:
    order = np.argsort(x)
    axes.plot(
        x[order],
        y[order],
        color=colour_of(number),
        marker=MARKS[number % len(MARKS)],
        markersize=6,
        markeredgecolor="none",
        linewidth=1.5,
        label=label or None,
        transform=axes.transData if aside is None else axes.transData + aside,
        clip_on=False,
    )

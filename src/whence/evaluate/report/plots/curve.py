"""A line of a plot with its band, as plain arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from whence.evaluate.report.plots.canvas import PAPER, colour_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """One line.

    Attributes:
        name: For the key.
        x: ``(N,)``.
        y: ``(N,)``.
        low: ``(N,)`` lower edge of its band, usually of 95 %; None without a band.
        high: ``(N,)`` upper edge.
        series: Which run it belongs to: lines of one run share a colour.
        dashed: Of two lines of a run, the one for comparison.
    """

    name: str
    x: Floats
    y: Floats
    low: Floats | None = None
    high: Floats | None = None
    series: int = 0
    dashed: bool = False


CROWD = 2
"""Runs up to which each has its band; more bands would hide each other, and the first run keeps its own."""


def banded(curves: Sequence[Curve]) -> list[Curve]:
    """Curves without the bands that would only cover others."""
    runs = {curve.series for curve in curves}
    if len(runs) <= 1:
        return list(curves)
    kept = [(len(runs) <= CROWD or curve.series == min(runs)) and not curve.dashed for curve in curves]
    return [curve if keep else replace(curve, low=None, high=None) for curve, keep in zip(curves, kept, strict=True)]


def draw_curve(axes: Axes, curve: Curve, *, mark: str = "", step: bool = False) -> None:
    """Adds a line and its band; where a value is not finite there is a gap."""
    colour = colour_of(curve.series)
    mark = mark or ("o" if len(curve.x) == 1 else "")  # a line of one point could not be seen
    how = "steps-post" if step else "default"
    if curve.low is not None and curve.high is not None:
        known = np.isfinite(curve.low) & np.isfinite(curve.high)
        axes.fill_between(
            curve.x,
            np.where(known, curve.low, 0),
            np.where(known, curve.high, 0),
            where=known.tolist(),
            step="post" if step else None,
            color=colour,
            alpha=0.07 if curve.dashed else 0.14,
            linewidth=0,
        )
    axes.plot(
        curve.x,
        np.where(np.isfinite(curve.y), curve.y, np.nan),
        drawstyle=how,
        color=colour,
        label=curve.name or None,
        linestyle=(0, (4, 2.5)) if curve.dashed else "-",
        linewidth=1.3 if curve.dashed else 1.9,
        marker=mark or None,
        markersize=4 if curve.dashed else 5.5,
        markerfacecolor=PAPER if curve.dashed else colour,
        markeredgecolor=colour if curve.dashed else PAPER,
        markeredgewidth=1,
        clip_on=not mark,
    )

"""Seconds per stage, as stacked bars."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from whence.evaluate.report.plots.canvas import INK, SERIES, drawn, panel

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROW = 44


@drawn
def stage_bars(seconds: Mapping[str, Mapping[str, float]]) -> Figure:
    """One bar per run, its parts the stages in the order of the pipeline.

    Args:
        seconds: Mean per query and stage, by name of the run.
    """
    stages = list(dict.fromkeys(stage for parts in seconds.values() for stage in parts))
    figure, (axes,) = panel((440, ROW * len(seconds) + 112), left=14, right=60, top=60, bottom=46)
    longest = max((sum(parts.values()) for parts in seconds.values()), default=0) or 1.0
    for row, (name, parts) in enumerate(seconds.items()):
        start = 0.0
        for stage, taken in parts.items():
            number = stages.index(stage)
            axes.barh(
                [row + 0.16],
                [taken],
                left=start,
                height=0.4,
                color=SERIES[number % len(SERIES)],
                linewidth=0,
            )
            start += taken
        axes.text(0, row - 0.1, name, va="bottom", color=INK, fontsize=11)
        axes.text(
            start + longest * 0.015,
            row + 0.16,
            f"{start:.2f} s" if start >= 0.1 else f"{1000 * start:.0f} ms",
            va="center",
            fontsize=11,
        )
    for number, stage in enumerate(stages):
        axes.barh([0], [0], color=SERIES[number % len(SERIES)], label=stage)
    axes.set_ylim(len(seconds) - 0.4, -0.5)
    axes.set_xlim(0, longest * 1.02)
    axes.set_yticks([])
    axes.grid(visible=False)
    axes.locator_params(axis="x", nbins=5)
    axes.xaxis.set_major_formatter(lambda value, place: f"{value:g}")
    axes.set_xlabel("seconds per query")
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(-0.01, 1.0),
        ncols=3,
        borderaxespad=0.2,
        handlelength=0.9,
        handleheight=0.9,
        columnspacing=1.2,
    )
    return figure

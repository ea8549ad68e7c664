"""Confusion matrix, and accuracy and precision of each class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from whence.evaluate.report.plots.canvas import INK, LINE, PAPER, SERIES, drawn, panel

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CELL = 34
NUMBERED = 20  # classes up to which every cell has its number


@drawn
def confusion_matrix(counts: ArrayLike, classes: Sequence[str]) -> Figure:
    """Rows are true classes, columns the classes answered; the darker, the larger the share of the row.

    Args:
        counts: ``(C, C)`` or, with a last column of queries without an answer, ``(C, C + 1)``.
        classes: Names of the rows; those of the columns are the same.
    """
    table = np.asarray(counts, dtype=np.float64)
    rows, columns = table.shape
    names = [_cut(name) for name in classes]
    heads = names + ["no answer"] * (columns - rows)
    cell = max(9, min(CELL, 620 // max(columns, 1)))
    left, top = 16 + 7 * max(map(len, names), default=1), 26 + 6 * max(map(len, heads), default=1)
    size = (left + cell * columns + 14, top + cell * rows + 12)
    figure, (axes,) = panel(size, left=left, right=14, top=top, bottom=12)
    axes.grid(visible=False)
    axes.set_xlim(0, columns)
    axes.set_ylim(rows, 0)
    share = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    for row, column in np.argwhere(table > 0).tolist():
        alpha = 0.08 + 0.92 * float(share[row, column])
        axes.fill_between([column, column + 1], row, row + 1, color=SERIES[0], alpha=alpha, linewidth=0)
        if rows <= NUMBERED:
            colour = PAPER if alpha > 0.55 else INK
            axes.text(
                column + 0.5,
                row + 0.5,
                f"{table[row, column]:.0f}",
                ha="center",
                va="center",
                color=colour,
                fontsize=10,
            )
    axes.hlines(range(rows + 1), 0, columns, color=LINE, linewidth=0.6)
    axes.vlines(range(columns + 1), 0, rows, color=LINE, linewidth=0.6)
    axes.set_yticks(np.arange(rows) + 0.5, labels=names)
    axes.set_xticks(np.arange(columns) + 0.5, labels=heads, rotation=90)
    axes.tick_params(labeltop=True, labelbottom=False, bottom=False)
    axes.spines["bottom"].set_visible(False)
    return figure


def _cut(name: str) -> str:
    return name if len(name) <= 18 else name[:17] + "…"

"""Learning curves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from whence.direct.estimators.estimator import Epoch as Learning
from whence.evaluate.report.plots.canvas import SERIES, drawn, panel, percent_axis
from whence.train.loop import Epoch
from whence.train.options import RECALL_AT


@drawn
def draw(epochs: Sequence[Epoch], path: Path) -> None:
    """Recall and loss by epoch, as PNG."""
    from matplotlib.ticker import MaxNLocator

    numbers = [epoch.number for epoch in epochs]
    figure, (above, below) = panel((520, 440), rows=2)
    for n, colour in zip(RECALL_AT, SERIES, strict=False):
        shares = [epoch.recall[n] for epoch in epochs]
        above.plot(numbers, shares, "o-", color=colour, label=f"recall@{n}", markersize=3)
    above.set_title("validation queries with a right photo among the first N")
    percent_axis(above)
    above.legend(loc="lower right", ncols=len(RECALL_AT))
    losses = np.array([epoch.loss for epoch in epochs])
    below.plot(numbers, losses, "o-", color=SERIES[0], markersize=3)
    below.set_title("training loss")
    highest = float(np.nanmax(losses)) if np.isfinite(losses).any() else 0.0
    below.set_ylim(0, 1.08 * highest or 1)
    for axes in (above, below):
        axes.set_xlim(-0.2, max(numbers[-1], 1) + 0.2)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    below.set_xlabel("epoch")
    figure.savefig(path, dpi=144, facecolor="white")


@drawn
def draw_learning(epochs: Sequence[Learning], path: Path) -> None:
    """Loss and accuracy by epoch, of what is learned from and of what is held out, as PNG."""
    from matplotlib.ticker import MaxNLocator

    numbers = [epoch.number for epoch in epochs]
    classes = bool(np.isfinite([[epoch.right, epoch.checked_right] for epoch in epochs]).any())
    figure, panels = panel((520, 440 if classes else 240), rows=2 if classes else 1)
    shown = [("loss", [epoch.loss for epoch in epochs], [epoch.checked_loss for epoch in epochs])]
    if classes:
        shown.append(
            (
                "share of right classes",
                [epoch.right for epoch in epochs],
                [epoch.checked_right for epoch in epochs],
            )
        )
    for axes, (title, learned, held) in zip(panels, shown, strict=True):
        for values, label, colour in ((learned, "learned from", SERIES[0]), (held, "held out", SERIES[1])):
            if np.isfinite(values).any():
                axes.plot(numbers, values, "-", color=colour, label=label)
        axes.set_title(title)
        axes.set_xlim(-0.2, max(numbers[-1], 1) + 0.2)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_ylim(bottom=min(0.0, float(np.nanmin([*learned, *held]))))
        axes.legend(loc="best")
    if classes:
        percent_axis(panels[1])
    panels[-1].set_xlabel("epoch")
    figure.savefig(path, dpi=144, facecolor="white")

"""Ablations as tables, data and pictures."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from whence.evaluate.report.plots.canvas import SERIES, drawn, panel
from whence.metrics.outcomes import Figure
from whence.train.ablation import TEST_M, Axis, Row
from whence.train.options import RECALL_AT

DATA, TEXT, PICTURE = "ablation.json", "ablation.md", "ablation-{}.png"
_SHOWN_AT = 5


def write(rows: Mapping[str, Sequence[Row]], axes: Mapping[str, Axis], test_m: float, out: Path) -> str:
    """Writes ``ablation.md``, ``ablation.json`` and a picture of each axis; returns the tables."""
    text = "\n".join(table(axes[name], found, test_m) for name, found in rows.items())
    (out / TEXT).write_text(text, encoding="utf-8")
    data = {name: [asdict(row) for row in found] for name, found in rows.items()}
    (out / DATA).write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    for name, found in rows.items():
        picture(axes[name], found, test_m, out / PICTURE.format(name))
    return text


def table(axis: Axis, rows: Sequence[Row], test_m: float) -> str:
    """One axis in Markdown; in brackets what 95 % of resamplings by group hold. Gains are over the untrained one."""
    parts = []
    for place, tested in enumerate(rows[0].tests):
        parts.append(f"## {axis.title}: {tested.name}, {tested.queries:,} queries\n")
        parts.append(_recalls(axis, rows, place, test_m))
        if axis.name == "distance":
            parts.append(f"Recall@{_SHOWN_AT} by the distance up to which a photo counts in the test:\n")
            parts.append(_by_distance(axis, rows, place))
    if axis.name == "heads":
        parts.append("## Heads: size and time\n")
        parts.append(_costs(rows))
    return "\n".join(parts)


def _recalls(axis: Axis, rows: Sequence[Row], place: int, test_m: float) -> str:
    columns = (*(f"R@{n}, {test_m:g} m" for n in RECALL_AT), *(f"gain at {n}" for n in RECALL_AT[:2]))
    head = [axis.title.lower(), *columns, "best epoch"]
    lines = []
    for row in rows:
        tested = row.tests[place]
        shares = [_interval(tested.after[test_m][n]) for n in RECALL_AT]
        gains = [_interval(tested.gain[test_m][n], "+") for n in RECALL_AT[:2]]
        lines.append([row.variant, *shares, *gains, f"{row.best} of {row.epochs}"])
    return _markdown(head, lines)


def _by_distance(axis: Axis, rows: Sequence[Row], place: int) -> str:
    head = [axis.title.lower(), *(f"{metres:g} m" for metres in TEST_M)]
    return _markdown(
        head, [[row.variant, *(_interval(row.tests[place].after[m][_SHOWN_AT]) for m in TEST_M)] for row in rows]
    )


def _costs(rows: Sequence[Row]) -> str:
    base = next((row.seconds for row in rows if row.variant == "netvlad"), rows[0].seconds)
    head = ["head", "descriptor", "parameters", "of the mask", "ms a photo", "beside NetVLAD"]
    return _markdown(
        head,
        [
            [
                row.variant,
                f"{row.dimension:,}",
                f"{row.parameters:,}",
                f"{row.mask_parameters:,}",
                f"{row.seconds * 1e3:.1f}",
                f"{row.seconds / base:.2f}",
            ]
            for row in rows
        ],
    )


def _interval(figure: Figure, sign: str = "") -> str:
    return f"{figure.value:{sign}.3f} ({figure.low95:{sign}.2f} to {figure.high95:{sign}.2f})"


def _markdown(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [head, ["---"] * len(head), *lines]) + "\n"


@drawn
def picture(axis: Axis, rows: Sequence[Row], test_m: float, path: Path) -> None:
    """Recall of each variant with its interval, trained and untrained, each set in a panel of its own."""
    sets = [tested.name for tested in rows[0].tests]
    figure, panels = panel((max(460, 90 * len(rows)), 190 * len(sets) + 60), rows=len(sets))
    for place, (axes, name) in enumerate(zip(panels, sets, strict=True)):
        for series, (label, shift) in enumerate((("untrained", -0.1), ("trained", 0.1))):
            tests = [row.tests[place] for row in rows]
            figures = [(one.after if series else one.before)[test_m][_SHOWN_AT] for one in tests]
            values = np.array([one.value for one in figures])
            ends = np.array([[one.low95, one.high95] for one in figures]).T
            axes.errorbar(
                np.arange(len(rows)) + shift,
                values,
                np.abs(ends - values),
                fmt="o",
                color=SERIES[1 - series],
                label=label,
                capsize=3,
            )
        axes.set_title(f"{name}: recall@{_SHOWN_AT} within {test_m:g} m")
        axes.set_xticks(range(len(rows)), labels=[row.variant for row in rows])
        axes.set_xlim(-0.5, len(rows) - 0.5)
        axes.set_ylim(bottom=0)
    panels[-1].set_xlabel(axis.title.lower())
    panels[0].legend(loc="lower right", ncols=2)
    figure.savefig(path, dpi=144, facecolor="white")

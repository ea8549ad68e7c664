"""Where answers went wrong: database, queries, and a line from each true place to its answer."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from importlib.resources import files

import numpy as np
from numpy.typing import ArrayLike

from whence.evaluate.report.plots.lengths import distance_words, given_words
from whence.present.mapview import View
from whence.present.words import printable
from whence.types import DoubleArray

STEPS = (1, 4, 16)
"""Errors up to so many tolerances share a colour."""
WIDTH, SLIMMEST, TALLEST, MARGIN = 540, 0.45, 1.0, 22
ROW, ENTRY = 22, 176
TOOLTIPS = 1000  # queries up to which each has one


def error_map(
    database: ArrayLike,
    truth: ArrayLike,
    answers: ArrayLike,
    *,
    tolerance_m: float,
    errors: ArrayLike,
    unit: str = "m",
    names: Sequence[str] = (),
    up: str = "N",
    width: int = WIDTH,
    alt: str = "Map of errors",
) -> str:
    """An SVG map on one scale, for light and dark pages.

    The window holds database and queries; an answer beyond it leaves the window, and does not make everything small.

    Args:
        database: ``(N, 2)`` metres east and north of the gallery's photos.
        truth: ``(Q, 2)`` of the queries; rows that are not finite are left out.
        answers: ``(Q, 2)`` of their answers; not finite without one.
        tolerance_m: Errors within it share a colour, as do those within 4 and 16 times as much.
        errors: ``(Q,)`` lengths for colours and words.
        unit: Of errors.
        names: ``(Q,)`` of the queries, for tooltips; none without.
        width: In pixels.
        up: What the arrow is labelled: ``N``, or ``y`` on a plane of its own.
        alt: Says what it shows, for readers who do not see it.
    """
    photos, start, end = (np.asarray(values, dtype=np.float64).reshape(-1, 2) for values in (database, truth, answers))
    size, lengths = np.asarray(errors, dtype=np.float64), names if len(start) <= TOOLTIPS else ()
    photos, asked = photos[np.isfinite(photos).all(axis=1)], np.isfinite(start).all(axis=1)
    view = _view(np.vstack([photos, start[asked]]), width)
    kinds = np.searchsorted(np.array(STEPS) * tolerance_m, size)
    lost = asked & ~np.isfinite(end).all(axis=1)
    body = [_lost(view, start[lost])]
    for query in sorted(np.flatnonzero(asked & ~lost).tolist(), key=lambda index: float(size[index])):
        words = f"{names[query]}: {distance_words(float(size[query]), unit)}" if lengths else ""
        body.append(_error(view, start[query], end[query], int(kinds[query]), words))
    entries = _entries(kinds[asked & ~lost], tolerance_m, unit, len(photos), bool(lost.any()))
    columns = max(1, view.width // ENTRY)
    total = view.height + ROW * -(-len(entries) // columns) + 6
    style = files("whence.evaluate.report.plots").joinpath("plot.css").read_text(encoding="utf-8")
    return "".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" class="plot map" viewBox="0 0 {view.width} {total}" role="img" ',
            f'aria-label="{_text(alt)}"><style>{style}</style><svg width="{view.width}" height="{view.height}">',
            '<rect class="ground" width="100%" height="100%"/>',
            _dots(view.visible(photos)),
            *body,
            _furniture(view, up, unit),
            f'</svg><rect class="frame" x=".5" y=".5" width="{view.width - 1}" height="{view.height - 1}"/>',
            *(_entry(n % columns, n // columns, view.height + 8, *entry) for n, entry in enumerate(entries)),
            "</svg>",
        ]
    )


def outside(database: ArrayLike, truth: ArrayLike, answers: ArrayLike, *, width: int = WIDTH) -> int:
    """How many answers lie outside the window that ``error_map`` shows."""
    photos, start, end = (np.asarray(values, dtype=np.float64).reshape(-1, 2) for values in (database, truth, answers))
    about = np.vstack([photos, start])
    view = _view(about[np.isfinite(about).all(axis=1)], width)
    pixels = view.pixels(end[np.isfinite(end).all(axis=1) & np.isfinite(start).all(axis=1)])
    return int((~((pixels >= 0) & (pixels <= (view.width, view.height))).all(axis=1)).sum())


def _view(points: DoubleArray, width: int) -> View:
    points = points if len(points) else np.zeros((1, 2))
    wide, high = np.maximum(np.ptp(points, axis=0), 1e-9)
    height = round(width * float(np.clip(high / wide, SLIMMEST, TALLEST)))
    return View.fit(points, [], (width, height), MARGIN)


def _text(words: str) -> str:
    return escape(printable(words))


def _dots(pixels: DoubleArray) -> str:
    data = "".join(f"M{x:.1f} {y:.1f}h0" for x, y in pixels.tolist())
    return f'<path class="photo" d="{data}"/>' if data else ""


def _lost(view: View, truth: DoubleArray) -> str:
    return "".join(_square(*spot) for spot in view.pixels(truth).tolist()) if len(truth) else ""


def _square(x: float, y: float) -> str:
    return f'<path class="lost" d="M{x - 4:.1f} {y - 4:.1f}h8v8h-8Z"/>'


def _error(view: View, truth: DoubleArray, answer: DoubleArray, kind: int, words: str) -> str:
    x, y = view.pixels(truth[None])[0].tolist()
    # Far beyond the window renderers lose precision; the direction is all that is seen of such a line.
    u, v = np.array([x, y]) + _shortened(view.pixels(answer[None])[0] - (x, y))
    title = f"<title>{_text(words)}</title>" if words else ""
    line = f'<path class="err" d="M{x:.1f} {y:.1f}L{u:.1f} {v:.1f}"/>'
    return f'<g class="e{kind}">{title}{line}{_end(u, v)}{_query(x, y)}</g>'


def _shortened(way: DoubleArray) -> DoubleArray:
    far = float(np.hypot(*way))
    return way * min(1.0, 5000 / far) if far > 0 else way


def _end(x: float, y: float) -> str:
    return f'<circle class="end" cx="{x:.1f}" cy="{y:.1f}" r="2.2"/>'


def _query(x: float, y: float) -> str:
    return f'<circle class="query" cx="{x:.1f}" cy="{y:.1f}" r="3.1"/>'


def _furniture(view: View, up: str, unit: str) -> str:
    bar, words = view.bar
    if unit != "m":
        words = given_words(float(f"{bar / view.pixels_per_m:.3g}"), unit)
    x, y = 14, view.height - 14
    return (
        f'<rect class="plate" x="{x - 8}" y="{y - 22}" width="{bar + 16:.1f}" height="30" rx="4"/>'
        f'<path class="scale" d="M{x} {y - 4}v8M{x} {y}h{bar:.1f}m0 -4v8"/><text x="{x + 6}" y="{y - 7}">{words}</text>'
        f'<g transform="translate({view.width - 22} 14)">'
        '<rect class="plate" x="-12" y="-6" width="24" height="44" rx="4"/>'
        f'<path class="needle" d="M0 0L6 17L0 13L-6 17Z"/><text y="33" text-anchor="middle">{_text(up)}</text></g>'
    )


def _entries(
    kinds: np.ndarray,
    tolerance_m: float,
    unit: str,
    photos: int,
    lost: bool,
) -> list[tuple[str, str]]:
    """Symbol and words of what is on the map."""
    limits = [given_words(step * tolerance_m, unit) for step in STEPS]
    words = [f"within {limits[0]}", *(f"within {limit}" for limit in limits[1:]), f"beyond {limits[-1]}"]
    line = '<g class="e{0}"><path class="err" d="M-4 0h20"/>' + _end(16, 0) + _query(-4, 0) + "</g>"
    found = [
        (line.format(kind), f"{words[kind]}: {int((kinds == kind).sum())}") for kind in sorted(set(kinds.tolist()))
    ]
    database = [('<path class="photo" d="M6 0h0"/>', "database photo")] if photos else []
    return [*found, *([(_square(6, 0), "no answer")] if lost else []), *database]


def _entry(column: int, row: int, top: int, symbol: str, words: str) -> str:
    at = f"{column * ENTRY + 14} {top + row * ROW + 10}"
    return f'<g transform="translate({at})">{symbol}<text x="25" y="4">{_text(words)}</text></g>'

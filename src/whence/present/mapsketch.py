"""Map sketches as SVG: the gallery, the answers with their circles, and the truth where it is known."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from importlib.resources import files
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from whence.present.mapview import View
from whence.present.words import printable
from whence.types import DoubleArray, Status

ROW, ENTRY = 24, 206  # pixels of the legend: height of a row, width of an entry
MARGIN = 28  # pixels between the outermost mark and the edge
FEW = 3  # up to so many answers, their circles are drawn in full strength
DOT = 6  # radius of an answer
_LIKELY = 0.8  # of all that is likely is in the window


@dataclass(frozen=True, slots=True)
class Mark:
    """One answer on the map.

    Attributes:
        position: Metres east and north.
        radius_m: Of the circle around it; none is drawn without.
        status: ``located`` or ``unsure``; what failed has no place on a map.
        label: Tooltip, as plain text.
        truth: Metres east and north of the true place; a line to it shows the error.
        href: What a click opens, such as ``#photo-3``.
    """

    position: tuple[float, float]
    radius_m: float | None = None
    status: Status = Status.LOCATED
    label: str = ""
    truth: tuple[float, float] | None = None
    href: str | None = None

    @property
    def circle_m(self) -> float:
        """The radius to draw; 0 for none."""
        return self.radius_m if self.radius_m is not None and math.isfinite(self.radius_m) else 0.0


@dataclass(frozen=True, slots=True)
class Scene:
    """All that a map shows, in metres east and north, each ``(N, 2)``.

    ``heat`` is ``(M, 3)``: places and how likely each of them is.
    """

    photos: DoubleArray
    candidates: DoubleArray
    buildings: tuple[DoubleArray, ...]
    answers: Sequence[Mark]
    heat: DoubleArray = field(default_factory=lambda: np.zeros((0, 3)))

    def view(self, size: tuple[int, int], fit: Literal["all", "answers"], margin: int = MARGIN) -> View:
        """The window for everything, or for what the answers are about."""
        marks = [mark.position for mark in self.answers] + [mark.truth for mark in self.answers if mark.truth]
        about = [_points(marks), self._nearby(), self._likely()]
        if fit == "all" or not sum(map(len, about)):
            about += [self.photos, self.candidates, *self.buildings]
        points = np.vstack(about)
        circles = [(*mark.position, mark.circle_m) for mark in self.answers]
        return View.fit(points if len(points) else np.zeros((1, 2)), circles, size, margin)

    def _likely(self) -> DoubleArray:
        """The likeliest places, which hold most of what is likely."""
        order = np.argsort(-self.heat[:, 2], kind="stable")
        reached = np.cumsum(self.heat[order, 2])
        count = int(np.searchsorted(reached, _LIKELY * reached[-1])) + 1 if len(order) else 0
        return self.heat[order[:count], :2]

    def _nearby(self) -> DoubleArray:
        """The candidates worth a wider window: all where the answer is unsure, else the nearer half."""
        if not self.answers or any(mark.status is not Status.LOCATED for mark in self.answers):
            return self.candidates
        away = np.hypot(*(self.candidates - self.answers[0].position).T)
        return self.candidates[away <= np.median(away)] if len(away) else self.candidates


def scene(
    database: ArrayLike,
    answers: Sequence[Mark],
    candidates: ArrayLike = (),
    buildings: Sequence[ArrayLike] = (),
    heat: ArrayLike = (),
) -> Scene:
    """The arguments of ``map_sketch`` as clean arrays."""
    warm = np.asarray(heat, np.float64).reshape(-1, 3)
    marks = tuple(mark for mark in answers if np.isfinite(mark.position).all())
    warm = warm[np.isfinite(warm).all(axis=1)]
    return Scene(_points(database), _points(candidates), tuple(map(_points, buildings)), marks, warm)


def map_sketch(
    *,
    database: ArrayLike,
    answers: Sequence[Mark],
    candidates: ArrayLike = (),
    buildings: Sequence[ArrayLike] = (),
    size: tuple[int, int] = (640, 480),
    fit: Literal["all", "answers"] = "all",
    title: str = "Map sketch",
    up: str = "N",
    words: Mapping[str, str] | None = None,
) -> str:
    """An SVG map with scale bar, north arrow and legend; self-contained, for light and dark pages.

    Args:
        database: ``(N, 2)`` metres east and north of the gallery photos.
        answers: The answers.
        candidates: ``(M, 2)`` metres, best first; numbered in this order.
        buildings: ``(K, 2)`` corners in metres, each.
        size: Width and height of the map in pixels; the legend comes below it.
        fit: Show everything, or only what the answers are about (answers, truths, candidates).
        title: Says what the map shows, for readers who do not see it.
        up: What the arrow is labelled: ``N``, or ``y`` on a plane of its own.
        words: Other words for entries of the legend.
    """
    return draw(scene(database, answers, candidates, buildings), size=size, fit=fit, title=title, up=up, words=words)


def draw(
    shown: Scene,
    *,
    size: tuple[int, int],
    fit: Literal["all", "answers"],
    title: str,
    up: str,
    words: Mapping[str, str] | None = None,
) -> str:
    """``map_sketch`` for a scene."""
    view = shown.view(size, fit)
    width, height = size
    legend = _legend(shown, width, words or {})
    labels = candidate_labels(view.pixels(shown.candidates))
    total = height + (ROW * (1 + max(row for _, row, _ in legend)) + 8 if legend else 0)
    # Screen readers do not look into an image: its links would be lost.
    role = "group" if any(mark.href for mark in shown.answers) else "img"
    crowd = "few" if len(shown.answers) <= FEW else "many"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="sketch" viewBox="0 0 {width} {total}" role="{role}" ',
        f'aria-label="{_text(title)}"><style>{_style()}</style>',
        # The nested svg cuts off what leaves the map, without an id that two maps on one page would share.
        f'<svg width="{width}" height="{height}"><rect class="ground" width="100%" height="100%"/>',
        *(_path("wall", view.pixels(corners), close=True) for corners in shown.buildings if len(corners)),
        _heat(view, shown.heat),
        _path("photo", view.visible(shown.photos)[:, None]),
        f'<g class="{crowd}">',
        *(_circle(view, mark) for mark in shown.answers),
        *(f'<circle class="candidate" cx="{x:.1f}" cy="{y:.1f}" r="5"/>' for x, y in reversed(labels)),
        *(_answer(view, mark) for mark in shown.answers),
        *(_rank(view, shown, *spot, label) for spot, label in labels.items()),
        "</g>",
        *_furniture(view, up),
        f'</svg><rect class="frame" x=".5" y=".5" width="{width - 1}" height="{height - 1}"/>',
        *(_entry(*entry, top=height + 8) for entry in legend),
        "</svg>",
    ]
    return "".join(parts)


def candidate_labels(pixels: DoubleArray) -> dict[tuple[float, float], str]:
    """Ranks of candidates by spot, counted from 1: photos taken at one place share a spot and a label."""
    spots: dict[tuple[float, float], list[int]] = {}
    for rank, (x, y) in enumerate(pixels.tolist(), 1):
        spot = next((known for known in spots if abs(known[0] - x) + abs(known[1] - y) < DOT), (x, y))
        spots.setdefault(spot, []).append(rank)
    return {
        spot: ", ".join(map(str, ranks[:3])) + (f" +{len(ranks) - 3}" if len(ranks) > 3 else "")
        for spot, ranks in spots.items()
    }


def _points(values: ArrayLike) -> DoubleArray:
    points = np.asarray(values, dtype=np.float64).reshape(-1, 2)
    return points[np.isfinite(points).all(axis=1)]


def _style() -> str:
    return files("whence.present").joinpath("mapsketch.css").read_text(encoding="utf-8")


def _heat(view: View, heat: DoubleArray) -> str:
    """Colours over the whole map."""
    if not len(heat):
        return ""
    import cv2

    from whence.present.heat import heat_picture

    done, data = cv2.imencode(".png", cv2.cvtColor(heat_picture(view, heat), cv2.COLOR_RGBA2BGRA))
    assert done
    uri = base64.b64encode(data.tobytes()).decode()
    size = f'width="{view.width}" height="{view.height}"'
    return f'<image {size} preserveAspectRatio="none" href="data:image/png;base64,{uri}"/>'


def _text(text: str) -> str:
    return escape(printable(text))


def _path(kind: str, points: DoubleArray, *, close: bool = False) -> str:
    """One line through ``(N, 2)`` points, or one dot for each of ``(N, 1, 2)``."""
    lines = points if points.ndim == 3 else points[None]
    strokes = ("L".join(f"{x:.1f} {y:.1f}" for x, y in line) for line in lines.tolist())
    end = "Z" if close else "h0" if points.ndim == 3 else ""
    data = "".join(f"M{stroke}{end}" for stroke in strokes)
    return f'<path class="{kind}" d="{data}"/>' if data else ""


def _circle(view: View, mark: Mark) -> str:
    if not mark.circle_m:
        return ""
    x, y = view.pixel(mark.position)
    radius = mark.circle_m * view.pixels_per_m
    return f'<circle class="circle {mark.status.value}" cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}"/>'


def labelled_left(view: View, shown: Scene, x: float) -> bool:
    """Whether a candidate's label goes to its left, where it cannot cover the answer."""
    return bool(shown.answers) and x < view.pixel(shown.answers[0].position)[0] - 1


def _rank(view: View, shown: Scene, x: float, y: float, label: str) -> str:
    shift, end = (-8, "end") if labelled_left(view, shown, x) else (8, "start")
    return f'<text class="rank" x="{x + shift:.1f}" y="{y - 5:.1f}" text-anchor="{end}">{label}</text>'


def _answer(view: View, mark: Mark) -> str:
    x, y = view.pixel(mark.position)
    drawn = f"<title>{_text(mark.label)}</title>" if mark.label else ""
    if mark.truth is not None:
        truth = view.pixel(mark.truth)
        drawn += _path("error", np.array([truth, (x, y)])) + _cross(*truth)
    drawn += _dot(mark.status, x, y)
    return f'<a href="{_text(mark.href)}">{drawn}</a>' if mark.href else f"<g>{drawn}</g>"


def _dot(status: Status, x: float, y: float) -> str:
    if status is Status.LOCATED:
        return f'<circle class="answer located" cx="{x:.1f}" cy="{y:.1f}" r="{DOT}"/>'
    # A diamond, so that colour is not the only difference.
    return f'<path class="answer unsure" d="M{x:.1f} {y - 7.5:.1f}l7.5 7.5l-7.5 7.5l-7.5 -7.5Z"/>'


def _cross(x: float, y: float) -> str:
    return f'<path class="truth" d="M{x - 5:.1f} {y - 5:.1f}l10 10m0 -10l-10 10"/>'


def _furniture(view: View, up: str) -> list[str]:
    bar, words = view.bar
    x, y = 14, view.height - 16
    return [
        f'<rect class="plate" x="{x - 8}" y="{y - 22}" width="{bar + 16:.1f}" height="32" rx="4"/>',
        f'<path class="scale" d="M{x} {y - 4}v8M{x} {y}h{bar:.1f}m0 -4v8"/>',
        f'<text x="{x + 6}" y="{y - 8}">{words}</text>',
        f'<g transform="translate({view.width - 24} 14)">',
        '<rect class="plate" x="-13" y="-6" width="26" height="46" rx="4"/>',
        '<path class="needle" d="M0 0L7 18L0 14L-7 18Z"/>',
        f'<text y="34" text-anchor="middle">{_text(up)}</text></g>',
    ]


def _legend(shown: Scene, width: int, words: Mapping[str, str]) -> list[tuple[int, int, tuple[str, str]]]:
    """Column, row, and symbol with text of each entry; only what is on the map is explained."""
    kinds = {mark.status for mark in shown.answers}
    entries = [
        ('<rect x="-6" y="-6" width="12" height="12" fill="#35b779" fill-opacity=".6"/>', "likelier", len(shown.heat)),
        (_path("photo", np.zeros((1, 1, 2))), "known photo" if len(shown.heat) else "gallery photo", len(shown.photos)),
        ('<circle class="candidate" r="5"/>', "candidate, with its rank", len(shown.candidates)),
        (_dot(Status.LOCATED, 0, 0), "located", Status.LOCATED in kinds),
        (_dot(Status.UNSURE, 0, 0), "unsure: best guess", Status.UNSURE in kinds),
        (
            f'<circle class="circle {shown.answers[0].status if shown.answers else ""}" r="8"/>',
            "9 of 10 truths inside",
            any(mark.circle_m for mark in shown.answers),
        ),
        (_cross(0, 0), "true place", any(mark.truth is not None for mark in shown.answers)),
    ]
    present = [(symbol, words.get(said, said)) for symbol, said, there in entries if there]
    columns = max(1, width // ENTRY)
    return [(at % columns, at // columns, entry) for at, entry in enumerate(present)]


def _entry(column: int, row: int, entry: tuple[str, str], *, top: int) -> str:
    symbol, words = entry
    at = f"{column * ENTRY + 14} {top + row * ROW + 12}"
    return f'<g transform="translate({at})">{symbol}<text x="15" y="4">{words}</text></g>'

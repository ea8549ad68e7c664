"""The map sketch of one answer as pixels, for pictures; pages use the SVG of ``mapsketch``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whence.present.mapsketch import MARGIN, Mark, Scene, candidate_labels, labelled_left
from whence.present.mapview import View
from whence.types import Status

if TYPE_CHECKING:
    from PIL.Image import Image as Picture
    from PIL.ImageDraw import ImageDraw

FINER = 2  # drawn larger and reduced: Pillow's shapes have hard edges
BAND, ENTRY = 52, 178  # pixels of the legend below the map: its height, and the width of an entry
PAPER, GROUND, INK, LINE = "#ffffff", "#f1f3f6", "#1b1f24", "#d5dae1"
PHOTO, CANDIDATE = "#8d97a5", "#2459c9"
COLOURS = {Status.LOCATED: "#14804a", Status.UNSURE: "#b25e00", Status.FAILED: "#b3261e"}

Spot = tuple[float, float]


def map_raster(known: Scene, *, size: tuple[int, int], up: str) -> Picture:
    """A map of what one answer is about, ``BAND`` pixels of legend below it.

    Args:
        known: With one answer.
        size: Width and height of the map in pixels.
        up: What the arrow is labelled.
    """
    from PIL import Image as Pictures
    from PIL import ImageDraw

    mark, (width, height) = known.answers[0], size
    view = known.view((FINER * width, FINER * height), "answers", FINER * MARGIN)
    sheet = Pictures.new("RGB", (view.width, view.height + FINER * BAND), GROUND)
    pen = ImageDraw.Draw(sheet, "RGBA")
    if len(known.heat):
        from whence.present.heat import heat_picture

        warm = Pictures.fromarray(heat_picture(view, known.heat), "RGBA").resize((view.width, view.height))
        sheet.paste(warm, (0, 0), warm)
        pen = ImageDraw.Draw(sheet, "RGBA")
    for x, y in view.visible(known.photos).tolist():
        _photo(pen, (x, y))
    spot = view.pixel(mark.position)
    if mark.circle_m:
        _circle(pen, spot, mark.circle_m * view.pixels_per_m, mark.status)
    labels = candidate_labels(view.pixels(known.candidates))
    for at in reversed(labels):
        _candidate(pen, at)
    if mark.truth is not None:
        pen.line([view.pixel(mark.truth), spot], INK, 3)
        _truth(pen, view.pixel(mark.truth))
    _answer(pen, spot, mark.status)
    for (x, y), label in labels.items():
        shift, anchor = (-16, "rs") if labelled_left(view, known, x) else (16, "ls")
        _text(pen, (x + shift, y - 10), label, anchor, CANDIDATE)
    _furniture(pen, view, up)
    _legend(pen, known, mark, view)
    return sheet.resize((width, height + BAND), Pictures.Resampling.LANCZOS)


def _photo(pen: ImageDraw, at: Spot) -> None:
    pen.circle(at, 5, PHOTO)


def _likelier(pen: ImageDraw, at: Spot) -> None:
    x, y = at
    pen.rectangle([x - 12, y - 12, x + 12, y + 12], "#35b77999")


def _candidate(pen: ImageDraw, at: Spot) -> None:
    pen.circle(at, 11, PAPER, CANDIDATE, 4)


def _circle(pen: ImageDraw, at: Spot, radius: float, status: Status) -> None:
    # Pillow counts in pixels; a circle that holds the whole map may as well be somewhat smaller.
    pen.circle(at, min(radius, 20_000.0), COLOURS[status] + "1a", COLOURS[status] + "cc", 2)


def _truth(pen: ImageDraw, at: Spot) -> None:
    x, y = at
    pen.line([(x - 10, y - 10), (x + 10, y + 10)], INK, 5)
    pen.line([(x - 10, y + 10), (x + 10, y - 10)], INK, 5)


def _answer(pen: ImageDraw, at: Spot, status: Status) -> None:
    if status is Status.LOCATED:
        pen.circle(at, 13, COLOURS[status], PAPER, 3)
    else:
        pen.regular_polygon((*at, 16), 4, 45, COLOURS[status], PAPER, 3)


def _text(pen: ImageDraw, at: Spot, label: str, anchor: str, colour: str) -> None:
    from PIL import ImageFont

    pen.text(at, label, colour, ImageFont.load_default(13 * FINER), anchor, stroke_width=3, stroke_fill=GROUND)


def _furniture(pen: ImageDraw, view: View, up: str) -> None:
    bar, label = view.bar
    x, y = 28, view.height - 28
    pen.line([(x, y), (x + bar, y)], INK, 4)
    for end in (x, x + bar):
        pen.line([(end, y - 8), (end, y + 8)], INK, 4)
    _text(pen, (x + 8, y - 12), label, "ls", INK)
    middle = view.width - 48
    pen.polygon([(middle, 24), (middle + 14, 60), (middle, 52), (middle - 14, 60)], INK)
    _text(pen, (middle, 90), up, "ms", INK)


def _legend(pen: ImageDraw, known: Scene, mark: Mark, view: View) -> None:
    """Two rows of symbols on the band below the map, which also covers what was drawn beyond its edge."""
    from PIL import ImageFont

    pen.rectangle([0, view.height, view.width, view.height + FINER * BAND], PAPER)
    pen.rectangle([0, 0, view.width - 1, view.height - 1], None, LINE, FINER)
    entries = [
        (_likelier, "likelier", len(known.heat)),
        (_photo, "known photo" if len(known.heat) else "gallery photo", len(known.photos)),
        (_candidate, "candidate, with rank", len(known.candidates)),
        (lambda pen, at: _answer(pen, at, mark.status), mark.status.value, True),
        (lambda pen, at: _circle(pen, at, 14, mark.status), "9 of 10 truths inside", mark.circle_m),
        (_truth, "true place", mark.truth is not None),
    ]
    present = [(symbol, words) for symbol, words, there in entries if there]
    columns = max(1, view.width // (FINER * ENTRY))
    for number, (symbol, words) in enumerate(present):
        x = FINER * (12 + ENTRY * (number % columns))
        y = view.height + FINER * (16 + 22 * (number // columns))
        symbol(pen, (x, y))
        pen.text((x + 28, y), words, INK, ImageFont.load_default(13 * FINER), "lm")

"""Drawing in metres on a texture: x to the right, y up from the bottom edge, as one looks at a wall."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from whence.types import FloatArray, Image

Colour = tuple[int, int, int]
Texture = NDArray[np.uint8]
"""``(H, W, 4)`` uint8: RGB and a fourth channel, which is light of its own on walls and opacity on sprites."""

_SHIFT = 4


def shade(colour: Colour, factor: float) -> Colour:
    """The colour made darker (factor < 1) or lighter."""
    r, g, b = (min(int(c * factor), 255) for c in colour)
    return r, g, b


def mix(a: Colour, b: Colour, t: float) -> Colour:
    """From ``a`` (t = 0) to ``b`` (t = 1)."""
    r, g, b_ = (int(p + (q - p) * t) for p, q in zip(a, b, strict=True))
    return r, g, b_


class Canvas:
    """A texture of ``width_m`` x ``height_m`` metres that is drawn on with metres.

    Args:
        width_m: Width of what it shows.
        height_m: Height of what it shows.
        ppm: Pixels per metre.
        colour: Filling at the start.
        fourth: Value of the fourth channel at the start.
    """

    def __init__(
        self, width_m: float, height_m: float, ppm: float, colour: Colour = (0, 0, 0), fourth: int = 0
    ) -> None:
        self.width_m = width_m
        self.height_m = height_m
        columns, rows = max(round(width_m * ppm), 2), max(round(height_m * ppm), 2)
        self.scale_x, self.scale_y = columns / width_m, rows / height_m
        self.pixels: Texture = np.empty((rows, columns, 4), np.uint8)
        self.pixels[:] = (*colour, fourth)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.pixels.shape[0], self.pixels.shape[1]

    def paint(self, image: Image) -> None:
        """Replaces all colours; the fourth channel stays."""
        self.pixels[..., :3] = image

    def modulate(self, factor: FloatArray) -> None:
        """Multiplies all colours by ``(H, W)`` or ``(H, W, 3)`` factors."""
        factor = factor if factor.ndim == 3 else factor[..., None]
        self.pixels[..., :3] = np.clip(self.pixels[..., :3] * factor, 0, 255).astype(np.uint8)

    def _points(self, points: Sequence[tuple[float, float]]) -> NDArray[np.int32]:
        scaled = np.array(points, np.float64) * (self.scale_x, -self.scale_y) + (0, self.shape[0])
        return np.asarray(np.round((scaled - 0.5) * 2**_SHIFT), np.int32)

    def polygon(self, points: Sequence[tuple[float, float]], colour: Colour, fourth: int = 0) -> None:
        """Fills a polygon."""
        cv2.fillPoly(self.pixels, [self._points(points)], (*colour, fourth), cv2.LINE_AA, _SHIFT)

    def rect(self, x0: float, y0: float, x1: float, y1: float, colour: Colour, fourth: int = 0) -> None:
        """Fills a rectangle between whole pixels."""
        rows, columns = self.shape
        left, right = round(x0 * self.scale_x), round(x1 * self.scale_x)
        top, bottom = round(rows - y1 * self.scale_y), round(rows - y0 * self.scale_y)
        right, bottom = max(right, left + 1), max(bottom, top + 1)
        self.pixels[max(top, 0) : max(bottom, 0), max(left, 0) : max(min(right, columns), 0)] = (*colour, fourth)

    def line(self, points: Sequence[tuple[float, float]], width_m: float, colour: Colour, fourth: int = 0) -> None:
        """Draws a polyline."""
        thickness = max(round(width_m * self.scale_x), 1)
        cv2.polylines(self.pixels, [self._points(points)], False, (*colour, fourth), thickness, cv2.LINE_AA, _SHIFT)

    def ellipse(self, x: float, y: float, rx: float, ry: float, colour: Colour, fourth: int = 0) -> None:
        """Fills an ellipse with the centre (x, y) and the half axes rx, ry."""
        angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
        self.polygon([(x + rx * float(np.cos(a)), y + ry * float(np.sin(a))) for a in angles], colour, fourth)

    def text(self, words: str, x0: float, y0: float, x1: float, y1: float, colour: Colour, fourth: int = 0) -> None:
        """Writes words as large as fits into a rectangle, centred."""
        font, wanted = cv2.FONT_HERSHEY_DUPLEX, 0.7 * (y1 - y0) * self.scale_y
        (width, height), _ = cv2.getTextSize(words, font, 1.0, 2)
        scale = min(wanted / height, (x1 - x0) * self.scale_x * 0.92 / width)
        thickness = max(round(scale * 2), 1)
        (width, height), _ = cv2.getTextSize(words, font, scale, thickness)
        column = round((x0 + x1) / 2 * self.scale_x - width / 2)
        row = round(self.shape[0] - (y0 + y1) / 2 * self.scale_y + height / 2)
        cv2.putText(self.pixels, words, (column, row), font, scale, (*colour, fourth), thickness, cv2.LINE_AA)

"""The ground seen from above: roads with markings, pavements, courtyards, the lawn of the square."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from whence.types import DoubleArray, FloatArray
from whence.worlds.canvas import Colour
from whence.worlds.layout import Layout, Street
from whence.worlds.materials import asphalt, paving
from whence.worlds.mesh import Ripmap
from whence.worlds.noise import Rng, fractal, rng_of

PAVEMENT_M = 2.3
"""Width of pavements."""
MARGIN_M = 12.0
"""Ground beyond the last house."""
_ROAD: Colour = (112, 111, 112)
_WALK: Colour = (158, 152, 142)
_LAWN: Colour = (98, 122, 66)


@dataclass(frozen=True)
class Ground:
    """Ground textures.

    Attributes:
        map: Colours, north up; the fourth channel tells paving (255) from asphalt (0).
        low: ``(2,)`` the south-west corner of the map.
        size_m: Width and height of the map.
        road: Grain of asphalt, repeats after ``grain_m``; 128 is neutral.
        walk: Grain of paving, likewise.
        grain_m: Size of the repeating grain.
    """

    map: Ripmap
    low: DoubleArray
    size_m: tuple[float, float]
    road: Ripmap
    walk: Ripmap
    grain_m: float


class _Painter:
    def __init__(self, low: DoubleArray, size: tuple[float, float], ppm: float) -> None:
        self.low, self.ppm = low, ppm
        self.rows, self.columns = round(size[1] * ppm), round(size[0] * ppm)
        self.pixels = np.empty((self.rows, self.columns, 4), np.uint8)

    def _pixels(self, points: DoubleArray) -> NDArray[np.int32]:
        local = (np.asarray(points) - self.low) * self.ppm
        local[:, 1] = self.rows - local[:, 1]
        return np.round((local - 0.5) * 16).astype(np.int32)

    def fill(self, points: DoubleArray, colour: Colour, paved: bool) -> None:
        cv2.fillPoly(self.pixels, [self._pixels(points)], (*colour, 255 if paved else 0), cv2.LINE_8, 4)

    def stroke(self, points: DoubleArray, width_m: float, colour: Colour, paved: bool, closed: bool = False) -> None:
        thickness = max(round(width_m * self.ppm), 1)
        cv2.polylines(
            self.pixels, [self._pixels(points)], closed, (*colour, 255 if paved else 0), thickness, cv2.LINE_8, 4
        )


def paint(seed: int, layout: Layout) -> Ground:
    """Draws the ground of a town."""
    rng = rng_of(seed, "ground")
    low, high = layout.low - MARGIN_M, layout.high + MARGIN_M
    size = (float(high[0] - low[0]), float(high[1] - low[1]))
    painter = _Painter(low, size, min(16.0, 5000 / max(size)))
    painter.pixels[:] = (*_WALK, 255)
    for street in layout.streets:
        painter.stroke(street.line, street.width_m - 2 * PAVEMENT_M, _ROAD, False)
    for street in layout.streets:
        _wear(painter, street, rng)
    for street in layout.streets:
        _markings(painter, street, rng)
    for index, block in enumerate(layout.blocks):
        painter.fill(block, _WALK, True)
        if index == layout.square:
            _lawn(painter, block)
    for row in layout.rows:  # the foot of the walls lies in a little shade and dirt
        for plot in row:
            painter.stroke(plot.front, 0.5, (112, 106, 98), True)
            painter.fill(plot.outline, (90, 86, 80), True)
    tone = 1 + 0.06 * fractal(rng, painter.rows // 4 + 1, painter.columns // 4 + 1, 40, octaves=4)
    _modulate(painter.pixels, tone.astype(np.float32))
    grain = 6.0
    pixels = round(grain * 80)
    return Ground(
        map=Ripmap(painter.pixels),
        low=low,
        size_m=size,
        road=Ripmap(asphalt(rng, pixels, pixels, 80, (128, 128, 128))),
        walk=Ripmap(paving(rng, pixels, pixels, 80, (128, 128, 128))),
        grain_m=grain,
    )


def _modulate(pixels: NDArray[np.uint8], tone: FloatArray) -> None:
    """In strips, to keep the peak of memory low."""
    rows, columns = pixels.shape[:2]
    for start in range(0, rows, 256):
        stop = min(start + 256, rows)
        part = cv2.resize(tone[start // 4 : stop // 4 + 1], (columns, stop - start), interpolation=cv2.INTER_LINEAR)
        strip = pixels[start:stop, :, :3]
        strip[:] = np.clip(strip * part[..., None], 0, 255).astype(np.uint8)


def _across(direction: DoubleArray) -> DoubleArray:
    return np.array([-direction[1], direction[0]])


def _wear(painter: _Painter, street: Street, rng: Rng) -> None:
    """Mended patches, cracks and manhole covers."""
    for _ in range(int(street.length_m / 7)):
        point, direction = street.at(float(rng.uniform(0, street.length_m)))
        across = _across(direction)
        middle = point + across * rng.uniform(-0.3, 0.3) * street.width_m
        kind = int(rng.integers(3))
        if kind == 0:
            a, b = direction * rng.uniform(0.5, 2.5), across * rng.uniform(0.3, 0.9)
            tone = int(rng.integers(70, 120))
            painter.fill(
                np.stack([middle - a - b, middle + a - b, middle + a + b, middle - a + b]),
                (tone, tone, tone + 3),
                False,
            )
        elif kind == 1:
            crack = middle + rng.uniform(-0.5, 0.5, (7, 2)).cumsum(axis=0)
            painter.stroke(crack, 0.06, (62, 62, 64), False)
        else:
            angles = np.linspace(0, 2 * np.pi, 17)[:-1]
            for radius, tone in ((0.42, 52), (0.34, 96), (0.24, 66), (0.12, 100)):
                circle = middle + radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
                painter.fill(circle, (tone, tone, tone), False)


def _markings(painter: _Painter, street: Street, rng: Rng) -> None:
    """Dashes along the middle, and zebra crossings before the corners."""
    white, length, half = (206, 204, 196), street.length_m, street.width_m / 2 - PAVEMENT_M
    if street.width_m > 11:
        for start in np.arange(12.0, length - 14, 4.0):
            points = np.stack([street.at(float(start + d))[0] for d in (0.0, 1.8)])
            painter.stroke(points, 0.2, white, False)
    for along in (9.0, length - 9.0):
        if rng.random() < 0.45:
            point, direction = street.at(along)
            across = _across(direction)
            for offset in np.arange(-half + 0.4, half - 0.5, 1.0):
                corner = point + across * offset - direction * 1.3
                a, b = across * 0.5, direction * 2.6
                painter.fill(np.stack([corner, corner + a, corner + a + b, corner + b]), white, False)


def _lawn(painter: _Painter, block: DoubleArray) -> None:
    middle = block.mean(axis=0)
    painter.fill(middle + (block - middle) * 0.86, _LAWN, False)
    painter.stroke(middle + (block - middle) * 0.86, 0.3, (120, 116, 108), True, closed=True)
    for corner in block[::2]:
        painter.stroke(np.stack([middle + (corner - middle) * 0.9, middle]), 3.0, (186, 168, 132), True)
    angles = np.linspace(0, 2 * np.pi, 33)[:-1]
    painter.fill(middle + 8.0 * np.stack([np.cos(angles), np.sin(angles)], axis=1), (186, 168, 132), True)

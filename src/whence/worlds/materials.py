"""Surfaces: brick, plaster, stone, boards, roof tiles, paving. Procedural, in any size."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from whence.types import Image
from whence.worlds.canvas import Colour
from whence.worlds.noise import Rng, fractal

Material = Callable[[Rng, int, int, float, Colour], Image]
"""(generator, rows, columns, pixels per metre, colour) -> ``(rows, columns, 3)`` RGB uint8."""


def _finish(base: NDArray[np.floating], colour: Colour) -> Image:
    return np.asarray(np.clip(base[..., None] * np.asarray(colour, np.float32), 0, 255), np.uint8)


def _courses(
    rng: Rng, rows: int, columns: int, ppm: float, length_m: float, height_m: float, spread: float
) -> tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.int64]]:
    """Blocks in staggered rows: brightness per block, where the joints are, and the number of the course per row."""
    length, height = max(round(length_m * ppm), 3), max(round(height_m * ppm), 3)
    course = np.arange(rows) // height
    along = np.arange(columns)[None, :] + (course * (length // 2) % length)[:, None]
    table = 1 + spread * rng.standard_normal((int(course[-1]) + 1, columns // length + 3))
    tone = table[course[:, None], along // length].astype(np.float32)
    joint = (along % length == 0) | (np.arange(rows) % height == 0)[:, None]
    return tone, joint, course


def brick(rng: Rng, rows: int, columns: int, ppm: float, colour: Colour) -> Image:
    """Staggered bricks with pale joints; a few are burnt dark."""
    tone, joint, _ = _courses(rng, rows, columns, ppm, 0.34, 0.125, 0.11)
    tone = np.where(tone < 0.86, tone * 0.78, tone) * (1 + 0.06 * fractal(rng, rows, columns, 2 * ppm))
    image = _finish(tone, colour)
    image[joint] = (0.55 * np.asarray(colour) + 60).clip(0, 255).astype(np.uint8)
    return image


def stone(rng: Rng, rows: int, columns: int, ppm: float, colour: Colour) -> Image:
    """Ashlar: large cut blocks with dark joints and a lit upper edge."""
    tone, joint, _ = _courses(rng, rows, columns, ppm, 0.8, 0.4, 0.07)
    tone = tone * (1 + 0.05 * fractal(rng, rows, columns, 0.5 * ppm))
    lit = np.roll(joint, 1, axis=0) & ~joint
    return _finish(np.where(joint, 0.62, np.where(lit, tone * 1.12, tone)), colour)


def plaster(rng: Rng, rows: int, columns: int, ppm: float, colour: Colour) -> Image:
    """Render with stains, grain, and a patch or two that has been mended."""
    tone = 1 + 0.035 * fractal(rng, rows, columns, 2.5 * ppm, octaves=6, gain=0.7)
    tone += 0.02 * rng.standard_normal((rows, columns), dtype=np.float32)
    return _finish(tone, colour)


def boards(rng: Rng, rows: int, columns: int, ppm: float, colour: Colour) -> Image:
    """Horizontal weatherboards, each with a shadow under its edge."""
    height = max(round(0.2 * ppm), 3)
    course = np.arange(rows) // height
    tone = (1 + 0.06 * rng.standard_normal(int(course[-1]) + 1)).astype(np.float32)[course][:, None]
    grain = fractal(rng, rows, max(columns // 8, 1), 0.06 * ppm, octaves=2)
    tone = tone * (1 + 0.05 * np.repeat(grain, 9, axis=1)[:, :columns])
    tone = np.where((np.arange(rows) % height == height - 1)[:, None], 0.6, tone)
    return _finish(tone, colour)


def checks(rng: Rng, rows: int, columns: int, ppm: float, colour: Colour) -> Image:
    """Glazed tiles, two tones in a diamond pattern."""
    size = max(round(0.3 * ppm), 4)
    y, x = np.arange(rows)[:, None], np.arange(columns)[None, :]
    dark = ((x + y) // size + (x - y) // size) % 2 == 0
    tone = np.where(dark, 0.82, 1.04) + 0.03 * fractal(rng, rows, columns, ppm)
    return _finish(tone, colour)


def roof_tiles(rng: Rng, rows: int, columns: int, ppm: float, colour: Colour) -> Image:
    """Rows of tiles with dark lower edges."""
    tone, joint, _ = _courses(rng, rows, columns, ppm, 0.25, 0.3, 0.12)
    height = max(round(0.3 * ppm), 3)
    slope = 1.1 - 0.35 * ((np.arange(rows) % height) / height)[:, None]
    return _finish(np.where(joint, 0.5, tone * slope), colour)


def asphalt(rng: Rng, rows: int, columns: int, ppm: float, colour: Colour) -> Image:
    """Fine grain; wraps around."""
    tone = 1 + 0.08 * rng.standard_normal((rows, columns), dtype=np.float32)
    tone += 0.035 * fractal(rng, rows, columns, 0.08 * ppm, octaves=3, wrap=True)
    return _finish(tone, colour)


def paving(rng: Rng, rows: int, columns: int, ppm: float, colour: Colour) -> Image:
    """Flagstones, each with its own tone; wraps around where the size is a multiple of 1.2 m."""
    tone, joint, _ = _courses(rng, rows, columns - columns % 2, ppm, 0.6, 0.6, 0.07)
    tone = np.pad(tone, ((0, 0), (0, columns % 2)), mode="edge")
    joint = np.pad(joint, ((0, 0), (0, columns % 2)), mode="edge")
    tone = tone * (1 + 0.05 * fractal(rng, rows, columns, 0.2 * ppm, octaves=3, wrap=True))
    return _finish(np.where(joint, 0.66, tone), colour)


MATERIALS: dict[str, Material] = {
    "brick": brick,
    "stone": stone,
    "plaster": plaster,
    "boards": boards,
    "checks": checks,
}

"""Fronts of houses: the storeys above, and the ground floor with its shop or its door. Textures for flat walls."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from whence.worlds.canvas import Canvas, Colour, Texture, mix, shade
from whence.worlds.materials import MATERIALS
from whence.worlds.noise import Rng, fractal
from whence.worlds.style import Brand, House
from whence.worlds.windows import door, glass, window

PPM = 48.0
"""Pixels per metre of ground floors: about what a 640-pixel photo resolves from 10 m away."""
PPM_ABOVE = 40.0
"""The same for the storeys above, which are never that near."""
GOODS: tuple[Colour, ...] = (
    (196, 78, 60), (222, 178, 90), (92, 134, 120), (70, 96, 140), (226, 214, 190), (150, 90, 110), (124, 150, 84)
)  # fmt: skip


def gable_height(house: House, width_m: float) -> float:
    """How far the front rises above the eaves, in metres."""
    return {"stepped": min(0.42 * width_m, 4.2), "bell": min(0.4 * width_m, 4.0), "flat": 0.7}.get(house.top, 0.0)


def storeys(house: House, width_m: float, rng: Rng) -> Texture:
    """The wall above the ground floor, gable included: ``width_m`` wide, ``floors * floor_m + gable_height`` high."""
    eaves = house.floors * house.floor_m
    canvas = Canvas(width_m, eaves + gable_height(house, width_m), PPM_ABOVE)
    rows, columns = canvas.shape
    canvas.paint(MATERIALS[house.material](rng, rows, columns, PPM_ABOVE, house.wall))
    _ornaments(canvas, house, eaves, rng)
    bays = max(round((width_m - 0.9) / house.bay_m), 1)
    pitch = (width_m - 0.9) / bays
    half, tall = min(0.5, pitch * 0.27), 0.52 * house.floor_m
    for floor in range(house.floors):
        y = floor * house.floor_m + 0.27 * house.floor_m
        if house.courses:
            _band(canvas, house, floor * house.floor_m, 0.16)
        for bay in range(bays):
            x = 0.45 + (bay + 0.5) * pitch
            window(canvas, house, (x - half, y, x + half, y + tall), rng)
    if house.quoins:
        _quoins(canvas, house, eaves)
    _top(canvas, house, width_m, eaves, rng)
    canvas.modulate(_weather(rng, rows, columns))
    return canvas.pixels


def _band(canvas: Canvas, house: House, y: float, height: float) -> None:
    canvas.rect(0, y - 0.07, canvas.width_m, y, shade(house.wall, 0.55))
    canvas.rect(0, y, canvas.width_m, y + height, house.trim)


def _quoins(canvas: Canvas, house: House, eaves: float) -> None:
    y, long = 0.0, True
    while y < eaves - 0.1:
        width = 0.42 if long else 0.28
        for x in (0.0, canvas.width_m - width):
            canvas.rect(x, y + 0.02, x + width, y + 0.33, shade(house.trim, 0.97 if long else 0.88))
        y, long = y + 0.35, not long


def _top(canvas: Canvas, house: House, width_m: float, eaves: float, rng: Rng) -> None:
    _band(canvas, house, eaves - 0.42, 0.42)
    for i in range(int(width_m / 0.5)):
        x = (i + 0.3) * width_m / int(width_m / 0.5)
        canvas.rect(x, eaves - 0.4, x + 0.16, eaves - 0.2, shade(house.trim, 0.62))
    gable = gable_height(house, width_m)
    if gable < 1.0:
        return
    middle = width_m / 2
    if house.attic:
        window(canvas, house, (middle - 0.45, eaves + 0.35, middle + 0.45, eaves + 0.3 + 0.45 * gable), rng)
    else:
        canvas.ellipse(middle, eaves + 0.42 * gable, 0.62, 0.62, house.trim)
        canvas.ellipse(middle, eaves + 0.42 * gable, 0.46, 0.46, shade(house.accent, 0.8))
        canvas.text(
            str(int(rng.integers(1620, 1935))),
            middle - 0.5,
            eaves + 0.28 * gable,
            middle + 0.5,
            eaves + 0.56 * gable,
            (240, 224, 170),
        )


def _ornaments(canvas: Canvas, house: House, eaves: float, rng: Rng) -> None:
    """Stripes, panels, or a faded advertisement straight on the wall."""
    if house.ornament == 1:
        for y in np.arange(0.3, eaves, 0.9):
            canvas.rect(0, float(y), canvas.width_m, float(y) + 0.1, mix(house.wall, house.trim, 0.6))
    elif house.ornament == 4:
        for floor in range(house.floors):
            y = (floor + 0.93) * house.floor_m
            for x in np.arange(0.7, canvas.width_m - 0.3, 0.62):
                _flourish(canvas, float(x), y, mix(house.trim, house.accent, 0.4), int(rng.integers(3)))


def _flourish(canvas: Canvas, x: float, y: float, colour: Colour, kind: int) -> None:
    if kind == 0:
        canvas.polygon([(x - 0.16, y), (x, y + 0.16), (x + 0.16, y), (x, y - 0.16)], colour)
    elif kind == 1:
        canvas.ellipse(x, y, 0.15, 0.15, colour)
        canvas.ellipse(x, y, 0.07, 0.07, shade(colour, 0.55))
    else:
        for dx, dy in ((-0.1, 0.0), (0.1, 0.0), (0.0, 0.1), (0.0, -0.1)):
            canvas.ellipse(x + dx, y + dy, 0.07, 0.07, colour)


def _weather(rng: Rng, rows: int, columns: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Stains, and streaks where rain runs down."""
    stains = fractal(rng, rows, columns, 3 * PPM, octaves=5)
    streaks = np.repeat(fractal(rng, max(rows // 40, 1), columns, 0.25 * PPM, octaves=2), 40, axis=0)
    streaks = np.resize(streaks, (rows, columns))
    return (1 + 0.05 * stains - 0.04 * np.maximum(streaks, 0)).astype(np.float32)


def ground_floor(house: House, brand: Brand | None, width_m: float, height_m: float, rng: Rng) -> Texture:
    """What stands at eye level: a shop with its sign, or a plinth with the house door and windows."""
    canvas = Canvas(width_m, height_m, PPM)
    rows, columns = canvas.shape
    material, colour = (
        ("stone", mix(house.wall, house.trim, 0.6)) if house.ornament % 2 else (house.material, house.wall)
    )
    canvas.paint(MATERIALS[material](rng, rows, columns, PPM, colour))
    if brand is None:
        _dwelling(canvas, house, rng)
    else:
        _shop(canvas, house, brand, rng)
    foot = np.linspace(1.0, 0.72, max(rows // 4, 1), dtype=np.float32)
    dirt = np.concatenate([np.ones(rows - len(foot), np.float32), foot])[:, None]
    canvas.modulate(dirt * _weather(rng, rows, columns))
    return canvas.pixels


def _dwelling(canvas: Canvas, house: House, rng: Rng) -> None:
    width, height = canvas.width_m, canvas.height_m
    canvas.rect(0, 0, width, 0.55, shade(mix(house.wall, (120, 116, 110), 0.6), 0.8))
    canvas.rect(0, 0.55, width, 0.63, house.trim)
    wide = 1.5 if rng.random() < 0.3 else 1.05
    at = float(rng.uniform(0.5, max(width - wide - 0.6, 0.6)))
    half = 0.5
    x = 0.5 + half
    while x + half < width - 0.3:
        if x + half < at - 0.35 or x - half > at + wide + 0.35:
            window(canvas, house, (x - half, 1.05, x + half, min(2.7, height - 0.75)), rng)
            x += house.bay_m
        else:
            x += 0.35
    door(canvas, house, at, wide, 2.25, rng)


def _shop(canvas: Canvas, house: House, brand: Brand, rng: Rng) -> None:
    width, height = canvas.width_m, canvas.height_m
    board = height - 0.85
    canvas.rect(0.15, 0, width - 0.15, board, shade(brand.board, 0.8))
    canvas.rect(0.15, 0, width - 0.15, 0.45, shade(brand.board, 0.5))
    entrance = float(rng.choice([0.3, width / 2 - 0.55, width - 1.4]))
    edges = sorted({0.3, entrance, entrance + 1.1, width - 0.3})
    for x0, x1 in pairwise(edges):
        if x1 - x0 < 0.5 or abs(x0 - entrance) < 1e-6:
            continue
        parts = max(round((x1 - x0) / 2.0), 1)
        for i in range(parts):
            a, b = x0 + i * (x1 - x0) / parts + 0.06, x0 + (i + 1) * (x1 - x0) / parts - 0.06
            _display(canvas, (a, 0.55, b, board - 0.12), rng)
    canvas.rect(entrance, 0, entrance + 1.1, board - 0.1, shade(brand.board, 0.35))
    glass(canvas, (entrance + 0.16, 0.5, entrance + 0.94, board - 0.3), rng, 0.95)
    canvas.text("OPEN", entrance + 0.25, 1.5, entrance + 0.85, 1.8, (240, 230, 200), 60)
    canvas.rect(0, board - 0.05, width, board, (36, 32, 30))
    canvas.rect(0, board, width, height - 0.12, brand.board)
    canvas.rect(0, height - 0.12, width, height, house.trim)
    for y in (board + 0.06, height - 0.2):
        canvas.rect(0.1, y, width - 0.1, y + 0.03, brand.letters)
    title = brand.name if width < 7 else f"{brand.name} {brand.trade}"
    canvas.text(title, 0.2, board + 0.06, width - 0.2, height - 0.18, brand.letters, 70)


def _display(canvas: Canvas, box: tuple[float, float, float, float], rng: Rng) -> None:
    """A shop window: shelves of goods behind the glass."""
    x0, y0, x1, y1 = box
    canvas.rect(x0, y0, x1, y1, (206, 196, 176))
    canvas.rect(x0 + 0.06, y0 + 0.06, x1 - 0.06, y1 - 0.06, (58, 62, 66), 120)
    for shelf in (y0 + 0.12, y0 + 0.75, y0 + 1.35):
        if shelf + 0.5 > y1:
            break
        canvas.rect(x0 + 0.06, shelf, x1 - 0.06, shelf + 0.05, (140, 110, 80), 120)
        x = x0 + 0.2
        while x < x1 - 0.25:
            size = float(rng.uniform(0.14, 0.34))
            goods = mix(GOODS[int(rng.integers(len(GOODS)))], (120, 104, 84), float(rng.uniform(0, 0.5)))
            if rng.random() < 0.5:
                canvas.rect(x, shelf + 0.05, x + size, shelf + 0.05 + float(rng.uniform(0.2, 0.5)), goods, 120)
            else:
                canvas.ellipse(x + size / 2, shelf + 0.2, size / 2, 0.16, goods, 120)
            x += size + float(rng.uniform(0.03, 0.15))
    canvas.line([(x0 + 0.25, y0 + 0.1), (x0 + 0.25 + 0.4 * (x1 - x0), y1 - 0.1)], 0.05, (120, 136, 150), 60)

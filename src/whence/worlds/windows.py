"""Windows and doors, the parts that repeat on every street."""

from __future__ import annotations

from whence.worlds.canvas import Canvas, Colour, mix, shade
from whence.worlds.noise import Rng
from whence.worlds.style import House

Box = tuple[float, float, float, float]
"""x0, y0, x1, y1 in metres."""

GLASS: Colour = (62, 78, 92)


def window(canvas: Canvas, house: House, box: Box, rng: Rng) -> None:
    """One window with its surround, recess, glass, bars and sill."""
    x0, y0, x1, y1 = box
    kind = house.window
    arched = kind in ("arched", "round")
    _surround(canvas, house, box, arched)
    pane = (x0 + 0.07, y0 + 0.07, x1 - 0.07, y1 - 0.07)
    canvas.rect(x0, y0, x1, y1, shade(house.wall, 0.32))
    canvas.rect(x0 + 0.04, y0, x1, y1 - 0.07, house.frame)
    glass(canvas, pane, rng)
    if arched:
        _arch(canvas, house, box)
    _bars(canvas, house, pane)
    canvas.rect(x0 - 0.12, y0 - 0.22, x1 + 0.12, y0 - 0.1, shade(house.wall, 0.55))
    canvas.rect(x0 - 0.12, y0 - 0.12, x1 + 0.12, y0, house.trim)
    if kind == "shutter":
        _shutters(canvas, house, box)
    elif kind == "balcony":
        canvas.rect(x0 - 0.2, y0 - 0.1, x1 + 0.2, y0 + 0.02, house.trim)
        for i in range(9):
            x = x0 - 0.15 + i * (x1 - x0 + 0.3) / 8
            canvas.rect(x - 0.015, y0, x + 0.015, y0 + 0.6, (40, 40, 44))
        canvas.rect(x0 - 0.18, y0 + 0.58, x1 + 0.18, y0 + 0.64, (40, 40, 44))
    elif rng.random() < 0.12:
        _flowers(canvas, box, rng)


def glass(canvas: Canvas, box: Box, rng: Rng, lit: float = 0.42) -> None:
    """A pane: what it mirrors, curtains, and light at dusk in some."""
    x0, y0, x1, y1 = box
    glow = int(rng.uniform(90, 230)) if rng.random() < lit else 0
    tone = float(rng.uniform(0.8, 1.25))
    canvas.rect(x0, y0, x1, y1, shade(GLASS, tone), glow)
    canvas.rect(x0, y0 + 0.55 * (y1 - y0), x1, y1, shade((98, 118, 136), tone), glow)
    style = rng.integers(5)
    if style < 2:
        drape = (206, 198, 182) if style == 0 else (168, 140, 120)
        width = 0.24 * (x1 - x0)
        canvas.polygon([(x0, y0), (x0 + 0.6 * width, y0), (x0 + width, y1), (x0, y1)], drape, glow)
        canvas.polygon([(x1, y0), (x1 - 0.6 * width, y0), (x1 - width, y1), (x1, y1)], drape, glow)
    elif style == 2:
        canvas.rect(x0, y1 - float(rng.uniform(0.2, 0.7)) * (y1 - y0), x1, y1, (188, 184, 172), glow // 2)


def _surround(canvas: Canvas, house: House, box: Box, arched: bool) -> None:
    x0, y0, x1, y1 = box
    middle, half = (x0 + x1) / 2, (x1 - x0) / 2
    if arched:
        canvas.ellipse(middle, y1, half + 0.16, half * 0.75 + 0.16, house.trim)
        canvas.rect(x0 - 0.16, y0, x1 + 0.16, y1, house.trim)
    elif house.ornament % 2:
        canvas.rect(x0 - 0.14, y0, x1 + 0.14, y1 + 0.16, house.trim)
    else:
        canvas.rect(x0 - 0.16, y1, x1 + 0.16, y1 + 0.26, house.trim)
        canvas.polygon(
            [(middle - 0.1, y1), (middle + 0.1, y1), (middle + 0.15, y1 + 0.32), (middle - 0.15, y1 + 0.32)],
            shade(house.trim, 0.85),
        )
    if house.ornament == 3:
        canvas.polygon([(x0 - 0.2, y1 + 0.22), (middle, y1 + 0.62), (x1 + 0.2, y1 + 0.22)], house.trim)
        canvas.polygon([(x0, y1 + 0.26), (middle, y1 + 0.5), (x1, y1 + 0.26)], shade(house.wall, 0.75))


def _arch(canvas: Canvas, house: House, box: Box) -> None:
    x0, _, x1, y1 = box
    middle, half = (x0 + x1) / 2, (x1 - x0) / 2
    canvas.ellipse(middle, y1, half, half * 0.75, shade(house.wall, 0.35))
    canvas.ellipse(middle, y1, half - 0.08, half * 0.75 - 0.08, (98, 118, 136))
    for angle in (-0.5, 0.0, 0.5):
        canvas.line(
            [(middle, y1), (middle + angle * half * 1.4, y1 + half * (0.7 - abs(angle) * 0.4))], 0.05, house.frame
        )
    canvas.rect(x0, y1 - 0.1, x1, y1, house.frame)


def _bars(canvas: Canvas, house: House, pane: Box) -> None:
    x0, y0, x1, y1 = pane
    middle, height = (x0 + x1) / 2, y1 - y0
    columns, rows = {"sash": (1, 2), "grid": (3, 4), "cross": (2, 0), "round": (2, 3)}.get(house.window, (2, 3))
    for i in range(1, columns):
        x = x0 + i * (x1 - x0) / columns
        canvas.rect(x - 0.03, y0, x + 0.03, y1, house.frame)
    for i in range(1, rows):
        y = y0 + i * height / rows
        canvas.rect(x0, y - 0.025, x1, y + 0.025, house.frame)
    if house.window == "cross":
        canvas.rect(x0, y0 + 0.66 * height, x1, y0 + 0.66 * height + 0.07, house.frame)
        canvas.rect(middle - 0.04, y0, middle + 0.04, y1, house.frame)


def _shutters(canvas: Canvas, house: House, box: Box) -> None:
    x0, y0, x1, y1 = box
    width = 0.42 * (x1 - x0)
    for left in (x0 - width - 0.06, x1 + 0.06):
        canvas.rect(left, y0, left + width, y1, house.accent)
        y = y0 + 0.1
        while y < y1 - 0.1:
            canvas.rect(left + 0.05, y, left + width - 0.05, y + 0.04, shade(house.accent, 0.6))
            y += 0.12


def _flowers(canvas: Canvas, box: Box, rng: Rng) -> None:
    x0, y0, x1, _ = box
    canvas.rect(x0 - 0.05, y0, x1 + 0.05, y0 + 0.2, (96, 66, 46))
    for _ in range(14):
        colour = mix((200, 50, 60), (240, 190, 70), float(rng.random())) if rng.random() < 0.5 else (60, 110, 50)
        canvas.ellipse(float(rng.uniform(x0, x1)), y0 + float(rng.uniform(0.15, 0.36)), 0.07, 0.06, colour)


def door(canvas: Canvas, house: House, x0: float, width: float, height: float, rng: Rng) -> None:
    """A house door with panels, a light above it and a step."""
    canvas.rect(x0 - 0.18, 0, x0 + width + 0.18, height + 0.6, house.trim)
    canvas.rect(x0 - 0.05, 0, x0 + width + 0.05, height + 0.48, (40, 34, 30))
    canvas.rect(x0, 0.12, x0 + width, height, house.accent)
    glass(canvas, (x0, height + 0.06, x0 + width, height + 0.44), rng, 0.8)
    leaves = 2 if width > 1.2 else 1
    for leaf in range(leaves):
        a = x0 + leaf * width / leaves
        b = a + width / leaves
        for low, high in ((0.2, 0.42), (0.46, 0.94)):
            canvas.rect(a + 0.1, low * height, b - 0.1, high * height, shade(house.accent, 0.7))
            canvas.rect(a + 0.14, low * height + 0.04, b - 0.14, high * height - 0.04, shade(house.accent, 1.15))
        canvas.rect(b - 0.09, 0.48 * height, b - 0.04, 0.54 * height, (220, 190, 90))
    canvas.rect(x0 - 0.25, 0, x0 + width + 0.25, 0.12, (150, 146, 138))

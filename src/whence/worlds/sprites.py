"""Small things: trees, lamps, walkers, cars, posters, signs. Cut out where their fourth channel is 0."""

from __future__ import annotations

import numpy as np

from whence.worlds.canvas import Canvas, Colour, Texture, mix, shade
from whence.worlds.noise import Rng, fractal
from whence.worlds.style import Brand

CAR_PROFILE = ((0.05, 0.3), (0.0, 0.75), (0.75, 0.86), (1.5, 1.42), (2.9, 1.44), (3.55, 0.92), (4.15, 0.82), (4.2, 0.3))
"""Outline of a car from its front to its rear: metres from the front bumper, height."""


def tree(rng: Rng) -> Texture:
    """5 m x 8 m."""
    canvas = Canvas(5.0, 8.0, 40)
    trunk = (84, 66, 50)
    canvas.polygon([(2.3, 0), (2.7, 0), (2.6, 3.6), (2.42, 3.6)], trunk, 255)
    for x, y in ((1.5, 4.2), (3.5, 4.4), (2.2, 5.0)):
        canvas.line([(2.5, 2.6), (x, y)], 0.1, trunk, 255)
    leaf = mix((58, 96, 44), (112, 128, 50), float(rng.random()))
    for layer in range(5):
        for _ in range(130):
            angle, radius = float(rng.uniform(0, 2 * np.pi)), float(np.sqrt(rng.random()))
            x, y = 2.5 + 2.2 * radius * np.cos(angle), 5.3 + 2.5 * radius * np.sin(angle)
            light = 0.55 + 0.1 * layer + 0.07 * (y - 5.3) + float(rng.uniform(-0.1, 0.1))
            canvas.ellipse(
                x, y, float(rng.uniform(0.08, 0.24)), float(rng.uniform(0.07, 0.18)), shade(leaf, light), 255
            )
    return canvas.pixels


def lamp(accent: Colour) -> Texture:
    """0.9 m x 4.6 m."""
    canvas = Canvas(0.9, 4.6, 60)
    iron = mix((44, 46, 48), accent, 0.25)
    canvas.rect(0.32, 0, 0.58, 0.5, iron, 255)
    canvas.rect(0.38, 0.5, 0.52, 1.1, shade(iron, 1.3), 255)
    canvas.rect(0.415, 1.1, 0.485, 3.7, iron, 255)
    canvas.rect(0.2, 3.35, 0.7, 3.42, iron, 255)
    canvas.polygon([(0.34, 3.7), (0.56, 3.7), (0.7, 4.25), (0.2, 4.25)], (250, 236, 196), 255)
    canvas.polygon([(0.16, 4.25), (0.74, 4.25), (0.45, 4.55)], iron, 255)
    return canvas.pixels


def statue(rng: Rng) -> Texture:
    """3 m x 6 m: a figure on a pedestal."""
    canvas = Canvas(3.0, 6.0, 50)
    granite, bronze = (150, 146, 140), (74, 104, 92)
    for width, low, high in ((3.0, 0, 0.35), (2.4, 0.35, 0.7), (1.7, 0.7, 3.0), (2.0, 3.0, 3.25)):
        canvas.rect(1.5 - width / 2, low, 1.5 + width / 2, high, shade(granite, 1.1 - 0.1 * low), 255)
    canvas.text(str(int(rng.integers(1700, 1900))), 0.8, 1.5, 2.2, 2.2, (70, 66, 60), 255)
    canvas.polygon([(1.0, 3.25), (2.0, 3.25), (1.8, 5.0), (1.2, 5.0)], bronze, 255)
    canvas.line([(1.75, 4.8), (2.5, 5.7)], 0.2, shade(bronze, 1.2), 255)
    canvas.line([(1.25, 4.8), (0.8, 4.1)], 0.2, shade(bronze, 0.8), 255)
    canvas.ellipse(1.5, 5.25, 0.22, 0.27, shade(bronze, 1.15), 255)
    return canvas.pixels


def walker(rng: Rng) -> Texture:
    """0.8 m x 1.8 m: someone on the way."""
    canvas = Canvas(0.8, 1.8, 70)
    skin = mix((240, 200, 170), (110, 76, 56), float(rng.random()))
    r, g, b = (int(v) for v in rng.integers(30, 220, 3))
    coat, trousers = (r, g, b), shade((70, 76, 100), float(rng.uniform(0.4, 1.5)))
    stride = float(rng.uniform(0.05, 0.17))
    for side in (-1, 1):
        canvas.line([(0.4, 0.85), (0.4 + side * stride, 0.08)], 0.14, shade(trousers, 1 + 0.15 * side), 255)
        canvas.rect(0.34 + side * stride, 0, 0.5 + side * stride, 0.08, (30, 26, 24), 255)
        canvas.line([(0.4 + side * 0.17, 1.38), (0.4 + side * (0.2 + stride / 2), 0.85)], 0.1, shade(coat, 0.85), 255)
    canvas.polygon([(0.22, 0.72), (0.58, 0.72), (0.6, 1.42), (0.2, 1.42)], coat, 255)
    canvas.ellipse(0.4, 1.6, 0.11, 0.14, skin, 255)
    canvas.polygon(
        [(0.29, 1.62), (0.51, 1.62), (0.48, 1.77), (0.32, 1.77)], shade((90, 66, 40), float(rng.uniform(0.3, 2))), 255
    )
    if rng.random() < 0.4:
        canvas.rect(0.58, 0.6, 0.78, 0.86, shade(coat, 0.5), 255)
    return canvas.pixels


def car_side(colour: Colour) -> Texture:
    """4.2 m x 1.5 m, front at the left."""
    canvas = Canvas(4.2, 1.5, 60)
    canvas.polygon(list(CAR_PROFILE), colour, 255)
    canvas.rect(0.05, 0.3, 4.18, 0.4, shade(colour, 0.6), 255)
    canvas.polygon([(1.0, 0.9), (1.6, 1.34), (2.15, 1.36), (2.15, 0.9)], (56, 66, 76), 255)
    canvas.polygon([(2.25, 0.9), (2.25, 1.36), (2.86, 1.36), (3.3, 0.92)], (56, 66, 76), 255)
    canvas.line([(2.2, 0.4), (2.2, 0.88)], 0.02, shade(colour, 0.5), 255)
    canvas.rect(2.3, 0.78, 2.5, 0.82, shade(colour, 0.45), 255)
    canvas.ellipse(0.12, 0.68, 0.12, 0.08, (236, 232, 214), 255)
    canvas.ellipse(4.12, 0.7, 0.08, 0.09, (180, 30, 30), 255)
    for x in (0.85, 3.4):
        canvas.ellipse(x, 0.33, 0.4, 0.38, shade(colour, 0.4), 255)
        canvas.ellipse(x, 0.31, 0.32, 0.31, (28, 28, 30), 255)
        canvas.ellipse(x, 0.31, 0.19, 0.19, (150, 152, 156), 255)
        canvas.ellipse(x, 0.31, 0.07, 0.07, (70, 70, 74), 255)
    return canvas.pixels


def car_panel(colour: Colour, kind: str) -> Texture:
    """One of the panels that span a car: ``front``, ``glass``, ``back`` or ``body``; 1.7 m wide."""
    canvas = Canvas(1.7, 0.8, 50, colour)
    if kind == "glass":
        canvas.rect(0.12, 0.06, 1.58, 0.74, (58, 70, 82))
        canvas.polygon([(0.2, 0.1), (0.6, 0.1), (1.2, 0.7), (0.8, 0.7)], (92, 108, 120))
    elif kind in ("front", "back"):
        lights = (238, 234, 216) if kind == "front" else (170, 26, 26)
        canvas.rect(0, 0, 1.7, 0.22, shade(colour, 0.5))
        canvas.rect(0.5, 0.28, 1.2, 0.5, (36, 38, 42) if kind == "front" else (230, 228, 220))
        for x in (0.08, 1.27):
            canvas.rect(x, 0.45, x + 0.35, 0.68, lights, 40)
    return canvas.pixels


def shadow() -> Texture:
    """A soft dark patch for the ground below things; 1 m x 1 m."""
    canvas = Canvas(1.0, 1.0, 32, (12, 12, 14))
    y, x = np.mgrid[-1:1:32j, -1:1:32j]
    canvas.pixels[..., 3] = (np.clip(1.6 - 1.6 * np.maximum(np.abs(x), np.abs(y)) ** 2, 0, 1) * 190).astype(np.uint8)
    return canvas.pixels


def hanging_sign(brand: Brand, rng: Rng) -> Texture:
    """0.8 m x 0.8 m: a pictogram and the name."""
    canvas = Canvas(0.8, 0.8, 80, (40, 38, 36))
    canvas.rect(0.03, 0.03, 0.77, 0.77, brand.board)
    if rng.random() < 0.5:
        canvas.ellipse(0.4, 0.48, 0.22, 0.22, brand.letters)
        canvas.text(brand.name[0], 0.25, 0.32, 0.55, 0.64, brand.board)
    else:
        corners = int(rng.integers(3, 9))
        turns = np.arange(2 * corners) * np.pi / corners
        star = [
            (0.4 + (0.26 if i % 2 else 0.12) * np.cos(a), 0.48 + (0.26 if i % 2 else 0.12) * np.sin(a))
            for i, a in enumerate(turns)
        ]
        canvas.polygon(star, brand.letters)
    canvas.text(brand.name, 0.05, 0.04, 0.75, 0.24, brand.letters)
    return canvas.pixels


def awning(brand: Brand) -> Texture:
    """2.4 m x 1.3 m of stripes."""
    canvas = Canvas(2.4, 1.3, 40, brand.letters)
    for i in range(4):
        canvas.rect(0.6 * i, 0, 0.6 * i + 0.3, 1.3, brand.board)
    return canvas.pixels


def balcony(wall: Colour, trim: Colour) -> Texture:
    """1.7 m x 0.95 m: a parapet."""
    canvas = Canvas(1.7, 0.95, 48, shade(wall, 0.7))
    for i in range(11):
        canvas.rect(0.05 + i * 0.15, 0.1, 0.12 + i * 0.15, 0.85, trim)
    canvas.rect(0, 0.83, 1.7, 0.95, trim)
    canvas.rect(0, 0, 1.7, 0.14, shade(trim, 0.85))
    return canvas.pixels


def poster(rng: Rng, word: str) -> Texture:
    """0.7 m x 1 m: a bill for a concert or a circus."""
    r, g, b = (int(v) for v in rng.integers(40, 240, 3))
    canvas = Canvas(0.7, 1.0, 80, (r, g, b), 255)
    for _ in range(9):
        r, g, b = (int(v) for v in rng.integers(20, 250, 3))
        x, y = float(rng.uniform(0.05, 0.65)), float(rng.uniform(0.3, 0.95))
        size = float(rng.uniform(0.04, 0.2))
        if rng.random() < 0.5:
            canvas.ellipse(x, y, size, size * float(rng.uniform(0.4, 1.2)), (r, g, b), 255)
        else:
            canvas.polygon([(x, y), (x + size, y + size / 3), (x + size / 2, y + size)], (r, g, b), 255)
    canvas.rect(0, 0.04, 0.7, 0.24, (240, 236, 220), 255)
    canvas.text(word.upper(), 0.03, 0.04, 0.67, 0.24, (30, 26, 30), 255)
    return canvas.pixels


def plaque(rng: Rng, word: str) -> Texture:
    """0.5 m x 0.35 m: a house number above a name."""
    canvas = Canvas(0.5, 0.35, 100, (24, 44, 92), 255)
    canvas.rect(0.02, 0.02, 0.48, 0.33, (236, 236, 230), 255)
    canvas.rect(0.035, 0.035, 0.465, 0.315, (24, 44, 92), 255)
    canvas.text(str(int(rng.integers(1, 200))), 0.04, 0.13, 0.46, 0.32, (240, 240, 236), 255)
    canvas.text(word, 0.04, 0.02, 0.46, 0.15, (240, 240, 236), 255)
    return canvas.pixels


def scrawl(rng: Rng) -> Texture:
    """1.6 m x 1 m: graffiti, with the wall showing between its strokes."""
    canvas = Canvas(1.6, 1.0, 60)
    for _ in range(int(rng.integers(2, 5))):
        r, g, b = (int(v) for v in rng.integers(10, 245, 3))
        steps = rng.standard_normal((9, 2)).cumsum(axis=0) * 0.12 + (rng.uniform(0.4, 1.2), rng.uniform(0.3, 0.7))
        points = [(float(np.clip(x, 0.05, 1.55)), float(np.clip(y, 0.05, 0.95))) for x, y in steps]
        canvas.line(points, float(rng.uniform(0.03, 0.09)), (r, g, b), 235)
    return canvas.pixels


def plain(texture: Texture, rng: Rng) -> Texture:
    """Adds stains of several metres to a wall without windows."""
    rows, columns = texture.shape[:2]
    stains = 1 + 0.06 * fractal(rng, rows, columns, rows / 3, octaves=4, wrap=True)
    texture[..., :3] = np.clip(texture[..., :3] * stains[..., None], 0, 255).astype(np.uint8)
    return texture

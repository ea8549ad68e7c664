"""Houses as faces: fronts, roofs, chimneys, balconies, awnings, signs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from whence.types import DoubleArray
from whence.worlds.facades import gable_height
from whence.worlds.layout import DEPTH_M, Plot
from whence.worlds.mesh import Face, Key, panel
from whence.worlds.noise import Rng
from whence.worlds.style import House

GROUND_M = 3.7
"""Height of ground floors."""


@dataclass(frozen=True)
class Building:
    """A house on its plot, and the names of its textures.

    Attributes:
        plot: Where it stands.
        house: Its design.
        storeys: Texture of the front above the ground floor.
        ground: Texture of the ground floor.
        side: Texture of walls without windows.
        roof: Texture of the roof.
        sign: Texture of a hanging sign, if it has a shop.
        awning: Texture of an awning over the shop window.
        decals: Textures of posters, plaques and scrawls on the ground floor.
    """

    plot: Plot
    house: House
    storeys: Key
    ground: Key
    side: Key
    roof: Key
    sign: Key | None = None
    awning: Key | None = None
    decals: tuple[Key, ...] = ()

    @property
    def eaves_m(self) -> float:
        """Height of the wall without a gable."""
        return GROUND_M + self.house.floors * self.house.floor_m

    @property
    def ridge_m(self) -> float:
        """Height of the highest part of the roof."""
        return self.eaves_m + (0.0 if self.house.top == "flat" else 0.32 * DEPTH_M)


class Front:
    """Coordinates on a front: along it to the right, outwards from it, upwards.

    Args:
        left: ``(2,)`` the left corner on the ground.
        right: ``(2,)`` the right corner on the ground.
    """

    def __init__(self, left: DoubleArray, right: DoubleArray) -> None:
        self._origin = np.array([*left, 0.0])
        along = np.array([*(right - left), 0.0])
        self._along = along / np.linalg.norm(along)
        self._out = np.array([self._along[1], -self._along[0], 0.0])

    def at(self, along: float, out: float, up: float) -> DoubleArray:
        """``(3,)`` a point in the town."""
        return np.asarray(self._origin + along * self._along + out * self._out + np.array([0, 0, up]), np.float64)

    def rect(self, x0: float, x1: float, out: float, y0: float, y1: float) -> list[DoubleArray]:
        """A rectangle parallel to the front."""
        return [self.at(x0, out, y0), self.at(x1, out, y0), self.at(x1, out, y1), self.at(x0, out, y1)]

    def box(
        self, x: tuple[float, float], out: tuple[float, float], y: tuple[float, float], texture: Key, reach_m: float
    ) -> Iterator[Face]:
        """A box on the front: its front, both sides, and its underside."""
        (x0, x1), (near, far), (y0, y1) = x, out, y
        yield panel(self.rect(x0, x1, far, y0, y1), texture, reach_m=reach_m)
        left = [self.at(x0, near, y0), self.at(x0, far, y0), self.at(x0, far, y1), self.at(x0, near, y1)]
        right = [self.at(x1, far, y0), self.at(x1, near, y0), self.at(x1, near, y1), self.at(x1, far, y1)]
        below = [self.at(x0, near, y0), self.at(x1, near, y0), self.at(x1, far, y0), self.at(x0, far, y0)]
        for side in (left, right, below):
            yield panel(side, texture, reach_m=reach_m)


def faces(building: Building, rng: Rng) -> Iterator[Face]:
    """Everything that one sees of a house."""
    plot = building.plot
    front = Front(plot.front[0], plot.front[1])
    yield panel(front.rect(0, plot.width_m, 0, 0, GROUND_M), building.ground)
    yield _storeys(building, front)
    yield from _walls(building)
    if building.house.top != "flat":
        yield from _roof(building)
    yield from _chimney(building, front, rng)
    if building.house.balconies and building.house.floors > 1:
        yield from _balconies(building, front)
    if building.sign is not None:
        at = 0.3 if rng.random() < 0.5 else plot.width_m - 0.3
        for flip in (False, True):
            near, far = (0.15, 0.95) if flip else (0.95, 0.15)
            corners = [front.at(at, out, up) for out, up in ((near, 3.3), (far, 3.3), (far, 4.1), (near, 4.1))]
            yield panel(corners, building.sign, reach_m=90)
    if building.awning is not None:
        yield from _awning(building.awning, building.plot.width_m, front)
    for decal in building.decals:
        width, height = (1.6, 1.0) if decal[0] == "scrawl" else (0.7, 1.0) if decal[0] == "poster" else (0.5, 0.35)
        x, y = float(rng.uniform(0.1, plot.width_m - width - 0.1)), float(rng.uniform(0.9, 1.6))
        yield panel(front.rect(x, x + width, 0.03, y, y + height), decal, cutout=True, reach_m=70)


def _storeys(building: Building, front: Front) -> Face:
    house, width, eaves = building.house, building.plot.width_m, building.eaves_m
    gable = gable_height(house, width)
    outline = [(0.0, GROUND_M), (width, GROUND_M), (width, eaves)]
    if house.top == "stepped":
        for i in range(4):
            x, y = width - i * width / 9, eaves + (i + 1) * gable / 4
            outline += [(x, y), (x - width / 9, y)]
        outline += [(width - x, y) for x, y in reversed(outline[3:])]
    elif house.top == "bell":
        turns = np.linspace(0, np.pi, 17)
        half = width / 2
        outline += [
            (
                half + half * float(np.cos(a)) ** 3 * 0.6 + half * 0.4 * float(np.cos(a)),
                eaves + gable * float(np.sin(a)) ** 0.8,
            )
            for a in turns[1:-1]
        ]
    elif house.top == "flat":
        outline += [(width, eaves + gable), (0.0, eaves + gable)]
    outline.append((0.0, eaves))
    corners = [front.at(x, 0, y) for x, y in outline]
    return panel(corners, building.storeys, (width, eaves + gable - GROUND_M))


def _lift(point: DoubleArray, height: float) -> DoubleArray:
    return np.array([point[0], point[1], height])


def _walls(building: Building) -> Iterator[Face]:
    """The two sides, seen where the neighbour is lower, and the back."""
    plot, eaves, ridge = building.plot, building.eaves_m, building.ridge_m
    for front, back, left in ((plot.front[0], plot.back[0], True), (plot.front[1], plot.back[1], False)):
        a, b = (back, front) if left else (front, back)
        outline = [_lift(a, 0), _lift(b, 0), _lift(b, eaves), _lift((a + b) / 2, ridge), _lift(a, eaves)]
        yield panel(outline if ridge > eaves else [*outline[:3], outline[4]], building.side, (8, 8), repeats=True)
    if np.linalg.norm(plot.back[1] - plot.back[0]) > 0.5:
        b, a = plot.back
        yield panel([_lift(a, 0), _lift(b, 0), _lift(b, eaves), _lift(a, eaves)], building.side, (8, 8), repeats=True)


def _roof(building: Building) -> Iterator[Face]:
    plot, eaves, ridge = building.plot, building.eaves_m, building.ridge_m
    top = [_lift((f + b) / 2, ridge) for f, b in zip(plot.front, plot.back, strict=True)]
    # The eaves hang over the wall a little, except behind a gable.
    over = 0.0 if building.house.top in ("stepped", "bell") else 0.09
    low = [
        _lift(f + over * (f - (f + b) / 2), eaves - over * (ridge - eaves))
        for f, b in zip(plot.front, plot.back, strict=True)
    ]
    yield panel([low[0], low[1], top[1], top[0]], building.roof, (6, 6), repeats=True)
    if np.linalg.norm(plot.back[1] - plot.back[0]) > 0.5:
        rear = [_lift(point, eaves) for point in plot.back]
        yield panel([rear[1], rear[0], top[0], top[1]], building.roof, (6, 6), repeats=True)


def _chimney(building: Building, front: Front, rng: Rng) -> Iterator[Face]:
    if not building.plot.square or rng.random() < 0.35:
        return
    x, depth = float(rng.uniform(0.6, building.plot.width_m - 1.6)), DEPTH_M * 0.42
    low, high = building.ridge_m - 0.8, building.ridge_m + 1.3
    yield from front.box((x, x + 0.9), (-depth - 0.8, -depth), (low, high), building.side, 150)


def _balconies(building: Building, front: Front) -> Iterator[Face]:
    house, width = building.house, building.plot.width_m
    bays = max(round((width - 0.9) / house.bay_m), 1)
    pitch = (width - 0.9) / bays
    for floor in range(1, house.floors):
        y = GROUND_M + floor * house.floor_m + 0.05
        for bay in range(0 if bays % 2 else 1, bays, 2):
            middle = 0.45 + (bay + 0.5) * pitch
            yield from front.box(
                (middle - 0.85, middle + 0.85), (0, 0.9), (y, y + 0.95), ("balcony", *building.storeys), 90
            )


def _awning(key: Key, width: float, front: Front) -> Iterator[Face]:
    x0, x1, high, low, out = 0.25, width - 0.25, GROUND_M - 0.85, GROUND_M - 1.25, 1.2
    upper = [front.at(x0, 0.02, high), front.at(x1, 0.02, high)]
    lower = [front.at(x0, out, low), front.at(x1, out, low)]
    yield panel([lower[0], lower[1], upper[1], upper[0]], key, (2.4, 1.3), repeats=True, reach_m=120)
    yield panel([upper[0], upper[1], lower[1], lower[0]], key, (2.4, 1.3), repeats=True, reach_m=60)
    yield panel(front.rect(x0, x1, out, low - 0.25, low), key, (2.4, 0.5), repeats=True, reach_m=90)

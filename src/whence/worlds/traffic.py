"""Cars and walkers: in the way for one photo, gone in the next. No evidence of place."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from whence.types import DoubleArray
from whence.worlds import sprites
from whence.worlds.build import Prop
from whence.worlds.camera import View
from whence.worlds.canvas import Colour, Texture
from whence.worlds.ground import PAVEMENT_M
from whence.worlds.layout import Layout
from whence.worlds.mesh import Face, Textures, panel
from whence.worlds.noise import Rng, rng_of

CARS: tuple[Colour, ...] = (
    (190, 40, 36), (36, 70, 130), (222, 222, 218), (54, 58, 62), (196, 170, 60), (70, 120, 96), (150, 156, 164)
)  # fmt: skip
WALKERS = 24
"""Different people."""
_REACH_M = 60.0
_WIDTH_M = 1.7


class Traffic:
    """Who and what is in the streets of a town.

    Args:
        seed: Of the town.
        layout: Its street plan.
        textures: Where to name the textures.
    """

    def __init__(self, seed: int, layout: Layout, textures: Textures) -> None:
        self._seed = seed
        self._spots = np.array(list(_parking(layout)))
        self._walks = np.array(list(_pavements(layout)))
        for index, colour in enumerate(CARS):
            textures.add(("car", index, "side"), partial(sprites.car_side, colour))
            for kind in ("front", "back", "glass", "body"):
                textures.add(("car", index, kind), partial(sprites.car_panel, colour, kind))
        textures.add(("shadow",), sprites.shadow)
        for index in range(WALKERS):
            textures.add(("walker", index, seed), partial(_walker, seed, index))

    def around(self, view: View) -> tuple[list[Face], list[Prop]]:
        """Cars as faces and walkers as props, none closer than a few metres to the camera."""
        if view.clutter < 0:
            return [], []
        rng = rng_of(self._seed, "traffic", view.clutter)
        density, crowd = float(rng.uniform(0.08, 0.4)), float(rng.uniform(0.05, 0.3))
        faces: list[Face] = []
        flips, colours = rng.random(len(self._spots)) < 0.5, rng.integers(len(CARS), size=len(self._spots))
        for index in _some(rng, self._spots[:, 0], view, 5.5, density):
            point, direction = self._spots[index]
            faces += _car(point, -direction if flips[index] else direction, int(colours[index]))
        walks = self._walks + rng.uniform(-1.2, 1.2, self._walks.shape)
        people, sizes = rng.integers(WALKERS, size=len(walks)), rng.uniform(0.88, 1.08, len(walks))
        walkers = []
        for index in _some(rng, walks, view, 3.5, crowd):
            (x, y), tall = walks[index].tolist(), float(sizes[index])
            walkers.append(Prop(x, y, (0.8 * tall, 1.8 * tall), ("walker", int(people[index]), self._seed)))
        return faces, walkers


def _walker(seed: int, index: int) -> Texture:
    return sprites.walker(rng_of(seed, "walker", index))


def _some(rng: Rng, points: DoubleArray, view: View, nearest_m: float, share: float) -> list[int]:
    """Which of the ``(N, 2)`` points are taken: a share of those ahead, neither too close nor too far away."""
    away = points - view.centre[:2]
    distance, ahead = np.linalg.norm(away, axis=1), away @ view.rotation[2, :2] > -3
    taken = ahead & (distance > nearest_m) & (distance < _REACH_M) & (rng.random(len(points)) < share)
    return [int(index) for index in np.flatnonzero(taken)]


def _parking(layout: Layout) -> Iterator[tuple[DoubleArray, DoubleArray]]:
    for street in layout.streets:
        for along in np.arange(11.0, street.length_m - 11, 6.3):
            for side in (-1, 1):
                point, direction = street.at(float(along))
                across = np.array([-direction[1], direction[0]])
                yield point + side * across * (street.width_m / 2 - PAVEMENT_M - 1.0), direction


def _pavements(layout: Layout) -> Iterator[DoubleArray]:
    for street in layout.streets:
        for along in np.arange(3.0, street.length_m - 2, 5.0):
            for side in (-1, 1):
                point, direction = street.at(float(along))
                across = np.array([-direction[1], direction[0]])
                yield point + side * across * (street.width_m / 2 - PAVEMENT_M / 2)


def _car(point: DoubleArray, direction: DoubleArray, colour: int) -> Iterator[Face]:
    """A car with its front towards ``direction``."""
    across = np.array([-direction[1], direction[0]]) * _WIDTH_M / 2

    def at(x: float, z: float, side: int) -> DoubleArray:
        return np.array([*(point + direction * (2.1 - x) + side * across), z])

    kinds = ("front", "body", "glass", "body", "glass", "body", "back")
    profile = sprites.CAR_PROFILE
    for (x0, z0), (x1, z1), kind in zip(profile[:-1], profile[1:], kinds, strict=True):
        # Looking at the front of the car, its left side (+across) is on the right.
        corners = [at(x0, z0, -1), at(x0, z0, 1), at(x1, z1, 1), at(x1, z1, -1)]
        yield panel(corners, ("car", colour, kind))
    side_key = ("car", colour, "side")
    for side in (-1, 1):
        corners = [at(0, 0, side), at(4.2, 0, side), at(4.2, 1.5, side), at(0, 1.5, side)]
        if side < 0:  # the other flank is seen from behind: mirror it
            yield _mirrored(corners, side_key)
        else:
            yield panel(corners, side_key, (4.2, 1.5), cutout=True)
    shade = [at(-0.3, 0.02, side) for side in (-1, 1)] + [at(4.5, 0.02, side) for side in (1, -1)]
    yield panel(shade, ("shadow",), cutout=True)


def _mirrored(corners: list[DoubleArray], key: tuple[str | int, ...]) -> Face:
    """A panel seen from the other side, with its texture running from right to left."""
    a, b, c, d = corners
    along = (b - a) / np.linalg.norm(b - a)
    return Face(np.array([b, a, d, c]), b, -along, np.array([0, 0, 1.0]), key, (4.2, 1.5), cutout=True)

"""Faces: flat polygons in space with a texture. All that a town consists of, apart from its ground and its sky."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import cv2
import numpy as np

from whence.types import DoubleArray
from whence.worlds.canvas import Texture

Key = tuple[Hashable, ...]


def cross(a: DoubleArray, b: DoubleArray) -> DoubleArray:
    """The cross product of two ``(3,)`` vectors; many times faster than numpy's for a single pair."""
    (ax, ay, az), (bx, by, bz) = a.tolist(), b.tolist()
    return np.array([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx])


@dataclass(frozen=True, eq=False)
class Face:
    """A flat polygon, seen from its front only.

    Attributes:
        corners: ``(K, 3)`` metres, counter-clockwise as seen from the front.
        origin: Lower left corner of the texture.
        right: Unit vector along the rows of the texture.
        up: Unit vector from the bottom of the texture to its top.
        texture: Name of the texture.
        size_m: Width and height that the texture covers.
        repeats: Whether the texture goes on beyond its edges by repeating, or by its outermost pixels.
        cutout: Whether the fourth channel of the texture is opacity (else: light of its own).
        reach_m: Not drawn from farther away.
    """

    corners: DoubleArray
    origin: DoubleArray
    right: DoubleArray
    up: DoubleArray
    texture: Key
    size_m: tuple[float, float]
    repeats: bool = False
    cutout: bool = False
    reach_m: float = 1e9

    @cached_property
    def normal(self) -> DoubleArray:
        """Unit vector towards those who see the front."""
        return cross(self.right, self.up)


def panel(
    corners: Sequence[DoubleArray] | DoubleArray,
    texture: Key,
    size_m: tuple[float, float] | None = None,
    *,
    repeats: bool = False,
    cutout: bool = False,
    reach_m: float = 1e9,
) -> Face:
    """A face whose texture starts at the first corner and runs along the first edge.

    Args:
        corners: Counter-clockwise from the front; the first edge is the lower one.
        texture: Its name.
        size_m: What the texture covers; the polygon's own extent by default.
        repeats: See `Face`.
        cutout: See `Face`.
        reach_m: See `Face`.
    """
    points = np.asarray(corners, np.float64)
    right = points[1] - points[0]
    right /= np.linalg.norm(right)
    last = points[-1] - points[0]
    up = last - (last @ right) * right
    up /= np.linalg.norm(up)
    if size_m is None:
        flat = (points - points[0]) @ np.stack([right, up], axis=1)
        size_m = (float(flat[:, 0].max()), float(flat[:, 1].max()))
    return Face(points, points[0], right, up, texture, size_m, repeats, cutout, reach_m)


@dataclass
class Ripmap:
    """A texture with smaller copies of itself, halved in each direction apart, for sampling without flicker."""

    base: Texture
    _levels: dict[tuple[int, int], Texture] = field(default_factory=dict)

    @property
    def nbytes(self) -> int:
        """Memory it takes."""
        return self.base.nbytes + sum(level.nbytes for level in self._levels.values())

    def level(self, across: int, down: int) -> Texture:
        """The texture with its width halved ``across`` times and its height ``down`` times (at least 1 pixel)."""
        if across == 0 and down == 0:
            return self.base
        found = self._levels.get((across, down))
        if found is None:
            rows, columns = self.base.shape[:2]
            size = (max(columns >> across, 1), max(rows >> down, 1))
            source = self.base if across + down == 1 else self.level(max(across - 1, 0), max(down - 1, 0))
            found = np.asarray(cv2.resize(source, size, interpolation=cv2.INTER_AREA), np.uint8)
            self._levels[across, down] = found
        return found


class Textures:
    """Textures by name, drawn when first seen, the longest unused dropped.

    Args:
        budget: Bytes to keep; exceeded at most by what one picture needs.
    """

    def __init__(self, budget: int = 384 * 2**20) -> None:
        self._makers: dict[Key, Callable[[], Texture]] = {}
        self._made: dict[Key, Ripmap] = {}
        self._budget = budget

    def __contains__(self, key: Key) -> bool:
        return key in self._makers

    def add(self, key: Key, maker: Callable[[], Texture]) -> Key:
        """Names a texture; the same name is the same texture wherever it hangs."""
        self._makers.setdefault(key, maker)
        return key

    def names(self) -> list[Key]:
        """All names."""
        return list(self._makers)

    def get(self, key: Key) -> Ripmap:
        """The texture with its smaller copies."""
        found = self._made.pop(key, None)
        if found is None:
            found = Ripmap(self._makers[key]())
            self._drop(self._budget - found.base.nbytes)
        self._made[key] = found  # now the last in line to be dropped
        return found

    def _drop(self, budget: int) -> None:
        excess = sum(made.nbytes for made in self._made.values()) - budget
        while excess > 0 and self._made:
            excess -= self._made.pop(next(iter(self._made))).nbytes

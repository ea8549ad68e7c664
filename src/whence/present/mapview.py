"""Where things lie on a map sketch: from metres to pixels, and a scale bar of a round length."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from whence.present.words import length
from whence.types import DoubleArray

SMALLEST_M = 10.0  # a map of a single point still shows its surroundings
BAR_SHARE = 0.28  # the scale bar's share of the map's width, at most

Circle = tuple[float, float, float]
"""East, north and radius in metres."""


@dataclass(frozen=True, slots=True)
class View:
    """A window of ``width`` x ``height`` pixels, north up, at one scale."""

    west_m: float
    north_m: float
    pixels_per_m: float
    width: int
    height: int

    @classmethod
    def fit(cls, points: DoubleArray, circles: Sequence[Circle], size: tuple[int, int], margin: int) -> Self:
        """The window that holds all points and, as long as they do not dwarf them, all circles.

        Args:
            points: ``(N, 2)`` metres east and north; at least one.
            circles: All that may be drawn.
            size: Width and height in pixels.
            margin: Pixels between the outermost point and the edge.
        """
        low, high = points.min(axis=0), points.max(axis=0)
        # A radius far beyond the scene would shrink all evidence to a dot: such a circle leaves the window instead.
        largest = max(SMALLEST_M, float(np.hypot(*(high - low))))
        for east, north, radius in circles:
            if radius <= largest:
                low = np.minimum(low, (east - radius, north - radius))
                high = np.maximum(high, (east + radius, north + radius))
        extent = np.maximum(high - low, SMALLEST_M)
        scale = float(np.min((np.array(size) - 2 * margin) / extent))
        east, north = (low + high) / 2
        return cls(float(east) - size[0] / 2 / scale, float(north) + size[1] / 2 / scale, scale, *size)

    def pixels(self, points: DoubleArray) -> DoubleArray:
        """``(N, 2)`` x to the right and y down, for metres east and north."""
        return np.column_stack([points[:, 0] - self.west_m, self.north_m - points[:, 1]]) * self.pixels_per_m

    def pixel(self, point: tuple[float, float]) -> tuple[float, float]:
        """One point in pixels."""
        return (point[0] - self.west_m) * self.pixels_per_m, (self.north_m - point[1]) * self.pixels_per_m

    def visible(self, points: DoubleArray) -> DoubleArray:
        """``(K, 2)`` pixels of the points inside the window, one for each spot of two pixels: enough for the eye."""
        pixels = self.pixels(points)
        pixels = pixels[((pixels >= 0) & (pixels <= (self.width, self.height))).all(axis=1)]
        spots = np.unique((pixels / 2).astype(np.int64), axis=0, return_index=True)[1]
        return pixels[np.sort(spots)]

    @property
    def bar(self) -> tuple[float, str]:
        """The scale bar: its length in pixels, and in words."""
        longest = BAR_SHARE * self.width / self.pixels_per_m
        power = 10.0 ** math.floor(math.log10(longest))
        metres = max(step * power for step in (1, 2, 5) if step * power <= longest)
        return metres * self.pixels_per_m, length(metres) if metres >= 10 else f"{metres:g} m"

"""Squares of a regular grid: in metres on a plane, in degrees on the earth."""

from __future__ import annotations

import math
from dataclasses import dataclass

from whence.direct.targets.target import Arrays, Classes
from whence.errors import RecipeError
from whence.geo.plane import coordinates
from whence.types import LatLon, Photo


@dataclass(frozen=True, slots=True)
class GridOptions:
    """Options of a grid.

    Attributes:
        size_m: Side of a square, for positions in metres.
        size_deg: Side of a square, for latitude and longitude.
    """

    size_m: float = 10.0
    size_deg: float = 0.5


class Grid(Classes[GridOptions]):
    """Squares named by the lower left corner, counted in sides from the origin: ``12,-3``."""

    options_type = GridOptions

    def __init__(self, options: GridOptions, learned: Arrays) -> None:
        """Checks the sizes.

        Raises:
            RecipeError: One is 0.
        """
        super().__init__(options, learned)
        if not (options.size_m > 0 and options.size_deg > 0):
            raise RecipeError("[target] size_m and size_deg: expected numbers above 0")

    def labels(self, photo: Photo) -> tuple[str, ...] | None:
        """See ``Classes``."""
        if photo.position is None:
            return None
        size = self.options.size_deg if isinstance(photo.position, LatLon) else self.options.size_m
        ((first, second),) = coordinates([photo.position]).tolist()
        return (f"{math.floor(first / size)},{math.floor(second / size)}",)

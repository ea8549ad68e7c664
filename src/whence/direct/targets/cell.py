"""Cells of S2: of one level, or finer where there are more photos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from whence.direct.targets.target import Arrays, Classes
from whence.errors import RecipeError
from whence.geo.cells import FINEST, Cells, adaptive_cells, leaf, parent, token
from whence.types import LatLon, Photo


@dataclass(frozen=True, slots=True)
class CellOptions:
    """Options of cells of one level.

    Attributes:
        level: From 1 (a quarter of a face of the cube, some 4,000 km) to 30; each next one has half the side.
        coarser: Partitions beside it, each two levels coarser than the one before.
    """

    level: int = 10
    coarser: int = 0


class Cell(Classes[CellOptions]):
    """All photos of one S2 cell are one class."""

    options_type = CellOptions

    def __init__(self, options: CellOptions, learned: Arrays) -> None:
        """Checks the level.

        Raises:
            RecipeError: There is none such.
        """
        super().__init__(options, learned)
        last = options.level - 2 * options.coarser
        if not (options.level <= FINEST and last >= 0):
            raise RecipeError(
                f"[target] level = {options.level}, coarser = {options.coarser}: expected a level up to {FINEST}, and "
                "the coarsest, two less for each, at least 0"
            )

    def labels(self, photo: Photo) -> tuple[str, ...] | None:
        """See ``Classes``."""
        if not isinstance(photo.position, LatLon):
            return None
        number, level = leaf(photo.position), self.options.level
        return tuple(token(parent(number, level - 2 * step)) for step in range(self.options.coarser + 1))

    def _wanted(self) -> str:
        return "a position in degrees"


@dataclass(frozen=True, slots=True)
class AdaptiveOptions:
    """Options of cells that are finer where there are more photos.

    Attributes:
        least: Photos of a class.
        most: Photos of a class, where it can be split.
        coarser: Partitions beside it, each from cells of four times as many photos.
        finest: Level below which no cell is split.
    """

    least: int = 20
    most: int = 100
    coarser: int = 0
    finest: int = 20


class AdaptiveCell(Classes[AdaptiveOptions]):
    """Cells as ``whence.geo.cells.adaptive_cells`` makes them, named by the first of a class."""

    options_type = AdaptiveOptions

    def __init__(self, options: AdaptiveOptions, learned: Arrays) -> None:
        """Checks the numbers.

        Raises:
            RecipeError: No cell can be so.
        """
        super().__init__(options, learned)
        if options.most < options.least or options.finest > FINEST:
            raise RecipeError(
                f"[target] least = {options.least}, most = {options.most}, finest = {options.finest}: expected most to "
                f"be at least least, and finest at most {FINEST}"
            )
        self._made = [
            Cells(dict(zip(map(int, learned[f"cells{step}"]), map(int, learned[f"numbers{step}"]), strict=True)))
            for step in range(options.coarser + 1)
        ]
        self._tokens = [_names(cells) for cells in self._made]

    @classmethod
    def _learned(cls, options: AdaptiveOptions, photos: Sequence[Photo]) -> Arrays:
        leaves = [leaf(photo.position) for photo in photos if isinstance(photo.position, LatLon)]
        found = {}
        for step in range(options.coarser + 1):
            made = adaptive_cells(leaves, options.least * 4**step, options.most * 4**step, options.finest)
            found[f"cells{step}"] = np.array(list(made.numbers), np.uint64)
            found[f"numbers{step}"] = np.array(list(made.numbers.values()), np.int64)
        return found

    def labels(self, photo: Photo) -> tuple[str, ...] | None:
        """See ``Classes``."""
        if not isinstance(photo.position, LatLon):
            return None
        numbers = [cells.number(photo.position) for cells in self._made]
        if min(numbers) < 0:
            return None
        return tuple(tokens[number] for tokens, number in zip(self._tokens, numbers, strict=True))

    def _wanted(self) -> str:
        return "a position in degrees"


def _names(cells: Cells) -> dict[int, str]:
    """Of each class: the token of its first cell."""
    found: dict[int, str] = {}
    for cell, number in cells.numbers.items():
        found.setdefault(number, token(cell))
    return found

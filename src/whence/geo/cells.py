"""S2 cells: a hierarchy of cells on the sphere whose numbers sort by place.

Source: Google S2 geometry. A leaf (level 30) is about a square centimetre; every coarser cell is a range of leaves, so
that only the number of a leaf, and the corners of a cell, need the library.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from whence.types import LatLon

FINEST = 30
"""Level of the leaves; level 0 are the six faces of a cube around the earth."""
_SIGN = 1 << 63
_BITS = 1 << 64


def leaf_cell(position: LatLon) -> int:
    """Number of the leaf cell as a signed 64-bit integer, as databases store it."""
    number = leaf(position)
    return number - _BITS if number >= _SIGN else number


def leaf(position: LatLon) -> int:
    """Number of the leaf cell, from 0 to 2^64."""
    try:
        import s2geometry as s2

        return int(s2.S2CellId(s2.S2LatLng.FromDegrees(position.lat, position.lon)).id())
    except ImportError:  # no wheel for this platform
        import s2sphere

        return int(s2sphere.CellId.from_lat_lng(s2sphere.LatLng.from_degrees(position.lat, position.lon)).id())


def parent(cell: int, level: int) -> int:
    """The cell of a level that a cell of the same or a finer one lies in."""
    lowest = 1 << (2 * (FINEST - level))
    return (cell & -lowest) | lowest


def level_of(cell: int) -> int:
    """From 0 to 30."""
    return FINEST - ((cell & -cell).bit_length() - 1) // 2


def children(cell: int) -> tuple[int, int, int, int]:
    """The four cells of the next level that make up a cell."""
    lowest = cell & -cell
    first = cell - lowest + (lowest >> 2)
    one, two, three, four = (first + place * (lowest >> 1) for place in range(4))
    return one, two, three, four


def token(cell: int) -> str:
    """The short name of a cell that S2 uses everywhere: ``47ac``."""
    return f"{cell:016x}".rstrip("0")


def cell_of(name: str) -> int:
    """Inverse of ``token``."""
    return int(name.ljust(16, "0"), 16)


@dataclass(frozen=True, slots=True)
class Cells:
    """A partition of the places of some photos into cells, finer where there are more of them.

    Attributes:
        numbers: Class of each cell, by the cell. Cells with too few photos have the class of a neighbour.
    """

    numbers: dict[int, int]

    @property
    def count(self) -> int:
        """Number of classes."""
        return len(set(self.numbers.values()))

    def number(self, position: LatLon) -> int:
        """The class that a position belongs to; -1 on a face of the cube that no photo is on."""
        cell = leaf(position)
        for level in range(FINEST, -1, -1):
            found = self.numbers.get(parent(cell, level))
            if found is not None:
                return found
        return -1


def adaptive_cells(leaves: Sequence[int], least: int, most: int, finest: int = FINEST) -> Cells:
    """Cells with at most ``most`` photos each where that can be, and at least ``least``; none of the photos is lost.

    A cell with more than ``most`` is split in four, as T. Weyand et al. do (PlaNet, ECCV 2016). They drop cells with
    too few photos; here such a quarter joins the class next to it along the curve that S2 numbers cells by, and a cell
    of which no quarter would have enough stays whole. So a class may have somewhat more than ``most`` photos.

    Args:
        leaves: Of the photos, as ``leaf`` gives them.
        least: Photos of a class.
        most: Photos of a class.
        finest: Level below which no cell is split.
    """
    found: list[list[int]] = []  # cells of each class

    def split(cell: int, inside: list[int]) -> None:
        parts = children(cell) if len(inside) > most and level_of(cell) < finest else ()
        shares = {part: [number for number in inside if parent(number, level_of(part)) == part] for part in parts}
        large = [part for part in parts if len(shares[part]) >= least]
        if not large:
            found.append([cell])
            return
        before = len(found)
        for part in large:
            split(part, shares[part])
        for small in (part for part in parts if part not in large):
            min(found[before:], key=lambda cells: min(abs(one - small) for one in cells)).append(small)

    faces: dict[int, list[int]] = {}
    for number in sorted(leaves):
        faces.setdefault(parent(number, 0), []).append(number)
    for face, inside in faces.items():
        split(face, inside)
    return Cells({cell: number for number, cells in enumerate(found) for cell in cells})

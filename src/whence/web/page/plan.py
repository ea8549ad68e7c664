"""A floor plan under the dots of a gallery on a local plane, laid by two points that are known in both."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from whence.errors import InputError, PhotoError
from whence.photos import files
from whence.photos.decode import decode
from whence.present.page import png

_SIDE = 4096
_NUMBER = r"\s*([+-]?\d+(?:\.\d*)?)\s*"
_POINT = re.compile(rf"{_NUMBER},{_NUMBER}={_NUMBER},{_NUMBER}")


@dataclass(frozen=True, slots=True)
class Reference:
    """One point of a plan: column and row of the image in pixels, x and y in metres."""

    column: float
    row: float
    x: float
    y: float

    @classmethod
    def parse(cls, text: str) -> Reference:
        """``COLUMN,ROW=X,Y``.

        Raises:
            InputError: Something else.
        """
        found = _POINT.fullmatch(text)
        if found is None:
            raise InputError(f"--plan-point {text!r}: expected COLUMN,ROW=X,Y, as in 120,340=0,0")
        return cls(*map(float, found.groups()))


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """An image and where it lies.

    Attributes:
        picture: PNG, without what its file says.
        size: Width and height of ``picture`` in pixels.
        matrix: ``a, b, c, d, e, f``: ``x = a column + c row + e`` and ``y = b column + d row + f``, in metres.
    """

    picture: bytes
    size: tuple[int, int]
    matrix: tuple[float, float, float, float, float, float]

    @classmethod
    def load(cls, path: Path, points: Sequence[Reference], *, y_down: bool) -> Plan:
        """Reads a plan.

        Args:
            path: Its image.
            points: Two, apart from each other.
            y_down: Whether y of the plane points down, as rows of images do.

        Raises:
            InputError: No image, or not two different points.
        """
        if len(points) != 2:
            raise InputError(f"--plan-point was given {len(points)} times; a plan is laid by two points")
        try:
            found = decode(files.read(path), max_side=_SIDE)
        except PhotoError as error:
            raise InputError(f"--plan {path}: {error}") from error
        height, width = found.pixels.shape[:2]
        scale = found.width / width  # points are of the full-size image
        return cls(png(found.pixels), (width, height), laid(points[0], points[1], scale, y_down=y_down))


def laid(
    first: Reference, second: Reference, scale: float = 1.0, *, y_down: bool = False
) -> tuple[float, float, float, float, float, float]:
    """The matrix of a plan by two points: turned, scaled and shifted, and mirrored unless y points down.

    Raises:
        InputError: The points are the same, in the image or on the plane.
    """
    down = 1.0 if y_down else -1.0
    here = [complex(point.column, down * point.row) / scale for point in (first, second)]
    there = [complex(point.x, point.y) for point in (first, second)]
    if here[0] == here[1] or there[0] == there[1]:
        raise InputError("the two points of --plan-point are the same; expected two far from each other")
    factor = (there[1] - there[0]) / (here[1] - here[0])
    origin = there[0] - factor * here[0]
    return (factor.real, factor.imag, -down * factor.imag, down * factor.real, origin.real, origin.imag)

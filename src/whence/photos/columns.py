"""The columns of a CSV that lists photos, and the values in one of its rows."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from whence.errors import InputError
from whence.photos.checks import position_problem
from whence.types import XY, Crs, Intrinsics, LatLon, Position

_CAMERA = ("fx", "fy", "cx", "cy")
_NAMES = {
    "path": ("path", "file", "filename", "image"),
    "lat": ("lat", "latitude"),
    "lon": ("lon", "lng", "long", "longitude"),
    **{name: (name,) for name in ("x", "y", "z", "group", "label", "heading", "time", *_CAMERA)},
}
_POSITIONS = {Crs.WGS84: "lat and lon", Crs.LOCAL: "x and y"}
# How programs write a value that is not there.
_MISSING = {"", "nan", "na", "n/a", "none", "null", "-"}


def shown(value: str, length: int = 40) -> str:
    """One line of a length that a message can carry: a cell may hold a novel."""
    line = " ".join(value.split())
    return line if len(line) <= length else f"{line[:length]}..."


class RowError(Exception):
    """One row cannot be used; the message says why, without the line."""

    again = False


class RepeatedRowError(RowError):
    """One row names a photo that an earlier one names."""

    again = True


class Columns:
    """Which cell of a row means what.

    Args:
        header: Names as the file has them.
        delimiter: Between cells.

    Attributes:
        known: Index of each column that whence understands, by its own name for it.
    """

    def __init__(self, header: list[str], delimiter: str) -> None:
        self.header = [name.strip() for name in header]
        self.delimiter = delimiter
        lower = [name.lower() for name in self.header]
        self._indices = {
            meaning: [index for name in names for index, written in enumerate(lower) if written == name]
            for meaning, names in _NAMES.items()
        }
        self.known = {meaning: found[0] for meaning, found in self._indices.items() if found}

    def choose_crs(self, wanted: Crs | None, need_position: bool, file: str) -> Crs:
        """What positions to read.

        Raises:
            InputError: A column that is needed is not there, or one that is read is there twice.
        """
        self._require(("path",), "path (or file, filename, image)", file)
        self.check_single(("path",), file)
        latlon, plane = self._has(("lat", "lon")), self._has("xy")
        chosen = wanted or (Crs.LOCAL if plane and not latlon else Crs.WGS84)
        if need_position:
            if wanted is None and not latlon and not plane:
                self._require(("lat", "lon"), "lat and lon, or x and y", file)
            self._require(("lat", "lon") if chosen is Crs.WGS84 else "xy", _POSITIONS[chosen], file)
            self._check_camera(file)
            unread = ("lat", "lon") if chosen is Crs.LOCAL else "xy"
            self.check_single([meaning for meaning in self.known if meaning not in unread], file)
        return chosen

    def check_single(self, meanings: Iterable[str], file: str) -> None:
        """Refuses two columns for one meaning: which of them is right, nobody can tell.

        Raises:
            InputError: There are two.
        """
        for meaning in meanings:
            indices = sorted(self._indices[meaning])
            if len(indices) > 1:
                first, second = (f"{self.header[index]} (column {index + 1})" for index in indices[:2])
                raise InputError(f"{file} says {meaning} twice, in {first} and {second}; leave one of them")

    def _has(self, names: Iterable[str]) -> bool:
        return all(name in self.known for name in names)

    def _require(self, names: Iterable[str], expected: str, file: str) -> None:
        if not self._has(names):
            found = ", ".join(name or "(no name)" for name in self.header)
            raise InputError(f"{file} has the columns {shown(found, 200)}; expected {expected}")

    def _check_camera(self, file: str) -> None:
        given = [name for name in _CAMERA if name in self.known]
        if given and len(given) < len(_CAMERA):
            raise InputError(f"{file} has {', '.join(given)}, but a camera needs all of {', '.join(_CAMERA)}")


@dataclass(frozen=True, slots=True)
class Row:
    """One record of the file.

    Attributes:
        columns: What the cells mean.
        cells: As read.
        line: Where the record begins in the file, from 1.
    """

    columns: Columns
    cells: list[str]
    line: int

    @property
    def name(self) -> str:
        """The path exactly as written; empty if the row ends before it."""
        return self._cell("path") or ""

    def check_length(self) -> None:
        """Refuses a row with more cells than columns: an unquoted separator has moved its values to wrong columns."""
        expected = len(self.columns.header)
        if any(cell.strip() for cell in self.cells[expected:]):
            raise RowError(f"{len(self.cells)} cells under {expected} columns; a value with the separator needs quotes")

    def required(self, column: str) -> str:
        """The cell without blanks around it; empty for a missing value, but the row has to reach it."""
        if self._cell(column) is None:
            raise RowError(f"only {len(self.cells)} cells under {len(self.columns.header)} columns")
        return self.optional(column)

    def optional(self, column: str) -> str:
        """The cell without blanks around it; empty for a missing value, and where the row ends before it."""
        value = (self._cell(column) or "").strip()
        return "" if value.lower() in _MISSING else value

    def number(self, column: str) -> float | None:
        """A finite number, or None where there is no value."""
        value = self.optional(column)
        return self._parse(column, value) if value else None

    def position(self, crs: Crs) -> Position:
        """The usable position of the row."""
        names = ("lat", "lon") if crs is Crs.WGS84 else ("x", "y")
        values = [self.required(name) for name in names]
        if "" in values:
            raise RowError(f"no position: {names[values.index('')]} is empty")
        first, second = (self._parse(name, value) for name, value in zip(names, values, strict=True))
        position = LatLon(first, second) if crs is Crs.WGS84 else XY(first, second)
        problem = position_problem(position)
        if problem:
            raise RowError(problem)
        return position

    def has_position(self, crs: Crs) -> bool:
        """Whether anything but emptiness is written there; ``nan`` is no empty cell, and more likely a slip.

        Raises:
            RowError: The row ends before it, or a word for a missing value is written there.
        """
        found = False
        for name in ("lat", "lon") if crs is Crs.WGS84 else ("x", "y"):
            value, written = self.required(name), (self._cell(name) or "").strip()
            if written and not value:
                raise RowError(f"{name} {shown(written)!r} is not a number; an unknown place has empty cells")
            found = found or bool(value)
        return found

    def heading_deg(self) -> float | None:
        """Clockwise from north, 0 up to but not including 360."""
        heading = self.number("heading")
        return None if heading is None else heading % 360 % 360  # a tiny negative number rounds up to 360 first

    def time(self) -> datetime | None:
        """With a zone only if the file gives one."""
        value = self.optional("time")
        try:
            return datetime.fromisoformat(value) if value else None
        except ValueError:
            raise RowError(f"time {shown(value)!r} is not ISO 8601, such as 2024-05-31T14:05:00+02:00") from None

    def intrinsics(self) -> Intrinsics | None:
        """The camera, if the row gives all of it."""
        values = [self.number(name) for name in _CAMERA]
        given = [value for value in values if value is not None]
        if not given:
            return None
        if len(given) < len(_CAMERA):
            raise RowError(f"a camera needs all of {', '.join(_CAMERA)}")
        fx, fy, cx, cy = given
        if fx <= 0 or fy <= 0:
            raise RowError("fx and fy must be above 0")
        return Intrinsics(fx, fy, cx, cy)

    def group(self) -> str | None:
        """Any text: ``NA`` is Namibia too."""
        return (self._cell("group") or "").strip() or None

    def label(self) -> str | None:
        """Any text."""
        return (self._cell("label") or "").strip() or None

    def _parse(self, column: str, value: str) -> float:
        plain = value.replace(",", ".") if self.columns.delimiter == ";" else value
        try:
            number = float(plain) if "_" not in plain else math.nan  # Python alone reads 1_000
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise RowError(f"{column} {shown(value)!r} is not a number")
        return number

    def _cell(self, column: str) -> str | None:
        index = self.columns.known.get(column)
        return None if index is None or index >= len(self.cells) else self.cells[index]

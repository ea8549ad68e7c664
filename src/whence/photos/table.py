"""A CSV file that lists photos, with positions or without."""

from __future__ import annotations

import csv
import io
import os
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from whence.errors import InputError, PhotoError
from whence.photos import files
from whence.photos.columns import Columns, Row, RowError
from whence.types import Crs, Intrinsics, Photo, Skipped

_EXCEL_SEPARATOR = re.compile(r'\A"?sep=[,;\t]"?(?=[\r\n])', re.IGNORECASE)
"""The line stays, empty, so that lines are counted as in the file."""


class CsvSource:
    """Photos listed in a CSV file.

    Columns, in any order and case: ``path`` (or ``file``, ``filename``, ``image``); ``lat`` and ``lon``, or ``x`` and
    ``y``; optional ``group``, ``label``, ``heading``, ``time`` (ISO 8601), ``z``, and ``fx``, ``fy``, ``cx``, ``cy``.
    Other columns are ignored. Separated by comma, semicolon or tab; with semicolons, numbers may have decimal commas.

    Args:
        path: The file. Relative paths in it start from its folder.
        crs: Which positions to read; None for ``lat``, ``lon`` if there, else ``x``, ``y``.
        need_position: Rows without a usable position are skipped. False for queries: only paths and cameras are read,
            positions and all else are ignored, and a path may come twice.
        unplaced: Rows whose position is empty are given without one, instead of as ``Skipped``: photos of places that
            nobody knows, to be refused.

    Raises:
        InputError: The file cannot be read, is no text, or lacks a column that is needed.
    """

    def __init__(self, path: Path, crs: Crs | None = None, need_position: bool = True, unplaced: bool = False) -> None:
        self._path = path
        self._need_position, self._unplaced = need_position, unplaced
        self._text = read_text(path)
        self._columns = find_columns(self._text, path)
        self._crs = self._columns.choose_crs(crs, need_position, str(path))
        # Reads to the end, so that a broken table is refused before any work is done.
        if not sum(1 for _ in self._rows()):
            raise InputError(f"{path} has a header but no rows")

    @property
    def crs(self) -> Crs:
        """What the positions mean."""
        return self._crs

    def photos(self) -> Iterator[Photo | Skipped]:
        """Photos in the order of the rows; rows that cannot be used as ``Skipped``, with their line."""
        first_line: dict[str, int] = {}
        for row in self._rows():
            try:
                photo = self._photo(row)
            except RowError as error:
                name = row.name if row.name.strip() else f"{self._path.name}, line {row.line}"
                yield Skipped(name, f"line {row.line}: {error}")
                continue
            # A query may be asked twice; a gallery must not hold one photo at two places.
            first = first_line.setdefault(str(photo.path), row.line) if self._need_position else row.line
            if first != row.line:
                yield Skipped(photo.name, f"line {row.line}: the same photo as in line {first}", again=True)
                continue
            yield photo

    def _photo(self, row: Row) -> Photo:
        row.check_length()
        if not row.name.strip():
            raise RowError("the path is empty")
        path = _locate(self._path.parent, row.name)
        if not self._need_position:
            return Photo(path, row.name, intrinsics=_camera(row))
        unknown = self._unplaced and not row.has_position(self._crs)
        return Photo(
            path,
            row.name,
            position=None if unknown else row.position(self._crs),
            position_source="" if unknown else "csv",
            time=row.time(),
            heading_deg=row.heading_deg(),
            altitude_m=row.number("z"),
            group=row.group(),
            intrinsics=row.intrinsics(),
            label=row.label(),
        )

    def _rows(self) -> Iterator[Row]:
        """Rows below the header; blank ones are left out."""
        for index, (line, cells) in enumerate(records(self._text, self._columns.delimiter, self._path)):
            if index > 0:
                yield Row(self._columns, cells, line)


def read_text(path: Path) -> str:
    """A table's text, whatever its encoding, without a byte order mark and Excel's ``sep=;`` in the first line.

    Raises:
        InputError: It cannot be read, or is no text.
    """
    try:
        data = files.read(path)
    except PhotoError as error:
        raise InputError(f"{path}: {error}") from error
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InputError(f"{path} is UTF-16 text; save it as CSV in UTF-8")
    if b"\0" in data:
        raise InputError(f"{path} is not a CSV file: it holds binary data")
    return _EXCEL_SEPARATOR.sub("", _decoded(data))


def _decoded(data: bytes) -> str:
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1")


def find_columns(text: str, path: Path) -> Columns:
    """Reads the header with each delimiter, and keeps the reading that makes the most sense."""
    readings, broken = [], None
    for delimiter in ",;\t":
        try:
            _, header = next(records(text, delimiter, path), (0, []))
            readings.append(Columns(header, delimiter))
        except InputError as error:  # quotes that end where this delimiter does not follow
            broken = broken or error
    if not readings and broken:
        raise broken
    best = max(readings, key=lambda columns: (len(columns.known), len(columns.header)))
    if not best.header:
        raise InputError(f"{path} is an empty CSV file")
    return best


def records(text: str, delimiter: str, path: Path) -> Iterator[tuple[int, list[str]]]:
    """The line where each record that is not blank begins, and its cells."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise InputError(f"{path} is not a CSV file at line {line}: {error}") from error
        if any(cell.strip() for cell in cells):
            yield line, cells


def _camera(row: Row) -> Intrinsics | None:
    """The camera of a query. It is a help and no more: one that cannot be read costs no answer."""
    try:
        return row.intrinsics()
    except RowError:
        return None


def _locate(folder: Path, name: str) -> Path:
    """The file that a cell means. Looks at the disk only if the cell may be meant otherwise than written."""
    path = folder / name
    stripped = name.strip()
    if stripped != name and not _exists(path):
        path = folder / stripped
    if "\\" in stripped and os.sep == "/" and not _exists(path):
        path = folder / stripped.replace("\\", "/")  # written on Windows
    return path if name.isascii() or _exists(path) else _otherwise_composed(path)


def _otherwise_composed(path: Path) -> Path:
    """macOS splits é into e and its accent in names of files; most tables do not. What is not there stays as it is."""
    forms = [Path(unicodedata.normalize(form, str(path))) for form in ("NFC", "NFD")]
    return next((found for found in forms if _exists(found)), path)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False

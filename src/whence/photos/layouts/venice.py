"""Tourists' photos with pins in a text file: Venice, from Flickr."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from statistics import median

from whence.errors import InputError
from whence.photos import datasets
from whence.photos.columns import Columns, RepeatedRowError, Row, RowError, shown
from whence.photos.layouts.parts import below, check_folder, choose, find_photo, is_folder, listed
from whence.photos.table import find_columns, read_text, records
from whence.types import Crs, LatLon, Photo, Skipped

_TABLES = (".csv", ".tsv", ".txt")
_ORDER = ["lat", "lon", "path"]
_CITY = LatLon(45.44, 12.33)


class VeniceSource:
    """A text file of ``lat,lon,file`` beside a folder of photos::

        venice/labels.txt                   45.434011,12.33923,2129.jpg
        venice/images/2129.jpg

    The file may have a header, then its columns may come in any order and be called as in any CSV; without one the
    order is ``lat,lon,file``. Photos lie in any folder beside it, or next to it. Several such files are parts, named by
    their stem. The group is the pin: bursts share one. ``whence datasets`` says where the set is to be had.

    Args:
        path: The data set's folder.
        part: Which file; needed if there are several.
        crs: None or WGS84.
        need_position: False for queries: nothing but paths is told.

    Raises:
        InputError: No such file, or one that has longitudes where latitudes should be.
    """

    def __init__(self, path: Path, part: str | None = None, crs: Crs | None = None, need_position: bool = True) -> None:
        check_folder(path, "venice")
        tables = {Path(name).stem: path / name for name in listed(path, lambda entry: entry.name.endswith(_TABLES))}
        if not tables:
            raise InputError(f"{path} has no file of lat,lon,file; {datasets.find('venice').obtain}")
        self._root, self._need_position = path, need_position
        usable = {stem: table for stem, table in tables.items() if _is_list(table, need_position)}
        self._table = choose(usable if usable and part is None else tables, part, path)[1]
        self._text = read_text(self._table)
        self._columns, self._has_header = _columns(self._text, self._table, need_position)
        self._columns.check_single(("path", "lat", "lon") if need_position else ("path",), str(self._table))
        self._folders = [path, *(path / name for name in listed(path, is_folder))]
        if need_position:
            self._check_order()

    @property
    def crs(self) -> Crs:
        """Pins are latitude and longitude."""
        return Crs.WGS84

    def photos(self) -> Iterator[Photo | Skipped]:
        """Photos in the order of the file; a photo that comes again is left out."""
        seen: dict[Path, int] = {}
        for row in self._rows():
            try:
                row.check_length()
                name = row.name.strip()
                if not name:
                    raise RowError("the file is empty")
                path = find_photo(self._folders, name)
                photo = Photo(path, below(path, self._root))
                if self._need_position:
                    first = seen.setdefault(path, row.line)
                    if first != row.line:
                        raise RepeatedRowError(f"the same photo as in line {first}")
                    pin = row.position(Crs.WGS84)
                    photo = Photo(path, photo.name, pin, "csv", group=",".join(map(row.optional, _ORDER[:2])))
                yield photo
            except RowError as error:
                yield Skipped(
                    row.name.strip() or self._table.name,
                    f"line {row.line}: {error}",
                    again=error.again,
                )

    def _rows(self) -> Iterator[Row]:
        for index, (line, cells) in enumerate(records(self._text, self._columns.delimiter, self._table)):
            if index or not self._has_header:
                yield Row(self._columns, cells, line)

    def _check_order(self) -> None:
        """Latitude and longitude of Venice are both plausible the other way round, somewhere in Yemen."""
        pins = []
        for row in self._rows():
            try:
                pins.append(row.position(Crs.WGS84))
            except RowError:
                continue
        known = [pin for pin in pins if isinstance(pin, LatLon)]
        if not known:
            raise InputError(f"{self._table} has no usable row; expected lat,lon,file, such as 45.434,12.339,2129.jpg")
        lat, lon = median(pin.lat for pin in known), median(pin.lon for pin in known)
        if abs(lat - _CITY.lon) + abs(lon - _CITY.lat) < 2:
            raise InputError(f"{self._table} has longitude before latitude; expected lat,lon,file, or a header")


def _columns(text: str, table: Path, need_position: bool) -> tuple[Columns, bool]:
    """What the columns mean, and whether the first row says so."""
    found = find_columns(text, table)
    if {"lat", "lon", "path"} <= found.known.keys() or (not need_position and "path" in found.known):
        return found, True
    for delimiter in ",;\t":
        try:
            cells = next(records(text, delimiter, table))[1]
        except InputError:  # quotes that end where this delimiter does not follow
            continue
        if len(cells) >= len(_ORDER) and _is_number(cells[0]):
            return Columns([*_ORDER, *[""] * (len(cells) - len(_ORDER))], delimiter), False
    begin = shown(", ".join(found.header), 80)
    raise InputError(f"{table} begins with {begin}; expected lat,lon,file, with a header or without")


def _is_list(table: Path, need_position: bool) -> bool:
    """Whether it is such a list, and not a README."""
    try:
        _columns(read_text(table), table, need_position)
    except InputError:
        return False
    return True


def _is_number(cell: str) -> bool:
    try:
        float(cell.replace(",", "."))
    except ValueError:
        return False
    return True

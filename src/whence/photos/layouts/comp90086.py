"""Rooms and courts of one museum: the Kaggle competition of COMP90086, University of Melbourne, 2021."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from whence.errors import InputError
from whence.photos import datasets
from whence.photos.columns import Columns, RepeatedRowError, Row, RowError, shown
from whence.photos.layouts.parts import below, check_folder, choose, find_photo
from whence.photos.table import find_columns, read_text, records
from whence.types import Crs, Photo, Skipped

_LISTS = {"train": ("train.csv",), "test": ("test.csv", "imagenames.csv")}
_VIEW = re.compile(r"_[1-5]$")


class Comp90086Source:
    """Photos with ids in a table, 5 views at each position::

        comp90086/train.csv                 id,x,y
        comp90086/train/IMG2744_1.jpg
        comp90086/test.csv                  id              (or imagenames.csv)
        comp90086/test/IMG3137_3.jpg

    Also as the archives unpack, with ``COMP90086_2021_Project_train/`` and ``..._test/`` around the two halves. Ids may
    come with a suffix; pictures may also lie beside their table. Positions are metres on a local plane. The group is
    the position: the id without its view (``IMG2744``). ``whence datasets`` says where the set is to be had.

    Args:
        path: The data set's folder.
        part: ``train`` or ``test``; where positions are needed, ``train`` if none is named.
        crs: None or a local plane.
        need_position: False for queries: only ids are read.

    Raises:
        InputError: No such part, or a table without the columns that are needed.
    """

    def __init__(self, path: Path, part: str | None = None, crs: Crs | None = None, need_position: bool = True) -> None:
        check_folder(path, "comp90086")
        parts = _parts(path)
        wanted = "train" if part is None and need_position else part
        if not parts or (wanted == "train" and "train" not in parts):
            raise InputError(f"{path} has no train.csv; {datasets.find('comp90086').obtain}")
        self._root, self._need_position = path, need_position
        self._part, self._table = choose(parts, wanted, path)
        self._text = read_text(self._table)
        found = find_columns(self._text, self._table)
        header = ["path" if name.lower() == "id" else "" if name.lower() == "path" else name for name in found.header]
        self._columns = Columns(header, found.delimiter)
        if "path" not in self._columns.known:
            raise InputError(
                f"{self._table} has the columns {shown(', '.join(found.header), 200)}; expected id,x,y or id"
            )
        if need_position and not {"x", "y"} <= self._columns.known.keys():
            raise InputError(f"{self._table} has no x and y; only the part train has positions")
        self._columns.check_single(("path", "x", "y") if need_position else ("path",), str(self._table))

    @staticmethod
    def recognises(path: Path) -> bool:
        """Whether ``train.csv`` begins with ``id,x,y``."""
        table = _parts(path).get("train")
        if table is None:
            return False
        try:
            with table.open(encoding="utf-8-sig") as file:
                return file.readline(100).strip().lower() == "id,x,y"
        except (OSError, ValueError):
            return False

    @property
    def crs(self) -> Crs:
        """The plan of the museum."""
        return Crs.LOCAL

    def photos(self) -> Iterator[Photo | Skipped]:
        """Photos in the order of the table; a photo that comes again is left out."""
        seen: dict[Path, int] = {}
        folders = [self._table.parent / self._part, self._table.parent, self._root / self._part]
        for index, (line, cells) in enumerate(records(self._text, self._columns.delimiter, self._table)):
            if index == 0:
                continue
            row = Row(self._columns, cells, line)
            try:
                if not row.name.strip():
                    raise RowError("the id is empty")
                photo = find_photo(folders, row.name.strip())
                name = below(photo, self._root)
                first = seen.setdefault(photo, line) if self._need_position else line
                if first != line:
                    raise RepeatedRowError(f"the same photo as in line {first}")
                if self._need_position:
                    yield Photo(photo, name, row.position(Crs.LOCAL), "csv", group=_VIEW.sub("", photo.stem))
                else:
                    yield Photo(photo, name)
            except RowError as error:
                yield Skipped(
                    row.name.strip() or self._table.name,
                    f"line {line}: {error}",
                    again=error.again,
                )


def _parts(path: Path) -> dict[str, Path]:
    found = {}
    for part, names in _LISTS.items():
        folders = (path, path / f"COMP90086_2021_Project_{part}")
        tables = [folder / name for folder in folders for name in names if (folder / name).is_file()]
        if tables:
            found[part] = tables[0]
    return found

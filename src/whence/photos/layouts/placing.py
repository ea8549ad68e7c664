"""Flickr photos by the million: the Placing Task of MediaEval, and YFCC100M, of which it is a part."""

from __future__ import annotations

import bz2
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO

from whence.errors import InputError
from whence.photos import datasets
from whence.photos.checks import position_problem
from whence.photos.columns import shown
from whence.photos.layouts.parts import below, check_folder, choose, is_photo, listed
from whence.types import Crs, LatLon, Photo, Skipped

_LISTS = re.compile(
    r"(mediaeval201[56]_placing_\w+|yfcc100m_dataset(-\d+)?|(mp16|im2gps\w*|yfcc\w*)_places365\.csv)(\.bz2)?", re.ASCII
)
_ID, _HASH = re.compile(r"\d{3,12}", re.ASCII), re.compile(r"[0-9a-f]{28,32}", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Item:
    """One row: how its picture may be called, and what is said of it. ``position`` is what is written, unchecked."""

    keys: tuple[str, ...]
    position: tuple[str, str] | None = None
    user: str | None = None
    time: str = ""


class PlacingSource:
    """Lists of photos, and whichever of the pictures lie in folders beside them::

        placing/mediaeval2016_placing_train_photo       id, hash, longitude, latitude, places
        placing/mediaeval2016_placing_test_photo        id, hash
        placing/mediaeval2015_placing_locale_train      hash, 0 photo or 1 video, year, node, its name, lon, lat
        placing/mediaeval2015_placing_locale_test       hash, 0 or 1, year
        placing/yfcc100m_dataset-0                      23 columns of YFCC100M: id, user, ..., lon, lat, ...
        placing/mp16_places365.csv                      IMG_ID, AUTHOR, LAT, LON, ... (with a header)
        placing/images/12/345/1234567890.jpg            any folders, called by id or hash, with suffix or without

    Lists are parts, named by their file; all but the last are separated by tabs and have no header, and they may be
    compressed (``.bz2``), as they are handed out. Read here as the organisers' own scripts (ovlaere/placing-text) and
    users of the lists read them; the lists of 2014 and earlier, and of the mobility task, are not read. The group is
    the user, where the list has one: YFCC100M and MP-16; the task's own lists have none. Videos are left out.
    ``whence datasets`` says where all this is to be had.

    Most users have a small share of the pictures: those that are missing are counted, not named, and queries are the
    pictures that are there.

    Args:
        path: The folder with a list.
        part: Which list; needed if there are several.
        crs: None or WGS84.
        need_position: False for queries: nothing but paths is told.

    Raises:
        InputError: No list, or none of its pictures.
    """

    def __init__(self, path: Path, part: str | None = None, crs: Crs | None = None, need_position: bool = True) -> None:
        check_folder(path, "placing")
        lists = _lists(path)
        if not lists:
            raise InputError(f"{path} has no list such as mediaeval2016_placing_train_photo; {_obtain()}")
        self._root, self._need_position = path, need_position
        if need_position:  # those that have none are not suggested
            lists = dict(sorted(lists.items(), key=lambda named: "_test" in named[0]))
        self._list = choose(lists, part, path)[1]
        self._pictures = _pictures(path)
        if not any(isinstance(item, Photo) for item in self.photos()):
            refused = next(iter(self.photos()), None)
            why = refused.reason if isinstance(refused, Skipped) else "it is empty"
            raise InputError(f"{self._list} with the pictures in {path} gives no photo: {why}")

    @staticmethod
    def recognises(path: Path) -> bool:
        """Whether a list of the task itself is there."""
        return any(name.startswith("mediaeval") for name in _lists(path))

    @property
    def crs(self) -> Crs:
        """Flickr's geotags."""
        return Crs.WGS84

    def photos(self) -> Iterator[Photo | Skipped]:
        """Pictures that are there, in the order of the list; at the end how many are not."""
        told: set[Path] = set()
        missing = 0
        for line, item in _items(self._list):
            if isinstance(item, str):
                yield Skipped(self._list.name, f"line {line}: {item}")
                continue
            path = next((self._pictures[key] for key in item.keys if key in self._pictures), None)
            if path is None:
                missing += 1
            elif path not in told:
                told.add(path)
                yield self._photo(path, item, line)
        if missing and self._need_position:
            yield Skipped(self._list.name, f"{missing:,} of the photos that it lists have no picture in {self._root}")

    def _photo(self, path: Path, item: _Item, line: int) -> Photo | Skipped:
        name = below(path, self._root)
        if not self._need_position:
            return Photo(path, name)
        if item.position is None:
            return Skipped(name, f"{self._list.name}, line {line}: no position in this list")
        try:
            position = LatLon(*map(float, item.position))
            problem = position_problem(position)
        except ValueError:
            problem = f"{' '.join(item.position)!r} is no latitude and longitude"
        if problem:
            return Skipped(name, f"{self._list.name}, line {line}: {problem}")
        return Photo(path, name, position, "list", time=_time(item.time), group=item.user)


def _lists(path: Path) -> dict[str, Path]:
    names = listed(path, lambda entry: _LISTS.fullmatch(entry.name) is not None)
    return {name.removesuffix(".bz2"): path / name for name in names}


def _pictures(root: Path) -> dict[str, Path]:
    """Files that may be pictures of a list, by id or hash."""
    found: dict[str, Path] = {}
    for folder, below_it, names in os.walk(root):
        below_it.sort()
        for name in sorted(names):
            stem, dot, _ = name.partition(".")
            if (is_photo(name) or not dot) and (_ID.fullmatch(stem) or _HASH.fullmatch(stem)):
                found.setdefault(stem, Path(folder) / name)
    return found


def _items(table: Path) -> Iterator[tuple[int, _Item | str]]:
    """Rows with their line; for a row that cannot be read, why. Line by line: a list may have gigabytes."""
    try:
        with _open(table) as file:
            read: Callable[[list[str]], _Item | str | None] | None = None
            for line, text in enumerate(file, 1):
                cells = text.rstrip("\r\n").split("," if ".csv" in table.name else "\t")
                if read is None:
                    read = _reader(table, cells)
                item = read(cells) if text.strip() else None
                if item is not None:
                    yield line, item
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise InputError(f"{table} cannot be read: {error}") from error


def _open(table: Path) -> IO[str]:
    if table.suffix == ".bz2":
        return bz2.open(table, "rt", encoding="utf-8-sig", errors="replace")
    return table.open(encoding="utf-8-sig", errors="replace")


def _reader(table: Path, first: list[str]) -> Callable[[list[str]], _Item | str | None]:
    """How the rows of a list are read, by its name and its first row."""
    if ".csv" in table.name:
        header = {name.strip().upper(): index for index, name in enumerate(first)}
        if not {"IMG_ID", "LAT", "LON"} <= header.keys():
            raise InputError(f"{table} begins with {shown(', '.join(first), 80)}; expected IMG_ID, AUTHOR, LAT, LON")
        return lambda cells: _from_table(header, cells) if cells is not first else None
    if table.name.startswith("yfcc100m_dataset"):
        return _from_yfcc
    return _from_2015 if table.name.startswith("mediaeval2015") else _from_2016


def _from_2016(cells: list[str]) -> _Item | str:
    if len(cells) < 2 or not _ID.fullmatch(cells[0]):
        return "expected id, hash, longitude, latitude, places"
    return _Item((cells[0], cells[1]), (cells[3], cells[2]) if len(cells) > 3 else None)


def _from_2015(cells: list[str]) -> _Item | str | None:
    if len(cells) not in (3, 7) or not _HASH.fullmatch(cells[0]):
        return "expected hash, 0 or 1, year, node, its name, longitude, latitude"
    if cells[1] == "1":  # a video
        return None
    return _Item((cells[0],), (cells[6], cells[5]) if len(cells) == 7 else None)


def _from_yfcc(cells: list[str]) -> _Item | str | None:
    if len(cells) != 23:
        return f"{len(cells)} columns, expected the 23 of YFCC100M"
    if cells[22] == "1":  # a video
        return None
    return _Item((cells[0],), (cells[11], cells[10]) if cells[11] else None, cells[1] or None, cells[3])


def _from_table(header: Mapping[str, int], cells: list[str]) -> _Item | str:
    if len(cells) < len(header):
        return f"{len(cells)} cells under {len(header)} columns"
    user = cells[header["AUTHOR"]] if "AUTHOR" in header else ""
    stem = cells[header["IMG_ID"]].rpartition("/")[2].partition(".")[0]
    return _Item((stem,), (cells[header["LAT"]], cells[header["LON"]]), user or None)


def _time(value: str) -> datetime | None:
    """When the camera says it was: ``2010-03-12 11:24:21.0``."""
    try:
        return datetime.fromisoformat(value) if value else None
    except ValueError:
        return None


def _obtain() -> str:
    return datasets.find("placing").obtain

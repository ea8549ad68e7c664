"""A folder for each city or country."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from whence.errors import InputError, MissingExtraError
from whence.photos.checks import position_problem
from whence.photos.columns import shown
from whence.photos.folder import FolderSource
from whence.photos.layouts.parts import check_folder, choose, is_folder, listed
from whence.photos.table import find_columns, read_text, records
from whence.types import Crs, Fix, LatLon, Photo, Skipped

_PLACES = "places.csv"
_RADIUS_M = 10_000.0
"""For a row that gives none: a city."""


class ClassesSource:
    """Photos in folders that are called by their class, a city or a country::

        classes/Paris/tower.jpg
        classes/New_York/2019/bridge.jpg
        classes/France/...
        classes/places.csv                  name,lat,lon,radius_m       (optional)

    The label of a photo is the folder. Its position is that of its own EXIF; without one it is the centre of its class,
    with the size of the class as its accuracy: from ``places.csv``, or else by the names of cities and countries that
    come with ``whence[places]``. Splits (``train``, ``val``, ``test``) around the classes are parts. Make such folders
    yourself, or take those of any data set for classification.

    Args:
        path: The folder of the classes, or of their splits.
        part: Which split, if there are some.
        crs: None or WGS84.
        need_position: False for queries: nothing but paths is told.

    Raises:
        InputError: No folders, no photos, or a broken ``places.csv``.
    """

    def __init__(self, path: Path, part: str | None = None, crs: Crs | None = None, need_position: bool = True) -> None:
        check_folder(path, "classes")
        splits = {name: path / name for name in ("train", "val", "test") if (path / name).is_dir()}
        root = choose(splits, part, path)[1] if splits or part else path
        self._need_position = need_position
        self._prefix = "" if root == path else f"{root.relative_to(path).as_posix()}/"
        self._classes = [(name, root / name) for name in listed(root, is_folder)]
        if not self._classes:
            raise InputError(f"{root} has no folders; layout classes needs one for each city or country, such as Paris")
        FolderSource(root, need_position=False)  # refuses a tree without a photo
        tables = [folder / _PLACES for folder in (root, path) if (folder / _PLACES).is_file()]
        self._places = _read_places(tables[0]) if tables and need_position else {}
        self._centres = {label: self._centre(label) for label, _ in self._classes} if need_position else {}

    @property
    def crs(self) -> Crs:
        """EXIF and gazetteers know no other."""
        return Crs.WGS84

    def photos(self) -> Iterator[Photo | Skipped]:
        """Class by class. A class whose place nobody knows is told once; its photos may still have EXIF."""
        for label, folder in self._classes:
            fallback, problem = self._centres.get(label, (None, ""))
            if problem:
                yield Skipped(f"{self._prefix}{label}/", problem)
            try:
                items = FolderSource(folder, Crs.WGS84, self._need_position).photos()
            except InputError as error:
                yield Skipped(f"{self._prefix}{label}/", str(error))
                continue
            for item in items:
                named = replace(item, name=f"{self._prefix}{label}/{item.name}")
                if isinstance(named, Photo) and self._need_position:
                    named = replace(named, label=label, fallback=fallback)
                yield named

    def _centre(self, label: str) -> tuple[Fix | None, str]:
        """The place of a class, or why there is none."""
        known = self._places.get(label.casefold())
        if known is not None:
            return known, ""
        advice = f"photos without GPS need a row in {_PLACES}: name,lat,lon"
        try:
            from whence.geo.centres import centre

            found = centre(label)
        except MissingExtraError as error:
            return None, f"{advice}; or {error}"
        if found is None:
            return None, f"no city or country of that name is known; {advice}"
        return Fix(found[0], "class", accuracy_m=found[1]), ""


def _read_places(table: Path) -> dict[str, Fix]:
    text = read_text(table)
    columns = find_columns(text, table)
    header = [name.lower() for name in columns.header]
    if not {"name", "lat", "lon"} <= set(header):
        there = shown(", ".join(columns.header), 200)
        raise InputError(f"{table} has the columns {there}; expected name,lat,lon, radius_m or not")
    found = {}
    for index, (line, cells) in enumerate(records(text, columns.delimiter, table)):
        if index == 0:
            continue
        row = dict(zip(header, (cell.strip() for cell in cells), strict=False))
        try:
            position = LatLon(float(row["lat"]), float(row["lon"]))
            radius_m = float(row.get("radius_m") or _RADIUS_M)
        except (KeyError, ValueError):
            raise InputError(f"{table}, line {line}: lat, lon and radius_m must be numbers") from None
        problem = position_problem(position)
        if problem or not (math.isfinite(radius_m) and radius_m > 0):
            raise InputError(f"{table}, line {line}: {problem or 'radius_m must be above 0'}")
        found[row["name"].casefold()] = Fix(position, "class", accuracy_m=radius_m)
    return found

"""What a run is to collect: areas, words and limits, and whether a folder answers the same."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from whence.collect.areas import Box
from whence.errors import InputError
from whence.geo.distance import offset
from whence.photos.table import read_text
from whence.types import LatLon

_COLUMNS = ("label", "place", "bbox", "query", "radius_km", "limit")


@dataclass(frozen=True, slots=True)
class Area:
    """One place to collect from.

    Attributes:
        box: Where; None for anywhere, if there is something to search for.
        centre: Middle of a circle within the box; None if the whole box counts.
        radius_m: Of the circle.
        query: Text to search for; empty for everything.
        label: Class that its photos get; empty for none.
        limit: No more photos than so many; None for all.
    """

    box: Box | None = None
    centre: LatLon | None = None
    radius_m: float = 0.0
    query: str = ""
    label: str = ""
    limit: int | None = None

    @classmethod
    def circle(cls, centre: LatLon, radius_km: float | None, **others: Any) -> Area:
        """What lies within some kilometres.

        Raises:
            InputError: No such radius.
        """
        if radius_km is None:
            raise InputError("--near needs --radius-km, such as --radius-km 2")
        if not (math.isfinite(radius_km) and 0 < radius_km <= 1000):
            raise InputError(f"--radius-km {radius_km:g}: expected more than 0, and at most 1000")
        return cls(Box.around(centre, radius_km * 1000), centre, radius_km * 1000, **others)

    def holds(self, place: LatLon | None) -> bool:
        """Whether a photo from there is wanted; one from an unknown place is if no place was named."""
        if self.box is None or place is None:
            return self.box is None
        inside = self.centre is None or offset(self.centre, place)[0] <= self.radius_m
        return inside and self.box.holds(place)

    def told(self) -> dict[str, Any]:
        """As plain data, the limit aside: with another limit it is still the same place."""
        box = None if self.box is None else [self.box.south, self.box.west, self.box.north, self.box.east]
        circle = None if self.centre is None else [self.centre.lat, self.centre.lon, self.radius_m]
        return {"label": self.label, "box": box, "circle": circle, "query": self.query}


def area(
    bbox: str | None,
    near: str | None,
    radius_km: float | None,
    query: str,
    find: Callable[[str], LatLon],
    *,
    label: str = "",
    limit: int | None = None,
) -> Area:
    """An area as written on a command line.

    Args:
        bbox: ``S,W,N,E``.
        near: ``LAT,LON`` or the name of a town.
        radius_km: About ``near``.
        query: Text.
        find: Where a town is.
        label: Class.
        limit: Of photos.

    Raises:
        InputError: What cannot be read, or does not fit together.
    """
    query = " ".join(query.split())
    if bbox is not None and near is not None:
        raise InputError("--bbox and --near both say where; give one of them")
    if radius_km is not None and near is None:
        raise InputError("--radius-km needs --near, a town or LAT,LON")
    if bbox is not None:
        return Area(Box.parse(bbox), query=query, label=label, limit=limit)
    if near is not None:
        return Area.circle(_place(near, find), radius_km, query=query, label=label, limit=limit)
    if not query:
        raise InputError("say where: --bbox S,W,N,E, or --near PLACE --radius-km R, or what: --query TEXT")
    return Area(query=query, label=label, limit=limit)


def classes(
    path: Path, radius_km: float | None, query: str, limit: int | None, find: Callable[[str], LatLon]
) -> list[Area]:
    """Areas of a CSV: ``label`` and ``place`` or ``bbox``, perhaps ``query``, ``radius_km``, ``limit``.

    A place is a town, or ``LAT,LON`` in quotes; without ``place`` and ``bbox`` the label is looked up as a town. What a
    row leaves empty comes from the command line.

    Raises:
        InputError: The file cannot be read, or a row of it; the message names the line.
    """
    reader = csv.DictReader(io.StringIO(read_text(path), newline=""))
    try:
        return _areas(path, reader, radius_km, query, limit, find)
    except csv.Error as error:
        raise InputError(f"--classes {path} is not a CSV file at line {reader.line_num}: {error}") from error


def _areas(
    path: Path,
    reader: csv.DictReader[str],
    radius_km: float | None,
    query: str,
    limit: int | None,
    find: Callable[[str], LatLon],
) -> list[Area]:
    names = [name.strip().lower() for name in reader.fieldnames or ()]
    if "label" not in names or len(set(names)) < len(names):
        raise InputError(f"--classes {path}: expected a header with label, and place or bbox, query, radius_km, limit")
    if wrong := [name for name in names if name not in _COLUMNS]:
        raise InputError(f"--classes {path}: column {wrong[0]!r} is not known; known: {', '.join(_COLUMNS)}")
    reader.fieldnames = names
    found = []
    for row in reader:
        cells = {name: (value or "").strip() for name, value in row.items() if isinstance(name, str)}
        if not any(cells.values()):
            continue
        try:
            found.append(_class(cells, radius_km, query, limit, find))
        except InputError as error:
            raise InputError(f"--classes {path}, line {reader.line_num}: {error}") from error
    labels = [one.label for one in found]
    if not found or len(set(labels)) < len(labels):
        raise InputError(f"--classes {path}: " + ("two rows have one label" if found else "there are no rows"))
    return found


def _class(
    cells: dict[str, str], radius_km: float | None, query: str, limit: int | None, find: Callable[[str], LatLon]
) -> Area:
    label, box = cells["label"], cells.get("bbox") or None
    if not label:
        raise InputError("the label is empty")
    near = None if box else cells.get("place") or label
    radius = _number(cells, "radius_km", radius_km) if near else None
    most = _number(cells, "limit", limit)
    if most is not None and (most < 1 or most != int(most)):
        raise InputError(f"limit {most:g}: expected a whole number above 0")
    words = cells.get("query") or query
    return area(box, near, radius, words, find, label=label, limit=None if most is None else int(most))


def _number(cells: dict[str, str], name: str, default: float | None) -> float | None:
    if not cells.get(name):
        return default
    try:
        return float(cells[name])
    except ValueError:
        raise InputError(f"{name} {cells[name]!r} is not a number") from None


def _place(near: str, find: Callable[[str], LatLon]) -> LatLon:
    parts = near.split(",")
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        return find(near)
    if len(numbers) != 2 or not (abs(numbers[0]) <= 90 and abs(numbers[1]) <= 180):
        raise InputError(f"--near {near}: expected LAT,LON in degrees, latitude first, or the name of a town")
    return LatLon(numbers[0], numbers[1])


@dataclass(frozen=True, slots=True)
class Request:
    """All that decides what a folder holds.

    Attributes:
        source: Name of the service.
        base: Its address, where the user named another one.
        areas: Where, and what.
        licences: Kinds that are taken, sorted.
        size_px: Longest side of pictures.
        worst_accuracy_m: Of positions.
    """

    source: str
    base: str | None
    areas: tuple[Area, ...]
    licences: tuple[str, ...]
    size_px: int
    worst_accuracy_m: float | None = None

    def told(self) -> dict[str, Any]:
        """As plain data, limits aside."""
        return {
            "source": self.source,
            "base": self.base,
            "areas": [one.told() for one in self.areas],
            "licences": list(self.licences),
            "size_px": self.size_px,
            "worst_accuracy_m": self.worst_accuracy_m,
        }

    @property
    def limits(self) -> list[int | None]:
        """Of the areas, in their order."""
        return [one.limit for one in self.areas]

"""Queries with known positions, and what they are asked of."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from whence.errors import InputError, PhotoError
from whence.evaluate.model import Question
from whence.gallery.gallery import Gallery
from whence.gallery.store import Store
from whence.locate.intake import Intake
from whence.locate.placing import placed
from whence.photos import files
from whence.photos.decode import read_facts
from whence.types import Crs, LatLon, Photo, Skipped


@dataclass(frozen=True, slots=True)
class Given:
    """How a folder, table or data set is to be read; as for ``whence index``.

    Attributes:
        path: As given.
        crs: Of its positions; None to follow the source.
        layout: Of a data set.
        part: Of a data set.
    """

    path: Path
    crs: str | None = None
    layout: str | None = None
    part: str | None = None


def is_gallery(path: Path) -> bool:
    """Whether a folder is a gallery; a folder of photos is none."""
    if not path.is_dir():
        return False
    try:
        Store.open(path)
    except Exception:  # noqa: BLE001 - whatever it is, it is no gallery that can be opened
        return False
    return True


def read_photos(given: Given, *, unplaced: bool = False) -> tuple[list[Photo], list[Skipped], Crs]:
    """Photos with their positions, what was passed over, and what positions mean.

    Args:
        given: What to read.
        unplaced: Keep rows of a table without a position.
    """
    intake = Intake.open(given.path, crs=given.crs, layout=given.layout, part=given.part, unplaced=unplaced)
    photos: list[Photo] = []
    skipped: list[Skipped] = []
    table = not given.path.is_dir()
    for photo in intake.photos():
        if isinstance(photo, Skipped):
            skipped.append(photo)
        elif photo.position is not None or (table and unplaced):
            photos.append(photo)
        else:
            found = _placed_by_file(photo, intake)
            (photos if isinstance(found, Photo) else skipped).append(found)  # type: ignore[arg-type]
    return photos, skipped, intake.crs


def _placed_by_file(photo: Photo, intake: Intake) -> Photo | Skipped:
    try:
        found, problem = placed(photo, read_facts(files.read(photo.path)), intake.tracks)
    except PhotoError as error:
        return Skipped(photo.name, str(error))
    return Skipped(photo.name, problem) if problem else found


def questions(given: Sequence[Given], crs: Crs) -> tuple[list[Question], list[Skipped]]:
    """Queries in the order given.

    Args:
        given: Tables, folders, data sets. A table's rows without a position are of unknown places.
        crs: What positions of the database mean.

    Raises:
        InputError: No queries, or positions of another kind.
    """
    asked: list[Question] = []
    skipped: list[Skipped] = []
    for source in given:
        photos, passed, kind = read_photos(source, unplaced=True)
        if kind is not crs and any(photo.position is not None for photo in photos):
            raise InputError(
                f"{source.path} has {_WORDS[kind]}, the database has {_WORDS[crs]}; they cannot be compared"
            )
        skipped += passed
        prefix = f"{source.path.as_posix().rstrip('/')}/" if source.path.is_dir() else ""
        asked += [Question(prefix + p.name, p.path, p.position, p.group, p.label) for p in photos]
    if not asked:
        reason = f" ({skipped[0].name}: {skipped[0].reason})" if skipped else ""
        names = ", ".join(str(source.path) for source in given)
        raise InputError(f"{names}: no queries with a known position{reason}; expected path and lat,lon or x,y")
    return _named_apart(asked), skipped


def questions_of(gallery: Gallery) -> list[Question]:
    """The photos of a gallery, to be asked as if they were not there."""
    return [
        Question(photo.path, gallery.file(row), photo.position, photo.group, photo.label, row)
        for row, photo in enumerate(gallery.photos)
    ]


def spread(asked: Sequence[Question], limit: int | None) -> list[Question]:
    """At most so many of them, evenly over the whole list."""
    if limit is None or len(asked) <= limit:
        return list(asked)
    return [asked[number * len(asked) // limit] for number in range(limit)]


def write_database(path: Path, photos: Iterable[Photo], crs: Crs) -> None:
    """A table of photos as ``whence index`` reads it, with absolute paths."""
    names = ("lat", "lon") if crs is Crs.WGS84 else ("x", "y")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", errors="surrogateescape", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(["path", *names, "group", "heading", "time", "z"])
        for photo in photos:
            if photo.position is None:
                continue
            where = photo.position
            pair = (where.lat, where.lon) if isinstance(where, LatLon) else (where.x, where.y)
            rest = (photo.group, photo.heading_deg, photo.time and photo.time.isoformat(), photo.altitude_m)
            table.writerow([photo.path.absolute(), *map(repr, pair), *("" if v is None else v for v in rest)])


def _named_apart(asked: list[Question]) -> list[Question]:
    """Names are keys of the answers: a photo that is asked twice gets a number."""
    seen: dict[str, int] = {}
    found = []
    for question in asked:
        seen[question.name] = seen.get(question.name, 0) + 1
        count = seen[question.name]
        found.append(question if count == 1 else replace(question, name=f"{question.name}#{count}"))
    return found


_WORDS = {Crs.WGS84: "latitude and longitude", Crs.LOCAL: "x and y in metres"}

"""Queries with known positions, and what they are asked of."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from whence.errors import InputError, PhotoError
from whence.evaluate.model import Question
from whence.gallery.gallery import Gallery
from whence.gallery.schema import SETTINGS
from whence.gallery.storage import Storage
from whence.locate.intake import Intake
from whence.locate.placing import placed
from whence.photos import files
from whence.photos.decode import read_facts
from whence.types import Crs, Photo, Skipped


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

    def open(self, *, unplaced: bool = False) -> Intake:
        """The source; ``unplaced`` keeps rows of a table without a position."""
        return Intake.open(self.path, crs=self.crs, layout=self.layout, part=self.part, unplaced=unplaced)


@dataclass(frozen=True, slots=True, eq=False)
class Database:
    """What queries are asked of.

    Attributes:
        photos: In their order; the position of some may be in their files alone.
        crs: What positions mean.
        root: Folder that paths in galleries are relative to.
        skipped: What its source names but cannot use.
        gallery: One that was given, of just these photos.
    """

    photos: Sequence[Photo]
    crs: Crs
    root: Path
    skipped: Sequence[Skipped] = ()
    gallery: Gallery | None = None

    @property
    def fingerprint(self) -> str:
        """Changes with what is said of the photos, and with which they are."""
        digest = hashlib.blake2b(digest_size=5)
        for photo in self.photos:
            digest.update(repr(photo).encode("utf-8", "surrogatepass"))
        return digest.hexdigest()

    def only(self, photos: Iterable[Photo]) -> Database:
        """Some of its photos; no gallery holds just these."""
        return replace(self, photos=tuple(photos), gallery=None)


def is_gallery(path: Path) -> bool:
    """Whether a folder is a gallery, perhaps one that cannot be opened; a folder of photos is none."""
    return (path / f"{SETTINGS}.lance").is_dir()


def read_database(given: Given | Storage, *, unplaced: bool = False) -> Database:
    """The photos of a gallery, as it knows them, or of a source; no file is looked into.

    Args:
        given: Which; of galleries in object storage only where they lie.
        unplaced: Whether photos of a source may be without a position: their labels are what counts.

    Raises:
        InputError: It cannot be read, or holds nothing.
        GalleryError: It is a gallery that cannot be opened.
    """
    if isinstance(given, Storage):
        return _of_gallery(given)
    if is_gallery(given.path):
        if given.part is not None:
            raise InputError(
                f"--part {given.part}: {given.path} is a gallery; parts of queries are named by --query-part"
            )
        return _of_gallery(Storage.of(given.path))
    intake = given.open(unplaced=unplaced)
    found = list(intake.photos())
    photos = tuple(photo for photo in found if isinstance(photo, Photo))
    skipped = tuple(photo for photo in found if isinstance(photo, Skipped))
    if not photos:
        reason = f" ({skipped[0].name}: {skipped[0].reason})" if skipped else ""
        raise InputError(f"{given.path}: no photo with a known position{reason}")
    return Database(photos, intake.crs, intake.place, skipped)


def _of_gallery(given: Storage) -> Database:
    gallery = Gallery.open(given)
    if not len(gallery):
        raise InputError(f"the gallery {given} holds no photos; add some: whence index PHOTOS --gallery {given}")
    photos = tuple(
        Photo(
            gallery.file(row),
            photo.path,
            photo.position,
            photo.position_source,
            group=photo.group,
            heading_deg=photo.heading_deg,
            label=photo.label,
            burst=photo.burst,
        )
        for row, photo in enumerate(gallery.photos)
    )
    return Database(photos, gallery.settings.crs, gallery.root, gallery=gallery)


def settled(photos: Iterable[Photo]) -> tuple[list[Photo], list[Skipped]]:
    """The photos with the positions that their files know, and those that have none."""
    known: list[Photo] = []
    unknown: list[Skipped] = []
    for photo in photos:
        found = photo if photo.position is not None else _placed_by_file(photo)
        if isinstance(found, Photo):
            known.append(found)
        else:
            unknown.append(found)
    return known, unknown


def usable(photos: Sequence[Photo], labelled: bool) -> tuple[list[Photo], list[Skipped]]:
    """The photos that a model can be trained with, and the others.

    Args:
        photos: All.
        labelled: Whether labels are what counts; else positions.
    """
    known, unknown = settled(photos)
    if not labelled:
        return known, unknown
    placed = {photo.name: photo for photo in known}
    found = [placed.get(photo.name, photo) for photo in photos]
    if not any(photo.label for photo in found):  # then folders are what counts
        found = [replace(photo, label=photo.path.parent.name) for photo in found]
    return found, []


def _placed_by_file(photo: Photo) -> Photo | Skipped:
    try:
        found, problem = placed(photo, read_facts(files.read(photo.path)))
    except PhotoError as error:
        return Skipped(photo.name, str(error))
    return Skipped(photo.name, problem) if problem else found


def questions(given: Sequence[Given], crs: Crs, labelled: bool = False) -> tuple[list[Question], list[Skipped]]:
    """Queries in the order given, and photos that cannot be asked since nobody says where they were taken.

    Args:
        given: Tables, folders, data sets. A table's rows with empty positions are of unknown places.
        crs: What positions of the database mean.
        labelled: Whether labels are what counts, so that photos need no positions.

    Raises:
        InputError: No queries, a row of a table that cannot be used, or positions of another kind.
    """
    asked: list[Question] = []
    left_out: list[Skipped] = []
    for source in given:
        photos, passed = _queries(source, crs, labelled)
        left_out += passed
        prefix = f"{source.path.as_posix().rstrip('/')}/" if source.path.is_dir() else ""
        asked += [question_of(photo, prefix) for photo in photos]
    if not asked:
        reason = f" ({left_out[0].name}: {left_out[0].reason})" if left_out else ""
        names = ", ".join(str(source.path) for source in given)
        raise InputError(f"{names}: no queries with a known position{reason}; expected path and lat,lon or x,y")
    return _named_apart(asked), left_out


def _queries(source: Given, crs: Crs, labelled: bool) -> tuple[list[Photo], list[Skipped]]:
    intake = source.open(unplaced=True)
    found = list(intake.photos())
    photos = [photo for photo in found if isinstance(photo, Photo)]
    passed = [photo for photo in found if isinstance(photo, Skipped)]
    if not source.path.is_dir():
        broken = [row for row in passed if not row.again]
        if broken:
            others = f" (and {len(broken) - 1} more)" if len(broken) > 1 else ""
            raise InputError(f"{source.path}: {broken[0].name}, {broken[0].reason}{others}")
    else:
        photos, unknown = usable(photos, labelled)
        passed += unknown
    if intake.crs is not crs and any(photo.position is not None for photo in photos):
        said = f"read by --crs {source.crs}, {source.path}" if source.crs is not None else str(source.path)
        raise InputError(f"{said} has {_WORDS[intake.crs]}, the database has {_WORDS[crs]}; they cannot be compared")
    return photos, passed


def question_of(photo: Photo, prefix: str = "") -> Question:
    """A photo as a query."""
    return Question(prefix + photo.name, photo.path, photo.position, photo.group, photo.label, camera=photo.intrinsics)


def photo_of(question: Question) -> Photo:
    """A query as a photo again, with what is true of it."""
    return Photo(question.path, question.name, question.truth, group=question.group, label=question.label)


def questions_of(gallery: Gallery) -> list[Question]:
    """The photos of a gallery, to be asked as if they were not there."""
    return [
        Question(photo.path, gallery.file(row), photo.position, photo.group, photo.label, row=row)
        for row, photo in enumerate(gallery.photos)
    ]


def spread(asked: Sequence[Question], limit: int | None) -> list[Question]:
    """At most so many of them, evenly over the whole list."""
    if limit is None or len(asked) <= limit:
        return list(asked)
    return [asked[number * len(asked) // limit] for number in range(limit)]


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

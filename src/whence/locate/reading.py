"""One photo file to a row of the gallery, or to the reason why not. Runs in worker threads."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from whence.errors import PhotoError
from whence.gallery.codec import pack
from whence.gallery.writer import NewPhoto
from whence.locate.pipeline import Pipeline
from whence.photos import files
from whence.photos.decode import Decoded, decode
from whence.photos.names import stored
from whence.plugins import Describer
from whence.types import Fix, Image, Photo

THUMBNAIL_SIDE = 192


@dataclass(frozen=True, slots=True)
class Task:
    """A photo to read.

    Attributes:
        path: As stored.
        photo: What the source says of it.
        source: The folder or table that named it.
        state: Size and time of change, looked up before reading, so that a change meanwhile is seen next time.
    """

    path: str
    photo: Photo
    source: str
    state: tuple[int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What became of a task: a new photo, or content that is there already, or a reason to skip it.

    ``lasting`` reasons lie in the bytes themselves; others, such as a missing permission, may be gone next time.
    ``describer`` is what the new photo's vector was made with: the gallery may have learned another one meanwhile.
    """

    task: Task
    describer: Describer
    new: NewPhoto | None = None
    known_hash: str = ""
    reason: str = ""
    lasting: bool = False


def read_photo(
    task: Task, pipeline: Pipeline, describer: Describer, is_known: Callable[[str], bool], thumbnails: bool
) -> Outcome:
    """Reads, hashes, decodes, describes. Content that is known already is not decoded."""
    try:
        data = files.read(task.photo.path)
        digest = files.content_hash(data)
        if is_known(digest):
            return Outcome(task, describer, known_hash=digest)
    except PhotoError as error:
        return Outcome(task, describer, reason=str(error))
    try:
        decoded = decode(data, max_side=pipeline.photos.max_side)
    except PhotoError as error:
        return Outcome(task, describer, reason=str(error), lasting=not isinstance(error.__cause__, MemoryError))
    photo = _placed(task.photo, decoded)
    if photo.position is None:
        return Outcome(task, describer, reason=decoded.exif.position_problem or "no position", lasting=True)
    features = pipeline.extract(decoded.pixels)
    return Outcome(
        task,
        describer,
        NewPhoto(
            path=task.path,
            photo=photo,
            source=task.source,
            content_hash=digest,
            size=task.state[0],
            mtime_ns=task.state[1],
            width=decoded.width,
            height=decoded.height,
            feature_count=len(features),
            features=pack(features),
            thumbnail=thumbnail(decoded.pixels) if thumbnails else None,
            vector=describer.describe(features),
        ),
    )


def thumbnail(pixels: Image) -> bytes:
    """A small JPEG."""
    from PIL import Image as Pillow

    small = Pillow.fromarray(pixels)
    small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    stream = io.BytesIO()
    small.save(stream, "JPEG", quality=75)
    return stream.getvalue()


def relative(path: Path, root: Path) -> str:
    """The path as stored: below the root relative to it, with forward slashes; elsewhere absolute."""
    absolute = Path(os.path.normpath(path.absolute()))
    return stored((absolute.relative_to(root) if absolute.is_relative_to(root) else absolute).as_posix())


def _placed(photo: Photo, decoded: Decoded) -> Photo:
    """What the source says, completed by the file's own metadata, and only then by what else is known."""
    exif = decoded.exif
    known = replace(
        photo,
        time=photo.time or exif.time,
        heading_deg=exif.heading_deg if photo.heading_deg is None else photo.heading_deg,
        altitude_m=exif.altitude_m if photo.altitude_m is None else photo.altitude_m,
    )
    if known.position is None and exif.position is not None:
        return replace(known, position=exif.position, position_source="exif", accuracy_m=exif.accuracy_m)
    return known if photo.fallback is None else by_fallback(known, photo.fallback)


def by_fallback(photo: Photo, fallback: Fix) -> Photo:
    """The photo completed by a witness of last resort."""
    known = replace(
        photo,
        time=photo.time or fallback.time,
        heading_deg=fallback.heading_deg if photo.heading_deg is None else photo.heading_deg,
        altitude_m=fallback.altitude_m if photo.altitude_m is None else photo.altitude_m,
    )
    if known.position is not None or fallback.position is None:
        return known
    return replace(known, position=fallback.position, position_source=fallback.source, accuracy_m=fallback.accuracy_m)

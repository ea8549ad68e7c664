"""One photo file to a row of the gallery, or to the reason why not. Runs in worker threads."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Container
from dataclasses import dataclass, replace
from pathlib import Path

from whence.describe.looks import glance
from whence.errors import MissingExtraError, PhotoError
from whence.gallery.codec import pack, unpack
from whence.gallery.rows import NewPhoto
from whence.locate.pipeline import Pipeline
from whence.locate.placing import Statement, placed
from whence.photos import files
from whence.photos.cameras import from_focal_35mm
from whence.photos.decode import Decoded, decode, read_facts
from whence.photos.exif import ExifFacts
from whence.photos.names import stored
from whence.photos.tracks import SOURCE as TRACKS
from whence.photos.tracks import Tracks
from whence.plugins import Describer
from whence.types import Image, Intrinsics, Photo

THUMBNAIL_SIDE = 192
_PASSING = (MemoryError, MissingExtraError)
"""Reasons why a photo cannot be decoded that may be gone next time."""


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
    ``describer`` is what the new photo's vector was made with: the gallery may have learned another one meanwhile. On
    the way from another process it is None.
    ``found`` is what all witnesses say of content that is there already, where any but the file speaks. ``unplaced``
    is a photo that is whole, but of which none knows a position.
    """

    task: Task
    describer: Describer | None
    new: NewPhoto | None = None
    known_hash: str = ""
    reason: str = ""
    lasting: bool = False
    found: Photo | None = None
    unplaced: bool = False


class Reader:
    """Makes pixels and facts of files; here, in this process. A service of strangers' photos has it done elsewhere."""

    def decode(self, data: bytes, max_side: int) -> Decoded:
        """See ``photos.decode.decode``."""
        return decode(data, max_side=max_side)

    def facts(self, data: bytes) -> ExifFacts:
        """See ``photos.decode.read_facts``."""
        return read_facts(data)


def read_photo(
    task: Task,
    pipeline: Pipeline,
    describer: Describer,
    is_known: Callable[[str], bool],
    thumbnails: bool,
    tracks: Tracks | None = None,
    reader: Reader | None = None,
) -> Outcome:
    """Reads, hashes, decodes, describes. Content that is known already is not decoded."""
    reader = reader or Reader()
    try:
        data = files.read(task.photo.path)
        digest = files.content_hash(data)
        if is_known(digest):
            if Statement.of(task.photo, TRACKS, tracks) == Statement():  # nothing to hold against what the file says
                return Outcome(task, describer, known_hash=digest)
            found, problem = placed(task.photo, reader.facts(data), tracks)
            return Outcome(task, describer, known_hash=digest, reason=problem, found=found)
    except PhotoError as error:
        return Outcome(task, describer, reason=str(error))
    try:
        decoded = reader.decode(data, pipeline.seeing.max_side)
    except PhotoError as error:
        return Outcome(task, describer, reason=str(error), lasting=not isinstance(error.__cause__, _PASSING))
    photo, problem = placed(task.photo, decoded.exif, tracks)
    if problem:
        return Outcome(task, describer, reason=problem, lasting=True, unplaced=True)
    photo = replace(photo, intrinsics=photo.intrinsics or camera_of(decoded))
    features = pipeline.seeing.extract(decoded.pixels)
    packed = pack(features)
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
            features=packed,
            thumbnail=thumbnail(decoded.pixels) if thumbnails else None,
            glance=glance(decoded.pixels),
            vector=describer.describe(unpack(packed)),  # as it would be described anew, to the last bit
            said=str(Statement.of(task.photo, photo.position_source, tracks)),
        ),
    )


def camera_of(decoded: Decoded) -> Intrinsics | None:
    """What a file says of its camera, in pixels of the full-size upright photo."""
    focal_mm = decoded.exif.focal_35mm
    return None if focal_mm is None else from_focal_35mm(focal_mm, decoded.width, decoded.height)


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


def stored_path(path: Path, root: Path, known: Container[str]) -> str:
    """``relative``, whatever links lead to the folder of the photo or to the root.

    A photo that is known keeps the path that it is known by. A link to the photo itself is a name of its own.
    """
    written = relative(path, root)
    if written in known:
        return written
    real = relative(Path(os.path.realpath(path.parent)) / path.name, Path(os.path.realpath(root)))
    return real if real in known or Path(written).is_absolute() or not Path(real).is_absolute() else written

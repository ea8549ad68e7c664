"""What a gallery's rows hold: photos as they are written, and what is known of their files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from whence.gallery.photo import intrinsics_column, photo_position, position_columns
from whence.gallery.sums import sums
from whence.geo.cells import leaf_cell
from whence.photos.names import stored
from whence.types import FloatArray, LatLon, Photo, Position

_PLACE = ("lat", "lon", "x", "y")
FACTS = (
    *_PLACE,
    "position_source",
    "cell",
    "time",
    "time_is_utc",
    "heading_deg",
    "altitude_m",
    "group",
    "intrinsics",
    "accuracy_m",
    "label",
)
"""Columns that a source or the file's metadata states, as against those computed from pixels."""


@dataclass(frozen=True, slots=True)
class FileState:
    """What was known of a file when it was last looked at.

    Attributes:
        size: Bytes.
        mtime_ns: Time of change.
        content_hash: Empty for a photo that was passed over.
        facts: What is stored of an indexed photo's position, time, view and group, by column.
        reason: Why it was passed over; empty for an indexed photo.
        placed: Whether a position was known without opening the file, for a photo that was passed over.
        circumstances: What else than the file decided that, such as the GPS tracks that had no place for it.
        said: Fingerprint of what the source said of an indexed photo.
        passed: Why an indexed photo's file was passed over since: what it showed before stays.
    """

    size: int
    mtime_ns: int
    content_hash: str = ""
    facts: Mapping[str, Any] | None = None
    reason: str = ""
    placed: bool = False
    circumstances: str = ""
    said: str = ""
    passed: FileState | None = None

    @property
    def position(self) -> Position | None:
        """None for a photo that was passed over."""
        return None if self.facts is None else photo_position(*(self.facts[name] for name in _PLACE))

    def says_otherwise(self, photo: Photo) -> bool:
        """Whether a photo's source, which gives a position, now says anything else than what is stored."""
        return self.facts is not None and any(self.facts[name] != value for name, value in said_of(photo).items())


@dataclass(frozen=True, slots=True, eq=False)
class Staged:
    """Where a photo's row lies that another process wrote; see ``whence.gallery.fragments``.

    Attributes:
        fragment: Lance's description of it, as JSON.
        row: In the fragment.
        rows: That the fragment has.
        photo: As it stands in the row.
    """

    fragment: str
    row: int
    rows: int
    photo: Photo


@dataclass(frozen=True, slots=True, eq=False)
class NewPhoto:
    """A photo ready to be stored: ``photo`` as finally known, and what was computed from its bytes.

    Attributes:
        path: As stored, relative to the root.
        photo: With its position.
        source: The folder or table that named it.
        content_hash: Of the bytes.
        size: Bytes.
        mtime_ns: Time of change.
        width: Pixels of the full-size upright photo.
        height: Pixels of the full-size upright photo.
        feature_count: Local features.
        features: Packed.
        thumbnail: JPEG, or None.
        glance: Grey levels at 32 x 32 pixels.
        vector: Global descriptor ``(D,)``.
        said: Fingerprint of what the source said.
        staged: Where its row lies already; features, thumbnail and glance are there alone.
    """

    path: str
    photo: Photo
    source: str
    content_hash: str
    size: int
    mtime_ns: int
    width: int
    height: int
    feature_count: int
    features: bytes
    thumbnail: bytes | None
    glance: bytes
    vector: FloatArray
    said: str = ""
    staged: Staged | None = None


@dataclass(frozen=True, slots=True)
class Restated:
    """What is now said of a stored photo.

    Attributes:
        photo: With its position.
        state: Size and time of change of its file.
        said: Fingerprint of what the source says.
    """

    photo: Photo
    state: tuple[int, int]
    said: str

    def columns(self) -> dict[str, Any]:
        """What is to be written."""
        return {**said_of(self.photo), **state_columns(self.state), "said": self.said}


def row_of(new: NewPhoto) -> dict[str, Any]:
    """All columns of a photo."""
    row = {
        "path": new.path,
        "hash": new.content_hash,
        "source": new.source,
        "width": new.width,
        "height": new.height,
        "feature_count": new.feature_count,
        "features": new.features,
        "thumbnail": new.thumbnail,
        "glance": new.glance,
        "said": new.said,
        **state_columns((new.size, new.mtime_ns)),
        **facts_of(new.photo),
    }
    return {**row, **sums(row)}


def state_columns(state: tuple[int, int]) -> dict[str, int]:
    """Of a file's size and time of change."""
    return {"size": state[0], "mtime_ns": state[1]}


def facts_of(photo: Photo) -> dict[str, Any]:
    """Columns that a source or EXIF states, as against those computed from pixels."""
    assert photo.position is not None
    time, utc = _time(photo.time)
    return {
        **position_columns(photo.position),
        "position_source": photo.position_source,
        "cell": leaf_cell(photo.position) if isinstance(photo.position, LatLon) else None,
        "time": time,
        "time_is_utc": utc,
        "heading_deg": photo.heading_deg,
        "altitude_m": photo.altitude_m,
        "group": photo.group and stored(photo.group),  # may be the name of a folder
        "intrinsics": intrinsics_column(photo.intrinsics),
        "accuracy_m": photo.accuracy_m,
        "label": photo.label and stored(photo.label),
    }


def _time(time: datetime | None) -> tuple[datetime | None, bool]:
    """The time as stored, and whether it is UTC; None for one that has no UTC, at the ends of the calendar."""
    if time is None or time.tzinfo is None:
        return time, False
    try:
        return time.astimezone(UTC).replace(tzinfo=None), True
    except OverflowError:
        return None, False


def said_of(photo: Photo) -> dict[str, Any]:
    """What a source says anew of a stored photo; what EXIF said and the source does not know stays."""
    facts = facts_of(photo)
    if photo.time is None:
        del facts["time"], facts["time_is_utc"]
    kept = ("heading_deg", "altitude_m", "intrinsics", "label", "group")
    return {name: value for name, value in facts.items() if value is not None or name not in kept}

"""Where a photo was taken, by all who may know: its source, its file, a witness of last resort, a GPS track.

They are asked in that order, and the first who knows the position is believed. What else they know completes the photo
in the same order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from whence.gallery.photo import photo_position
from whence.photos.exif import ExifFacts
from whence.photos.sidecars import best_time
from whence.photos.tracks import SOURCE as TRACKS
from whence.photos.tracks import Tracks
from whence.types import Fix, Photo


def placed(photo: Photo, exif: ExifFacts, tracks: Tracks | None = None) -> tuple[Photo, str]:
    """The photo as far as it is known, and why it has no position (empty if it has one)."""
    known = replace(
        photo,
        time=photo.time or exif.time,
        heading_deg=exif.heading_deg if photo.heading_deg is None else photo.heading_deg,
        altitude_m=exif.altitude_m if photo.altitude_m is None else photo.altitude_m,
    )
    if known.position is None and exif.position is not None:
        known = replace(known, position=exif.position, position_source=exif.position_source, accuracy_m=exif.accuracy_m)
    if photo.fallback is not None:
        known = by_fallback(known, photo.fallback)
    if known.position is not None:
        return known, ""
    problem = exif.position_problem or "no position"
    if tracks is None:
        return known, problem
    # Where the others know no position, their times still say when; one with a zone needs no guess about clocks.
    known = replace(known, time=best_time(photo.time, exif.time, photo.fallback.time if photo.fallback else None))
    found = None if known.time is None else tracks.at(known.time)
    return (known, tracks.problem(known.time, problem)) if found is None else (_on_track(known, photo, found), "")


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


@dataclass(frozen=True, slots=True)
class Statement:
    """Fingerprints of what is said of a photo beside its file.

    Attributes:
        source: What its source says of it; empty if that is nothing.
        tracks: The GPS tracks that gave it its position, if they did.
        clock: The camera's clock that was looked up in them.
    """

    source: str = ""
    tracks: str = ""
    clock: str = ""

    @classmethod
    def of(cls, photo: Photo, position_source: object, tracks: Tracks | None) -> Statement:
        """What is said of a photo that gets its position from ``position_source``."""
        source = ""
        if photo.position is not None or photo.fallback is not None or photo.label is not None:
            said = repr(replace(photo, path=Path(), name="")).encode("utf-8", "surrogatepass")
            source = hashlib.blake2b(said, digest_size=8).hexdigest()
        if tracks is None or position_source != TRACKS:
            return cls(source)
        return cls(source, tracks.points, str(tracks.offset_s))

    @classmethod
    def read(cls, text: str) -> Statement:
        """Inverse of ``str``."""
        source, tracks, clock = (*text.split(" "), "", "")[:3]
        return cls(source, tracks, clock)

    def __str__(self) -> str:
        return f"{self.source} {self.tracks} {self.clock}"

    def is_new_after(self, before: Statement) -> bool:
        """Whether something is said that was not said before; silence is nothing new."""
        looked_up = bool(self.tracks) and (self.tracks, self.clock) != (before.tracks, before.clock)
        return looked_up or self.source not in ("", before.source)

    def after(self, before: Statement) -> Statement:
        """All that was said last: of what is silent now, what was said before."""
        return Statement(self.source or before.source, self.tracks or before.tracks, self.clock or before.clock)

    def corrects_clock_of(self, before: Statement) -> bool:
        """Whether these are the same tracks, looked up by another clock."""
        return self.tracks != "" and self.tracks == before.tracks and self.clock != before.clock


def placed_anew(found: Photo, stored: Mapping[str, Any]) -> Photo:
    """What is now known of a stored photo: ``found`` by all witnesses, unless a better one gave the stored position.

    Args:
        found: As ``placed`` gives it.
        stored: Columns of the gallery.
    """
    if found.position is not None and _rank(found.position_source) >= _rank(stored["position_source"]):
        return found
    return replace(
        found,
        position=photo_position(*(stored[name] for name in ("lat", "lon", "x", "y"))),
        position_source=stored["position_source"],
        altitude_m=None,
        accuracy_m=stored["accuracy_m"],
    )


def outdoes(photo: Photo, source: object) -> bool:
    """Whether a source's word on a position counts more than the witness that gave another one."""
    return photo.position is not None and _rank(photo.position_source) > _rank(source)


def by_copy(photo: Photo, copy: Photo) -> Photo:
    """A photo with what is said of its copy."""
    said = {
        field.name: value
        for field in fields(copy)
        if field.name not in ("path", "name", "fallback") and (value := getattr(copy, field.name)) is not None
    }
    return replace(photo, **said)


_RANKS = {"exif": 4, "xmp": 3, "takeout": 2, "class": 2, TRACKS: 1}
"""Witnesses that a position of a better one is not given up for; all others speak for somebody who meant it."""


def _rank(source: object) -> int:
    return _RANKS.get(str(source), 9)


def circumstances(photo: Photo, tracks: Tracks | None) -> str:
    """What else than its bytes decides whether a photo without a position gets one; empty where nothing does."""
    if tracks is None or photo.placed:
        return ""
    times = (photo.time, photo.fallback.time if photo.fallback else None)
    return " ".join([tracks.fingerprint, *(time.isoformat() for time in times if time is not None)])


def _on_track(known: Photo, photo: Photo, found: Fix) -> Photo:
    """At a height that belongs to the position, unless the source knows better."""
    height = found.altitude_m if photo.altitude_m is None else photo.altitude_m
    return replace(
        known,
        position=found.position,
        position_source=found.source,
        altitude_m=known.altitude_m if height is None else height,
        accuracy_m=found.accuracy_m,
    )

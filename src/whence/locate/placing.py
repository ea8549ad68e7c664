"""Where a photo was taken, by all who may know: its source, its file, a witness of last resort, a GPS track.

They are asked in that order, and the first who knows the position is believed. What else they know completes the photo
in the same order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC
from typing import Any

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


def placed_anew(photo: Photo, stored: Mapping[str, Any], tracks: Tracks | None) -> Photo | None:
    """What is now said of a stored photo whose file has not changed, without a look into it; None if nothing is.

    The file's own position is not known here, but the source of the stored one tells which witnesses it outdoes.

    Args:
        photo: What the source says.
        stored: Columns of the gallery.
        tracks: Those of this run.
    """
    if photo.position is not None:
        return photo
    source, fallback = stored.get("position_source"), photo.fallback
    if fallback is not None and fallback.position is not None and source in (fallback.source, TRACKS):
        return by_fallback(_as_stored(photo, stored), fallback)
    known = _as_stored(photo, stored)
    if source != TRACKS or tracks is None or known.time is None:
        return None
    found = tracks.at(known.time)
    return None if found is None else _on_track(known, photo, found)


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


def _as_stored(photo: Photo, stored: Mapping[str, Any]) -> Photo:
    """The photo completed by what the gallery has of it; that came from witnesses who are not asked again."""
    time = stored.get("time")
    if time is not None and stored.get("time_is_utc"):
        time = time.replace(tzinfo=UTC)
    return replace(
        photo,
        time=photo.time or time,
        heading_deg=stored.get("heading_deg") if photo.heading_deg is None else photo.heading_deg,
        altitude_m=stored.get("altitude_m") if photo.altitude_m is None else photo.altitude_m,
    )

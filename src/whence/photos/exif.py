"""What a photo's own metadata says about where, when and how it was taken: EXIF, completed by XMP."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from whence.photos import gps
from whence.photos.pillow import quiet
from whence.photos.xmp import read_xmp
from whence.types import LatLon

if TYPE_CHECKING:
    from PIL import Image

# Tags by their number in the EXIF standard.
_ORIENTATION, _TIME, _EXIF_BLOCK, _GPS_BLOCK = 0x0112, 0x0132, 0x8769, 0x8825
_TIME_ORIGINAL, _FOCAL_35MM = 0x9003, 0xA405
_OFFSET, _OFFSET_ORIGINAL, _OFFSET_DIGITIZED = 0x9010, 0x9011, 0x9012
_QUARTER_S, _CLOCK_OFF_S, _FARTHEST_ZONE_S = 900, 30, 15 * 3600

_WHEN = re.compile(r"(\d{4})[:/.-](\d\d?)[:/.-](\d\d?)[ T]+(\d\d?):(\d\d?):(\d\d?)", re.ASCII)
_ZONE = re.compile(r"([+-])(\d\d?):?(\d\d)", re.ASCII)


@dataclass(frozen=True, slots=True)
class ExifFacts:
    """Facts of one photo; whatever is missing or broken is None.

    Attributes:
        position: Where the camera stood, if that is usable.
        position_problem: Why there is no usable position; empty if there is one.
        position_source: Which part of the file has the position: ``exif`` or ``xmp``.
        altitude_m: Height above sea level.
        heading_deg: Direction of view, clockwise from north. May be magnetic: cameras mix the two up.
        time: When it was taken; without a zone where the camera gives none, and no UTC that a zone follows from.
        focal_35mm: Focal length in mm of a 35 mm camera with the same field of view.
        accuracy_m: Horizontal error that the receiver claims.
        orientation: 1 to 8, as in the EXIF standard; 1 means that the stored pixels are upright.
    """

    position: LatLon | None = None
    position_problem: str = gps.NO_POSITION
    position_source: str = "exif"
    altitude_m: float | None = None
    heading_deg: float | None = None
    time: datetime | None = None
    focal_35mm: float | None = None
    accuracy_m: float | None = None
    orientation: int = 1


def read_exif(image: Image.Image) -> ExifFacts:
    """Facts of an opened image, field by field from EXIF or else XMP. Never raises: what is broken is not there."""
    facts = _from_exif(image)
    packet = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp")
    return _completed(facts, packet) if isinstance(packet, bytes | str) else facts


def _completed(facts: ExifFacts, packet: bytes | str) -> ExifFacts:
    xmp, problem = read_xmp(packet)
    facts = replace(
        facts,
        altitude_m=xmp.altitude_m if facts.altitude_m is None else facts.altitude_m,
        heading_deg=xmp.heading_deg if facts.heading_deg is None else facts.heading_deg,
        time=_zoned(facts.time, xmp.time),
    )
    if facts.position is not None:
        return facts
    if xmp.position is None:
        said_nothing = facts.position_problem == gps.NO_POSITION
        return replace(facts, position_problem=problem if said_nothing else facts.position_problem)
    return replace(
        facts, position=xmp.position, position_problem="", position_source=xmp.source, accuracy_m=xmp.accuracy_m
    )


def _zoned(time: datetime | None, other: datetime | None) -> datetime | None:
    """The time, with the zone that another writing of the same time gives."""
    if time is None or other is None or time.tzinfo is not None or other.tzinfo is None:
        return time or other
    return time.replace(tzinfo=other.tzinfo) if abs((other.replace(tzinfo=None) - time).total_seconds()) < 1 else time


def _from_exif(image: Image.Image) -> ExifFacts:
    with quiet:
        try:
            exif = image.getexif()
        except Exception:  # noqa: BLE001 -- broken EXIF fails in a dozen ways inside Pillow; none may cost the photo
            return ExifFacts(position_problem="EXIF is broken")
        main = {tag: _tag(exif, tag) for tag in (_ORIENTATION, _TIME)}
        camera = _block(exif, _EXIF_BLOCK) or {}
        place = _block(exif, _GPS_BLOCK)
    position, problem = (None, "GPS block is broken") if place is None else gps.position(place)
    place = place or {}
    return ExifFacts(
        position=position,
        position_problem=problem,
        altitude_m=gps.altitude_m(place),
        heading_deg=gps.heading_deg(place),
        time=_taken(camera, gps.time_utc(place)) or _time(main[_TIME], camera.get(_OFFSET)),
        focal_35mm=_focal(camera.get(_FOCAL_35MM)),
        accuracy_m=gps.accuracy_m(place),
        orientation=_orientation(main[_ORIENTATION]),
    )


def _tag(exif: Image.Exif, tag: int) -> Any:
    """Values are decoded when asked for, and may turn out to be broken only then."""
    try:
        return exif.get(tag)
    except Exception:  # noqa: BLE001 -- as above
        return None


def _block(exif: Image.Exif, tag: int) -> dict[int, Any] | None:
    """The tags of a nested block, empty if there is none; None if it is broken."""
    try:
        return exif.get_ifd(tag)
    except Exception:  # noqa: BLE001 -- as above
        return None


def _orientation(value: Any) -> int:
    turned = gps.number(value)
    return int(turned) if turned is not None and turned in range(1, 9) else 1


def _focal(value: Any) -> float | None:
    focal = gps.number(value)
    return focal if focal is not None and 1 <= focal <= 10_000 else None  # 0 means unknown


def _taken(camera: dict[int, Any], utc: datetime | None) -> datetime | None:
    """The camera's time, in the zone that it gives for this time or another, or that is between it and GPS's."""
    zones = (camera.get(tag) for tag in (_OFFSET_ORIGINAL, _OFFSET_DIGITIZED, _OFFSET))
    written = next((zone for zone in zones if _zone(zone) is not None), None)
    time = _time(camera.get(_TIME_ORIGINAL), written)
    if time is None or time.tzinfo is not None or utc is None:
        return time or utc
    ahead_s = (time - utc.replace(tzinfo=None)).total_seconds()
    zone_s = round(ahead_s / _QUARTER_S) * _QUARTER_S
    if abs(ahead_s - zone_s) > _CLOCK_OFF_S or abs(zone_s) > _FARTHEST_ZONE_S:
        return time  # an old fix, or a clock that is not set: no zone is so
    return time.replace(tzinfo=timezone(timedelta(seconds=zone_s)))


def _time(value: Any, offset: Any) -> datetime | None:
    """``2008:10:23 14:27:07`` and ``+02:00``; unset cameras write zeros or blanks."""
    match = _WHEN.match(gps.text(value))
    if not match:
        return None
    try:
        year, month, day, hour, minute, second = (int(part) for part in match.groups())
        return datetime(year, month, day, hour, minute, second, tzinfo=_zone(offset))
    except ValueError:
        return None


def _zone(offset: Any) -> timezone | None:
    written = gps.text(offset)
    if written.upper() == "Z":
        return timezone.utc  # noqa: UP017 -- the others here are timezones too
    match = _ZONE.fullmatch(written)
    if not match:
        return None
    size = timedelta(hours=int(match[2]), minutes=int(match[3]))
    return timezone(-size if match[1] == "-" else size) if size < timedelta(hours=24) else None

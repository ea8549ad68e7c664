"""An XMP packet, from inside a photo or from a file beside it, to where, when and how the photo was taken.

Properties by the XMP specification, part 2 (Exif and basic schemas), those of DJI's drones, and of spherical panoramas
(GPano). RDF lets a simple property be an attribute or an element; both are read, of the described photo itself only:
what is nested deeper tells of the photos that a picture was made from.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime

from whence.photos import gps
from whence.photos.safexml import XmlError, walk
from whence.types import Fix

MAX_BYTES = 16 * 1024**2
"""Packets have some kilobytes; those that record every brush stroke have megabytes."""

_PADDING = "\0 \t\r\n"
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns# RDF"
_DESCRIPTION = "http://www.w3.org/1999/02/22-rdf-syntax-ns# Description"
ABOUT = "http://www.w3.org/1999/02/22-rdf-syntax-ns# about"
"""What a description describes: usually nothing, which means the photo."""
EXIF = "http://ns.adobe.com/exif/1.0/"
_DJI = "http://www.dji.com/drone-dji/1.0/"

_LAT, _LON = f"{EXIF} GPSLatitude", f"{EXIF} GPSLongitude"
_ALT, _ALT_REF = f"{EXIF} GPSAltitude", f"{EXIF} GPSAltitudeRef"
_HEADING, _ACCURACY = f"{EXIF} GPSImgDirection", f"{EXIF} GPSHPositioningError"
_DJI_LAT, _DJI_LON, _DJI_ALT = f"{_DJI} GpsLatitude", f"{_DJI} GpsLongitude", f"{_DJI} AbsoluteAltitude"
_DJI_LON_MISSPELT = f"{_DJI} GpsLongtitude"  # as older drones write it
_PANORAMA_HEADING = "http://ns.google.com/photos/1.0/panorama/ PoseHeadingDegrees"
_TIMES = (
    f"{EXIF} DateTimeOriginal",
    "http://ns.adobe.com/photoshop/1.0/ DateCreated",
    f"{EXIF} GPSTimeStamp",
    "http://ns.adobe.com/xap/1.0/ CreateDate",
)
_GPS = (_LAT, _LON, _ALT, _ALT_REF, _HEADING, _ACCURACY, _DJI_LAT, _DJI_LON, _DJI_ALT, _DJI_LON_MISSPELT)
_WANTED = frozenset((*_GPS, _PANORAMA_HEADING, *_TIMES))

_ANGLE = re.compile(
    r"([+-]?\d+(?:\.\d*)?)(?:\s*[,\s]\s*(\d+(?:\.\d*)?))?(?:\s*[,\s]\s*(\d+(?:\.\d*)?))?\s*([A-Z]?)",
    re.ASCII | re.IGNORECASE,
)


def read_xmp(packet: bytes | str, source: str = "xmp") -> tuple[Fix, str]:
    """What a packet says, and why it gives no position (empty if it gives one). Never raises.

    A position is ``45,26.1234N`` or ``45,26,7.4N`` as the standard has it, or degrees with a sign or a letter.

    Args:
        packet: XML, with or without the ``xpacket`` wrapper.
        source: For ``Fix.source``.
    """
    data = packet.encode("utf-8", "replace") if isinstance(packet, str) else packet
    if len(data) > MAX_BYTES:
        return Fix(None, source), f"XMP is broken: {len(data):,} bytes, more than the {MAX_BYTES:,} allowed"
    try:
        said = _properties(_without_padding(data))
    except XmlError as error:
        return Fix(None, source), f"XMP is broken: {error}"
    tags = _position_tags(said)
    position, problem = gps.position(tags)
    heading = gps.heading_deg({17: _number(said.get(_HEADING))})
    return Fix(
        position,
        source,
        time=next((time for name in _TIMES if (time := _time(said.get(name, ""))) is not None), None),
        heading_deg=gps.heading_deg({17: _number(said.get(_PANORAMA_HEADING))}) if heading is None else heading,
        altitude_m=gps.altitude_m({5: said.get(_ALT_REF, ""), 6: _number(said.get(_ALT, said.get(_DJI_ALT)))}),
        accuracy_m=gps.accuracy_m({31: _number(said.get(_ACCURACY))}),
    ), problem


def _without_padding(data: bytes) -> bytes:
    """A packet without what may surround it; one in UTF-16, of whose bytes half are NULs, with a byte order mark."""
    first = data.find(b"<")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    elif first >= 0 and data[first + 1 : first + 2] == b"\0":
        encoding = "utf-16-be" if first % 2 else "utf-16-le"
    else:
        return data.strip(_PADDING.encode())
    text = data[: len(data) // 2 * 2].decode(encoding, "replace")
    return text.strip(_PADDING).encode("utf-16")


def _properties(data: bytes) -> dict[str, str]:
    """The wanted properties of the photo, by name; the first value where one is given twice."""
    found: dict[str, str] = {}

    def note(name: str, text: str) -> None:
        if name in _WANTED:
            found.setdefault(name, text)

    walk_properties(data, note)
    return found


def walk_properties(data: bytes, note: Callable[[str, str], None]) -> None:
    """Calls back for every property of the descriptions of a packet, with its name and text; for ``ABOUT`` first.

    Raises:
        XmlError: As ``safexml.walk``.
    """
    inside: list[str] = []
    value: list[str] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        inside.append(name)
        value.clear()
        if name == _DESCRIPTION and inside[-2:-1] == [_RDF]:
            note(ABOUT, attributes.get(ABOUT, attributes.get("about", "")))
            for attribute, text in attributes.items():
                note(attribute, text.strip())

    def end(name: str) -> None:
        if inside[-3:-1] == [_RDF, _DESCRIPTION]:
            note(name, "".join(value).strip())
        inside.pop()

    walk(data, start, end, value.append)


def _position_tags(said: dict[str, str]) -> dict[int, object]:
    """The position as the GPS block of EXIF would have it, so that the same checks and the same words serve both."""
    lat, lon = said.get(_LAT), said.get(_LON)
    if lat is None and lon is None:
        lat, lon = said.get(_DJI_LAT), said.get(_DJI_LON, said.get(_DJI_LON_MISSPELT))
    tags: dict[int, object] = {}
    for text, letters, reference, value in ((lat, "NS", 1, 2), (lon, "EW", 3, 4)):
        if text is not None:
            tags[reference], tags[value] = _angle(text, letters)
    return tags


def _angle(text: str, letters: str) -> tuple[str, object]:
    """Letter of the hemisphere, and degrees, minutes and seconds as far as they are given."""
    match = _ANGLE.fullmatch(text)
    if not match:
        return "", text
    parts = tuple(float(part) for part in match.groups()[:3] if part)
    if match[4] or len(parts) > 1:
        return match[4], parts
    return letters[parts[0] < 0], (abs(parts[0]),)  # a plain number speaks by its sign


def _number(text: str | None) -> float | None:
    """``12.5`` or ``125/10``."""
    above, _, below = (text or "").partition("/")
    try:
        return gps.number(float(above) / float(below or 1))
    except (ValueError, ZeroDivisionError, OverflowError):
        return None


def _time(text: str) -> datetime | None:
    """ISO 8601 with a time of day; with a zone only if one is given."""
    if "T" not in text:
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None

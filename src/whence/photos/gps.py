"""The GPS block of EXIF: rationals and letters, often broken, to a position or the reason why there is none."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from whence.photos.checks import position_problem
from whence.types import LatLon

NO_POSITION = "no GPS position"

# Tags by their number in the EXIF standard.
_LAT_REF, _LAT, _LON_REF, _LON, _ALT_REF, _ALT, _TIME = 1, 2, 3, 4, 5, 6, 7
_HEADING, _DATE, _ACCURACY = 17, 29, 31

Tags = Mapping[int, Any]


class _BrokenError(Exception):
    """The block does not say where; the message says why."""


def position(tags: Tags) -> tuple[LatLon | None, str]:
    """Position and an empty reason, or None and the reason in words."""
    has_lat, has_lon = _LAT in tags, _LON in tags
    if not has_lat and not has_lon:
        return None, NO_POSITION
    if has_lat != has_lon:
        return None, f"GPS position has no {'longitude' if has_lat else 'latitude'}"
    try:
        lat, lon = _degrees(tags[_LAT], "latitude"), _degrees(tags[_LON], "longitude")
        # Letters are missing where a writer used signs; one minus sign shows that it did, in both numbers.
        signed = lat < 0 or lon < 0
        lat = _signed(lat, tags.get(_LAT_REF), "NS", "latitude", signed)
        lon = _signed(lon, tags.get(_LON_REF), "EW", "longitude", signed)
    except _BrokenError as broken:
        return None, str(broken)
    found = LatLon(lat, lon)
    problem = position_problem(found)
    return (None, f"GPS {problem}") if problem else (found, "")


def altitude_m(tags: Tags) -> float | None:
    """Metres above sea level; below it if the reference says so, or the number is negative."""
    height = number(tags.get(_ALT))
    if height is None:
        return None
    reference = tags.get(_ALT_REF)
    if (text(reference, strip="")[:1] or reference) in (1, 3, "1", "3", "\x01", "\x03"):
        height = -abs(height)
    # The deepest sea and the highest balloon; beyond lie the 4,294,967,295 of an unset field.
    return height if -11_000 <= height <= 100_000 else None


def heading_deg(tags: Tags) -> float | None:
    """Direction of view, 0 up to but not including 360, clockwise from north."""
    heading = number(tags.get(_HEADING))
    return heading % 360 if heading is not None and 0 <= heading <= 360 else None


def accuracy_m(tags: Tags) -> float | None:
    """The horizontal error that the receiver claims, above 0."""
    accuracy = number(tags.get(_ACCURACY))
    return accuracy if accuracy is not None and 0 < accuracy < 1e6 else None


def time_utc(tags: Tags) -> datetime | None:
    """When the receiver had its fix."""
    parts = tags.get(_TIME)
    values = [number(part) for part in parts] if isinstance(parts, Sequence) else []
    if len(values) != 3 or None in values:
        return None
    hours, minutes, seconds = (value or 0.0 for value in values)
    if not (0 <= hours < 24 and 0 <= minutes < 60 and 0 <= seconds < 61):
        return None
    try:
        year, month, day = (int(part) for part in text(tags.get(_DATE)).replace("-", ":").split(":"))
        midnight = datetime(year, month, day, tzinfo=UTC)
        return midnight + timedelta(hours=hours, minutes=minutes, seconds=seconds)
    except (ValueError, OverflowError):
        return None


def number(value: Any) -> float | None:
    """A finite float, or None: for text, true or false, several values, a rational with denominator 0."""
    if isinstance(value, Sequence) and not isinstance(value, str | bytes) and len(value) == 1:
        value = value[0]
    if value is None or isinstance(value, bool | str | bytes | Sequence):
        return None
    try:
        result = float(value)
    except (TypeError, ValueError, OverflowError, ZeroDivisionError):
        return None
    return result if math.isfinite(result) else None


def text(value: Any, strip: str = "\0 \t\r\n") -> str:
    """Text of a tag that is text or bytes, without the NULs and blanks around it; else empty."""
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    return value.strip(strip) if isinstance(value, str) else ""


def _degrees(value: Any, what: str) -> float:
    """Degrees from degrees, degrees and minutes, or degrees, minutes and seconds, any of them with decimals."""
    parts = list(value) if isinstance(value, tuple | list) else [value]
    if not 1 <= len(parts) <= 3:
        raise _BrokenError(f"GPS {what} is broken: {len(parts)} numbers, expected degrees, minutes and seconds")
    values = [number(part) for part in parts]
    if len(values) == 3 and values[2] is None:
        values[2] = 0.0  # 0/0: cameras that count in decimal minutes leave the seconds unset
    if None in values:
        raise _BrokenError(f"GPS {what} is broken: it is not a number")
    degrees, minutes, seconds = ([value or 0.0 for value in values] + [0.0, 0.0])[:3]
    # 60 in the last of the parts is what rounding makes of 59.999.
    if abs(minutes) > 60 or (abs(minutes) == 60 and len(values) > 2) or abs(seconds) > 60:
        raise _BrokenError(f"GPS {what} is broken: {minutes:g} minutes, {seconds:g} seconds")
    if degrees > 0 and (minutes < 0 or seconds < 0):
        raise _BrokenError(f"GPS {what} is broken: its parts differ in sign")
    size = abs(degrees) + abs(minutes) / 60 + abs(seconds) / 3600
    return -size if degrees < 0 or minutes < 0 or seconds < 0 else size


def _signed(value: float, reference: Any, letters: str, what: str, signed: bool) -> float:
    """Applies the letter of the hemisphere, such as ``N`` or ``S`` for ``letters="NS"``."""
    letter = text(reference)[:1].upper()
    if not letter and signed:
        return value
    if not letter:
        raise _BrokenError(f"GPS {what} does not say whether it is {' or '.join(letters)}")
    if letter not in letters:
        raise _BrokenError(f"GPS {what} is broken: marked {letter!r}, expected {' or '.join(letters)}")
    if letter == letters[1]:
        return -abs(value)
    if value < 0:
        raise _BrokenError(f"GPS {what} is broken: negative, but marked {letter}")
    return value

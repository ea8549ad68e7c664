"""File names that say where a photo was taken, as data sets of visual place recognition write them.

``@UTM_east@UTM_north@UTM_zone_number@UTM_zone_letter@latitude@longitude@pano_id@tile_num@heading@pitch@roll@height@
timestamp@note@.jpg``; any field may be empty, numbers may have leading zeros, and trailing fields may be missing.
Source: gmberton/VPR-datasets-downloader, in whose form Pittsburgh, Tokyo 24/7, SF-XL, St Lucia, MSLS, SVOX, Eynsham,
Nordland and AmsterTime are exchanged.

- The zone's letter is a latitude band, C to M south and N to X north of the equator, and so decides the hemisphere.
  Some writers put N or S for the hemisphere instead. N is north either way. S is the band from 32 to 40 degrees north
  (San Francisco, Tokyo) where the latitude or, without one, the northing agrees, and the south where it does not.
- Where the UTM fields are incomplete, latitude and longitude count. Where both are there they must agree.
- East and north without a zone and without latitude and longitude are metres on a local plane: Nordland counts 2.4 m
  for each frame of a film, AmsterTime 1 km for each pair of photos.
- A time needs a day at least (``20190131`` or ``20190131_1230``); ``201606``, a month, is none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from whence.photos.checks import position_problem
from whence.types import XY, Crs, LatLon, Photo, Position, Skipped

_P = TypeVar("_P", LatLon, XY)
_FEWEST = 3
"""Signs @ in the shortest name: ``@east@north@.jpg``."""
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)", re.ASCII)
_BANDS = "CDEFGHJKLMNPQRSTUVWX"
_BAND_S_NORTH_M = (3_500_000, 4_500_000)
"""Northings of latitudes 32 to 40, a little widened."""
_AGREE_M = 1000
"""Latitude and longitude are rounded; a wrong zone or hemisphere is hundreds of kilometres off."""


@dataclass(frozen=True, slots=True)
class NameFacts:
    """What a name says; whatever is missing or implausible is None.

    Attributes:
        position: In degrees, or metres on a local plane where the name has no zone.
        problem: Why a position that is written there cannot be used; empty if it can, or if there is none.
        time: Without a zone: the names have none.
        heading_deg: As written, clockwise from north.
        altitude_m: The field ``height``.
        group: The panorama that the photo is a part of.
    """

    position: Position | None = None
    problem: str = ""
    time: datetime | None = None
    heading_deg: float | None = None
    altitude_m: float | None = None
    group: str | None = None


class _FieldError(Exception):
    """A field cannot be used; the message says which and why."""


def read_name(name: str) -> NameFacts | None:
    """Facts in a file's name; None for an ordinary name. Never raises.

    Args:
        name: The name, or a path with ``/``.
    """
    fields = name.rpartition("/")[2].split("@")
    if fields[0] or len(fields) <= _FEWEST or not any(_NUMBER.fullmatch(field) for field in fields[1:3] + fields[5:7]):
        return None
    east, north, zone, letter, lat, lon, pano, _, heading, _, _, height, when = (*fields[1:-1], *[""] * 13)[:13]
    try:
        position, problem = _position(east, north, zone, letter, lat, lon), ""
    except _FieldError as error:
        position, problem = None, str(error)
    return NameFacts(
        position,
        problem,
        time=_time(when),
        heading_deg=_within(heading, -360, 360, turn=360),
        altitude_m=_within(height, -500, 9000),
        group=pano if pano not in ("", "None") else None,
    )


def by_name(item: Photo | Skipped, crs: Crs | None) -> Photo | Skipped:
    """The photo with what its name says, which outdoes what its file says; or why it cannot be used.

    Args:
        item: From a folder.
        crs: What positions mean in that folder; None if that is not settled.
    """
    facts = None if isinstance(item, Skipped) else read_name(item.name)
    if isinstance(item, Skipped) or (facts is None and crs is not Crs.LOCAL):
        return item
    facts = facts or NameFacts()
    if facts.problem:
        return Skipped(item.name, f"its name has no usable position: {facts.problem}")
    found = None if facts.position is None else Crs.LOCAL if isinstance(facts.position, XY) else Crs.WGS84
    if crs is Crs.LOCAL and found is not crs:
        return Skipped(
            item.name, "its name has no metres on a plane, as other photos of this folder do; index it apart"
        )
    if crs is Crs.WGS84 and found is Crs.LOCAL:
        return Skipped(item.name, "its name has metres but no UTM zone; index such photos apart, with --crs local")
    return replace(
        item,
        position=facts.position,
        position_source="name",
        time=facts.time,
        heading_deg=facts.heading_deg,
        altitude_m=facts.altitude_m,
        group=facts.group,
    )


def _position(east: str, north: str, zone: str, letter: str, lat: str, lon: str) -> Position | None:
    degrees = _pair(lat, lon, "latitude", "longitude")
    metres = _pair(east, north, "UTM_east", "UTM_north")
    written = None if degrees is None else LatLon(*degrees)
    if written is not None:
        _check(written)
    if metres is None or (written is not None and not (zone and letter)):
        return written
    if not zone and not letter:
        return _check(XY(*metres))
    position = _check(_from_utm(*metres, zone, letter.upper(), written))
    if written is not None and _apart_m(position, written) > _AGREE_M:
        raise _FieldError(f"UTM and latitude, longitude are {_apart_m(position, written) / 1000:.0f} km apart")
    return position


def _from_utm(east_m: float, north_m: float, zone: str, letter: str, written: LatLon | None) -> LatLon:
    number = int(zone) if re.fullmatch(r"\d{1,3}", zone, re.ASCII) else 0
    if not 1 <= number <= 60:
        raise _FieldError(f"UTM zone {_shown(zone)} is not 1 to 60")
    if len(letter) != 1 or letter not in _BANDS:
        raise _FieldError(f"UTM zone letter {_shown(letter)} is none of {_BANDS}")
    if not (0 <= east_m <= 1e6 and 0 <= north_m <= 1e7):
        raise _FieldError(f"UTM {east_m:g}, {north_m:g} is outside of every zone")
    south = letter < "N"
    if letter == "S":
        low, high = _BAND_S_NORTH_M
        south = written.lat < 0 if written is not None else not low <= north_m <= high
    from whence.geo.systems import to_wgs84

    return to_wgs84(f"EPSG:{327 if south else 326}{number:02d}", east_m, north_m)


def _apart_m(one: LatLon, other: LatLon) -> float:
    from whence.geo.distance import offset

    return offset(one, other)[0]


def _pair(first: str, second: str, *names: str) -> tuple[float, float] | None:
    """Two numbers, or None where neither is written."""
    if not first and not second:
        return None
    for value, name in zip((first, second), names, strict=True):
        if not _NUMBER.fullmatch(value):
            raise _FieldError(f"{name} {_shown(value)} is not a number")
    return float(first), float(second)


def _check(position: _P) -> _P:
    problem = position_problem(position)
    if problem:
        raise _FieldError(problem)
    return position


def _within(value: str, low: float, high: float, turn: float | None = None) -> float | None:
    number = float(value) if _NUMBER.fullmatch(value) else None
    if number is None or not low <= number <= high:
        return None
    return number if turn is None else number % turn % turn


def _time(value: str) -> datetime | None:
    match = re.fullmatch(r"(\d{8})(?:_(\d\d)(\d\d)?(\d\d)?)?", value, re.ASCII)
    if not match:
        return None
    day, *clock = match.groups()
    try:
        return datetime.strptime(day + "".join(part or "00" for part in clock), "%Y%m%d%H%M%S")
    except ValueError:
        return None


def _shown(value: str) -> str:
    return repr(value if len(value) <= 20 else f"{value[:20]}...")

"""Which photos of a gallery count: conditions on where and when they were taken."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from whence.errors import InputError
from whence.geo.distance import near
from whence.types import XY, Crs, DoubleArray, LatLon

Times = NDArray[np.datetime64]


@dataclass(frozen=True, slots=True)
class Where:
    """Conditions that a photo meets all of; without any, every photo counts.

    Positions are pairs of the gallery's own coordinates: latitude and longitude in degrees, or x and y in metres.
    Times are compared as they are stored: in UTC where the photo's zone is known, else by the camera's clock. A bound
    that has a zone is turned into UTC first. A photo without a time meets no condition on time.

    Attributes:
        near: Middle of a circle.
        radius_m: Its radius in metres, the rim included: geodesic, or straight on a local plane.
        box: Low corner, then high corner: south, west, north, east, or x_min, y_min, x_max, y_max; edges included.
            A west greater than the east is a box across the antimeridian.
        since: Earliest time, itself included.
        until: Latest time, itself included.
    """

    near: tuple[float, float] | None = None
    radius_m: float | None = None
    box: tuple[float, float, float, float] | None = None
    since: datetime | None = None
    until: datetime | None = None

    def __post_init__(self) -> None:
        if (self.near is None) != (self.radius_m is None):
            raise InputError("a place to be near and a radius go together; give both, or neither")
        if self.radius_m is not None and not (math.isfinite(self.radius_m) and self.radius_m > 0):
            raise InputError(f"radius {self.radius_m} m: expected a number above 0")
        for name, given, length in (("near", self.near, 2), ("box", self.box, 4)):
            if given is not None and (isinstance(given, str) or len(given) != length):
                raise InputError(f"{name} {given!r}: expected {length} numbers")
        for name, moment in (("since", self.since), ("until", self.until)):
            if moment is not None and not isinstance(moment, datetime):
                raise InputError(f"{name} {moment!r}: expected a datetime; Where.parse reads dates and text")
        if not all(map(math.isfinite, (*(self.near or ()), *(self.box or ())))):
            raise InputError("a place or a box needs finite numbers")
        if self.since is not None and self.until is not None and _stored(self.since) > _stored(self.until):
            raise InputError(f"since {self.since} is later than until {self.until}; no time is both")

    def __bool__(self) -> bool:
        return self != Where()

    @classmethod
    def parse(
        cls,
        near: str | None = None,
        radius_km: float | None = None,
        radius_m: float | None = None,
        bbox: str | None = None,
        since: str | None = None,
        until: str | None = None,
    ) -> Where:
        """Conditions as written on a command line: ``A,B``, ``A,B,C,D``, and ISO 8601 dates or times.

        A date given as ``until`` includes that whole day.

        Raises:
            InputError: What cannot be read or contradicts itself.
        """
        if radius_km is not None and radius_m is not None:
            raise InputError("--radius-km and --radius-m say the same; give one of them")
        metres = radius_m if radius_km is None else radius_km * 1000
        if (near is None) != (metres is None):
            raise InputError("--near needs --radius-km or --radius-m, and they need --near A,B")
        place, box = _numbers("--near", near, "A,B"), _numbers("--bbox", bbox, "S,W,N,E")
        return cls(
            None if place is None else (place[0], place[1]),
            metres,
            None if box is None else (box[0], box[1], box[2], box[3]),
            _time("--since", since, time.min),
            _time("--until", until, time.max),
        )

    def mask(self, crs: Crs, coordinates: DoubleArray, times: Times) -> NDArray[np.bool_]:
        """``(N,)``: which photos meet the conditions.

        Args:
            crs: What the coordinates mean.
            coordinates: ``(N, 2)``.
            times: ``(N,)`` as stored; not a time where none is known.

        Raises:
            InputError: A latitude or longitude out of range, or a box that ends before it begins.
        """
        met = np.ones(len(coordinates), np.bool_)
        if self.box is not None:
            met &= _in_box(self.box, crs, coordinates)
        if self.near is not None and self.radius_m is not None:
            met &= near(_position(self.near, crs), coordinates, self.radius_m)
        if self.since is not None:
            met &= times >= np.datetime64(_stored(self.since), "us")
        if self.until is not None:
            met &= times <= np.datetime64(_stored(self.until), "us")
        return met


def _in_box(box: tuple[float, float, float, float], crs: Crs, coordinates: DoubleArray) -> Any:
    low, left, high, right = box
    first, second = coordinates.T
    if crs is Crs.WGS84:
        _position((low, left), crs)
        _position((high, right), crs)
    if low > high or (crs is Crs.LOCAL and left > right):
        names = "south,west,north,east" if crs is Crs.WGS84 else "x_min,y_min,x_max,y_max"
        raise InputError(f"box {','.join(f'{n:g}' for n in box)}: ends before it begins; expected {names}")
    east_of, west_of = second >= left, second <= right
    beside = east_of | west_of if left > right else east_of & west_of
    if crs is Crs.WGS84 and 180 in (abs(left), abs(right)):  # 180 and -180 are one meridian
        beside |= np.abs(second) == 180
    if crs is Crs.WGS84:
        beside |= np.abs(first) == 90  # all meridians meet there
    return (first >= low) & (first <= high) & beside


def _position(pair: tuple[float, float], crs: Crs) -> LatLon | XY:
    if crs is Crs.LOCAL:
        return XY(*pair)
    lat, lon = pair
    if abs(lat) > 90 or abs(lon) > 180:
        raise InputError(f"{lat:g},{lon:g} is no latitude (-90 to 90) and longitude (-180 to 180)")
    return LatLon(lat, lon)


def _stored(moment: datetime) -> datetime:
    """As galleries store it: UTC where the zone is known, and without saying so."""
    if moment.tzinfo is None:
        return moment
    try:
        return moment.astimezone(UTC).replace(tzinfo=None)
    except OverflowError as error:
        raise InputError(f"time {moment} has no UTC; the calendar ends there") from error


def _numbers(option: str, given: str | None, form: str) -> list[float] | None:
    if given is None:
        return None
    try:
        numbers = [float(part) for part in given.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != form.count(",") + 1 or not all(map(math.isfinite, numbers)):
        raise InputError(f"{option} {given}: expected numbers as in {form}")
    return numbers


def _time(option: str, given: str | None, rest: time) -> datetime | None:
    """A time, or a date completed by the time of day that it begins or ends with."""
    if given is None:
        return None
    try:
        return datetime.combine(date.fromisoformat(given), rest)
    except ValueError:
        pass
    try:
        return datetime.fromisoformat(given)
    except ValueError as error:
        raise InputError(f"{option} {given}: expected a date or time as 2024-05-01 or 2024-05-01T14:30Z") from error

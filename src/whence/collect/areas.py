"""Boxes and spans of time that are asked for, and how they are cut up."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from whence.errors import InputError
from whence.geo.distance import geod
from whence.types import LatLon

NARROW_M = 20.0
"""A box is not cut any smaller: what lies in it shares a pin."""
SHORT_S = 3600
"""Nor is a span of time."""
_DIGITS = 7
"""Of degrees in a request: a centimetre."""


@dataclass(frozen=True, slots=True)
class Box:
    """Edges in degrees, themselves included. A west greater than the east lies across the antimeridian."""

    south: float
    west: float
    north: float
    east: float

    @classmethod
    def parse(cls, text: str) -> Box:
        """``S,W,N,E`` as on a command line.

        Raises:
            InputError: Not four numbers, out of range, or without height or width.
        """
        try:
            values = [float(part) for part in text.split(",")]
        except ValueError:
            values = []
        if len(values) != 4 or not all(map(math.isfinite, values)):
            raise InputError(f"--bbox {text}: expected S,W,N,E in degrees, such as 45.43,12.32,45.44,12.35")
        south, west, north, east = values
        if not (-90 <= south < north <= 90):
            raise InputError(f"--bbox {text}: expected south below north, both from -90 to 90; latitude comes first")
        if not (-180 <= west <= 180 and -180 <= east <= 180) or west == east:
            raise InputError(f"--bbox {text}: expected west and east from -180 to 180, and not equal")
        return cls(south, west, north, east)

    @classmethod
    def around(cls, place: LatLon, radius_m: float) -> Box:
        """The smallest box that holds a circle; all longitudes where it holds a pole."""
        _, lat, _ = geod().fwd([place.lon] * 2, [place.lat] * 2, [0, 180], [radius_m] * 2)
        if abs(place.lat) + math.degrees(radius_m / 6_350_000) >= 90:
            south, north = (min(lat), 90.0) if place.lat > 0 else (-90.0, max(lat))
            return cls(south, -180.0, north, 180.0)
        # The easternmost point of a circle lies a little nearer to the pole than its middle.
        sine = math.sin(radius_m / 6_350_000) / math.cos(math.radians(place.lat))
        half = math.degrees(math.asin(min(1.0, sine)))
        west, east = (_wrapped(place.lon - half), _wrapped(place.lon + half))
        return cls(lat[1], west, lat[0], east)

    @property
    def parts(self) -> tuple[Box, ...]:
        """Boxes that do not lie across the antimeridian: one or two."""
        if self.west < self.east:
            return (self,)
        return tuple(box for box in (replace(self, east=180.0), replace(self, west=-180.0)) if box.west < box.east)

    @property
    def size_m(self) -> tuple[float, float]:
        """Height and width in metres, the width where it is greatest."""
        widest = 0.0 if self.south <= 0 <= self.north else min(abs(self.south), abs(self.north))
        degree = 111_320.0
        return (self.north - self.south) * degree, self._degrees * degree * math.cos(math.radians(widest))

    @property
    def _degrees(self) -> float:
        return (self.east - self.west) % 360 or 360.0

    @property
    def middle(self) -> LatLon:
        """Half way between its edges."""
        return LatLon((self.south + self.north) / 2, _wrapped(self.west + self._degrees / 2))

    def holds(self, place: LatLon) -> bool:
        """Whether a place lies inside or on an edge."""
        across = self.west > self.east
        beside = place.lon >= self.west, place.lon <= self.east
        return self.south <= place.lat <= self.north and (any(beside) if across else all(beside))

    def halves(self) -> tuple[Box, Box]:
        """Cut across the longer side. Not for boxes across the antimeridian: see ``parts``."""
        height, width = self.size_m
        if height >= width:
            middle = round((self.south + self.north) / 2, _DIGITS)
            return replace(self, north=middle), replace(self, south=middle)
        middle = round((self.west + self.east) / 2, _DIGITS)
        return replace(self, east=middle), replace(self, west=middle)


@dataclass(frozen=True, slots=True)
class Cell:
    """What is asked for at once.

    Attributes:
        box: Where; None for anywhere. Never across the antimeridian.
        since_s: Earliest upload, seconds since 1970; None for ever.
        until_s: Latest upload.
    """

    box: Box | None = None
    since_s: int | None = None
    until_s: int | None = None

    @property
    def bounds(self) -> Box:
        """The box, or the whole Earth."""
        return self.box or Box(-90.0, -180.0, 90.0, 180.0)

    @property
    def key(self) -> str:
        """Its name in the journal."""
        box = (
            ""
            if self.box is None
            else ",".join(map(repr, (self.box.south, self.box.west, self.box.north, self.box.east)))
        )
        return f"{box}|{'' if self.since_s is None else self.since_s}|{'' if self.until_s is None else self.until_s}"

    def halves(self, *, in_time: tuple[int, int] | None) -> tuple[Cell, Cell] | None:
        """Two that hold the same together; None where there is nothing left to cut.

        Args:
            in_time: Earliest and latest upload there can be, where a service can be asked by time.
        """
        if self.box is not None and max(self.box.size_m) > NARROW_M:
            first, second = self.box.halves()
            return replace(self, box=first), replace(self, box=second)
        if in_time is None:
            return None
        since = in_time[0] if self.since_s is None else self.since_s
        until = in_time[1] if self.until_s is None else self.until_s
        if until - since <= SHORT_S:
            return None
        middle = (since + until) // 2
        return replace(self, since_s=since, until_s=middle), replace(self, since_s=middle + 1, until_s=until)


def _wrapped(lon: float) -> float:
    return (lon + 180) % 360 - 180

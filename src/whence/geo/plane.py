"""Positions as metres on a local plane."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from whence.errors import InputError
from whence.types import XY, DoubleArray, LatLon, Position

SEMI_MAJOR_M, FLATTENING = 6378137.0, 1 / 298.257223563  # WGS84
_E2 = FLATTENING * (2 - FLATTENING)


def coordinates(positions: Sequence[Position]) -> DoubleArray:
    """``(N, 2)``: latitude and longitude in degrees, or x and y in metres.

    Raises:
        InputError: Both kinds of positions in one list.
    """
    if len({type(position) for position in positions}) > 1:
        raise InputError("positions in degrees and positions in metres of a plane cannot be used together")
    pairs = [(p.lat, p.lon) if isinstance(p, LatLon) else (p.x, p.y) for p in positions]
    return np.array(pairs, dtype=np.float64).reshape(-1, 2)


def apart_m(first: DoubleArray, second: DoubleArray) -> DoubleArray:
    """``(N, M)`` distances of ``(N, 2)`` points of a plane from ``(M, 2)`` others."""
    return np.asarray(np.hypot(*(first[:, None] - second[None]).transpose(2, 0, 1)))


@dataclass(frozen=True, slots=True)
class Plane:
    """A plane that touches the ellipsoid at ``origin``; without an origin positions are metres already.

    Equirectangular: true scale at the origin's latitude, a few per mille off at 100 km; millimetres off at 1 km.
    Longitudes are taken the short way round, so a gallery may lie across the antimeridian.
    """

    origin: LatLon | None

    @classmethod
    def around(cls, positions: Sequence[Position]) -> Plane:
        """The plane in the middle of some positions."""
        if not positions or not isinstance(positions[0], LatLon):
            return cls(None)
        lat, lon = np.radians(coordinates(positions)).T
        mean_lon = math.atan2(float(np.sin(lon).mean()), float(np.cos(lon).mean()))
        return cls(LatLon(math.degrees(float(lat.mean())), math.degrees(mean_lon)))

    def metres(self, coords: DoubleArray) -> DoubleArray:
        """``(N, 2)`` metres east and north of the origin, for what ``coordinates`` gives."""
        if self.origin is None:
            return coords
        per_radian_east, per_radian_north = self._scale()
        north = np.radians(coords[:, 0] - self.origin.lat) * per_radian_north
        with np.errstate(invalid="ignore"):  # what is infinite becomes NaN, and is not drawn
            east = np.radians((coords[:, 1] - self.origin.lon + 180) % 360 - 180) * per_radian_east
        return np.column_stack([east, north])

    def point(self, position: Position) -> tuple[float, float]:
        """One position in metres east and north."""
        ((east, north),) = self.metres(coordinates([position])).tolist()
        return east, north

    def position(self, east: float, north: float) -> Position:
        """Inverse of ``point``."""
        if self.origin is None:
            return XY(east, north)
        per_radian_east, per_radian_north = self._scale()
        lat = self.origin.lat + math.degrees(north / per_radian_north)
        lon = self.origin.lon + math.degrees(east / per_radian_east)
        return LatLon(max(-90.0, min(90.0, lat)), (lon + 180) % 360 - 180)

    def _scale(self) -> tuple[float, float]:
        """Metres per radian east and north at the origin: radii of curvature of the WGS84 ellipsoid."""
        assert self.origin is not None
        sine, cosine = math.sin(math.radians(self.origin.lat)), math.cos(math.radians(self.origin.lat))
        curvature = 1 - _E2 * sine * sine
        east = SEMI_MAJOR_M / math.sqrt(curvature) * max(cosine, 1e-9)  # at a pole longitude means nothing
        return east, SEMI_MAJOR_M * (1 - _E2) / curvature**1.5

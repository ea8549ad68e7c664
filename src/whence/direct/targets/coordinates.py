"""Coordinates themselves, as one point or as several with weights.

The mixture's density on the sphere is that of von Mises and Fisher, on a plane the normal one (C. Bishop, Mixture
Density Networks, 1994; for places on the earth: M. Izbicki et al., Exploiting the Earth's Spherical Geometry to
Geolocate Images, ECML 2019).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from whence.direct.prediction import Prediction, weighted_median
from whence.direct.targets.target import Arrays
from whence.errors import InputError, ModelError, RecipeError
from whence.geo.distance import EARTH_M
from whence.geo.plane import coordinates
from whence.geo.sphere import off_sphere, on_sphere
from whence.types import XY, DoubleArray, Photo

SURFACES = ("sphere", "degrees", "plane")
SPREAD = (0.02, 3.0)
"""A place of a mixture is at least and at most so wide, in units of the spread of all photos."""
_RING = np.column_stack([np.cos(np.arange(8) * np.pi / 4), np.sin(np.arange(8) * np.pi / 4)])
_MEDIAN = 1.1774
"""Half of a two-dimensional normal distribution lies within so many standard deviations."""


@dataclass(frozen=True, slots=True)
class CoordinatesOptions:
    """Options of coordinates.

    Attributes:
        on: ``sphere`` (unit vectors, great-circle distance; nothing happens at 180 degrees), ``degrees`` (latitude and
            longitude as they are, squared error, as often published) or ``plane`` (metres around the middle, distance
            there); empty for the sphere, or the plane where positions are metres.
        places: Of a mixture; 1 for a single point.
    """

    on: str = ""
    places: int = 1


class Coordinates:
    """Positions as numbers around 0 with a spread of about 1."""

    options_type = CoordinatesOptions

    def __init__(self, options: CoordinatesOptions, on: str, middle: DoubleArray, scale: float) -> None:
        self.options, self.on, self.middle, self.scale = options, on, middle, scale
        self._axes = _axes(middle) if on == "sphere" else None
        self._centres = np.zeros((options.places, 2))

    @classmethod
    def learn(cls, options: CoordinatesOptions, photos: Sequence[Photo]) -> Self:
        """Finds out where the photos are.

        Raises:
            InputError: No positions, or all the same.
            RecipeError: Positions on a plane, and not ``on = 'plane'``.
        """
        positions = [photo.position for photo in photos if photo.position is not None]
        if not positions:
            raise InputError("no photo has a position; nothing can be learned")
        metric = isinstance(positions[0], XY)
        on = options.on or ("plane" if metric else "sphere")
        if on not in SURFACES:
            raise RecipeError(f"[target] on = {on!r}: expected one of {', '.join(SURFACES)}")
        if metric and on != "plane":
            raise RecipeError(f"[target] on = {on!r}: these positions are metres on a plane; expected 'plane'")
        points = coordinates(positions)
        made = cls(options, on if metric or on != "plane" else "tangent", _middle(points, metric, on), 1.0)
        apart = made._numbers(points)
        scale = float(np.sqrt((apart**2).sum(axis=1).mean() / 2))
        if not scale > 0:
            raise InputError("all photos have the same position; nothing can be learned")
        made.scale = scale
        made._centres = _spread_out(apart / scale, options.places)
        return made

    @classmethod
    def restore(cls, options: CoordinatesOptions, arrays: Arrays, words: Mapping[str, Any]) -> Self:
        """Inverse of ``arrays`` and ``words``.

        Raises:
            ModelError: They are not of such a target.
        """
        try:
            made = cls(options, str(words["on"]), np.asarray(arrays["middle"], np.float64), float(words["scale"]))
            made._centres = np.asarray(arrays["centres"], np.float64).reshape(options.places, 2)
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(f"the model's coordinates cannot be read: {error}") from error
        return made

    def arrays(self) -> dict[str, NDArray[Any]]:
        """See ``Target``."""
        return {"middle": self.middle, "centres": self._centres}

    def words(self) -> dict[str, Any]:
        """See ``Target``."""
        return {"on": self.on, "scale": self.scale}

    @property
    def metric(self) -> bool:
        """Whether positions are metres on a plane of their own."""
        return self.on == "plane"

    @property
    def width(self) -> int:
        """Two for a point; for each of several also its width and its weight."""
        return 2 if self.options.places == 1 else 4 * self.options.places

    @property
    def start(self) -> NDArray[np.float32]:
        """``(W,)`` outputs to begin with: the middle, or places spread over the photos."""
        if self.options.places == 1:
            return np.zeros(2, np.float32)
        rest = np.zeros((self.options.places, 2))
        return np.concatenate([self._centres, rest], axis=1).ravel().astype(np.float32)

    def truth(self, photos: Sequence[Photo]) -> NDArray[np.float64]:
        """``(N, 2)`` numbers: along the axes around the middle; NaN where a photo has no position."""
        found = np.full((len(photos), 2), np.nan)
        rows = [row for row, photo in enumerate(photos) if photo.position is not None]
        positions = [photos[row].position for row in rows]
        if rows:
            found[rows] = self._numbers(coordinates([p for p in positions if p is not None])) / self.scale
        return found

    def numbers(self, points: DoubleArray) -> DoubleArray:
        """``(N, 2)`` of ``(N, 2)`` coordinates, as ``truth`` gives them."""
        return self._numbers(points) / self.scale

    def predicted(self, outputs: DoubleArray) -> Prediction:
        """See ``Target``; each place of a mixture is a point with a ring around it that holds half of it."""
        places = self.options.places
        table = np.asarray(outputs, np.float64).reshape(places, -1)
        if places == 1:
            points, weights = table, np.ones(1)
        else:
            sigma, weights = widths(table[:, 2]), np.exp(table[:, 3] - table[:, 3].max())
            ring = table[:, None, :2] + _RING[None] * (_MEDIAN * sigma)[:, None, None]
            points = np.concatenate([table[:, None, :2], ring], axis=1).reshape(-1, 2)
            weights = np.repeat(weights / weights.sum(), 9) / 9
        found = self._points(points * self.scale)
        return Prediction((), np.zeros(0), found, weights, self.metric)

    def _numbers(self, points: DoubleArray) -> DoubleArray:
        """``(N, 2)`` of ``(N, 2)`` coordinates: degrees, metres, or metres along great circles from the middle."""
        if self.on in ("plane", "degrees"):
            return np.asarray(points - self.middle)
        if self.on == "tangent":
            turn = (points[:, 1] - self.middle[1] + 180) % 360 - 180
            north = np.radians(points[:, 0] - self.middle[0])
            return np.column_stack([north, np.radians(turn) * np.cos(np.radians(self.middle[0]))]) * EARTH_M
        assert self._axes is not None
        along = on_sphere(points) @ self._axes.T  # towards the middle, east, north
        angle = np.arctan2(np.hypot(along[:, 1], along[:, 2]), along[:, 0])
        length = np.maximum(np.hypot(along[:, 1], along[:, 2]), 1e-15)
        return np.asarray(along[:, 1:] * (angle / length)[:, None] * EARTH_M)

    def _points(self, numbers: DoubleArray) -> DoubleArray:
        """Inverse of ``_numbers``."""
        if self.on == "plane":
            return np.asarray(numbers + self.middle)
        if self.on == "degrees":
            lat, lon = (numbers + self.middle).T
            return np.column_stack([np.clip(lat, -90, 90), (lon + 180) % 360 - 180])
        if self.on == "tangent":
            north, east = np.degrees(numbers / EARTH_M).T
            lon = self.middle[1] + east / max(float(np.cos(np.radians(self.middle[0]))), 1e-9)
            return np.column_stack([np.clip(self.middle[0] + north, -90, 90), (lon + 180) % 360 - 180])
        assert self._axes is not None
        length = np.maximum(np.linalg.norm(numbers, axis=1), 1e-12)
        angle = length / EARTH_M
        along = np.column_stack([np.cos(angle), numbers / length[:, None] * np.sin(angle)[:, None]])
        return off_sphere(along @ self._axes)


def widths(raw: DoubleArray) -> DoubleArray:
    """Widths of a mixture's places from what an estimator gives."""
    least, most = SPREAD
    return np.asarray(least + (most - least) / (1 + np.exp(-raw)))


def _middle(points: DoubleArray, metric: bool, on: str) -> DoubleArray:
    if on == "degrees":
        return np.asarray(points.mean(axis=0))
    return weighted_median(points, np.ones(len(points)), metric)


def _axes(middle: DoubleArray) -> DoubleArray:
    """``(3, 3)``: out of the sphere at the middle, east, north."""
    lat, lon = np.radians(middle).tolist()
    out = on_sphere(middle[None])[0]
    east = np.array([-np.sin(lon), np.cos(lon), 0.0])
    north = np.array([-np.sin(lat) * np.cos(lon), -np.sin(lat) * np.sin(lon), np.cos(lat)])
    return np.stack([out, east, north])


def _spread_out(points: DoubleArray, count: int) -> DoubleArray:
    """``(count, 2)`` of the points, far from each other: the first nearest to the middle, each next one farthest from
    all before."""
    chosen = [int(np.linalg.norm(points, axis=1).argmin())]
    while len(chosen) < count:
        nearest = np.linalg.norm(points[:, None] - points[chosen][None], axis=2).min(axis=1)
        chosen.append(int(nearest.argmax()))
    return points[chosen]

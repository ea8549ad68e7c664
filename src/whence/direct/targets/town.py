"""Countries and their areas, by the nearest town: no borders are known, so near one it may be the other side's."""

from __future__ import annotations

from dataclasses import dataclass

from whence.direct.targets.target import Classes
from whence.geo.places import nearest_town
from whence.types import LatLon, Photo


@dataclass(frozen=True, slots=True)
class TownOptions:
    """Options of classes by the nearest town: there are none."""


class Country(Classes[TownOptions]):
    """The country of the nearest town."""

    options_type = TownOptions

    def labels(self, photo: Photo) -> tuple[str, ...] | None:
        """See ``Classes``."""
        town = nearest_town(photo.position) if isinstance(photo.position, LatLon) else None
        return None if town is None else (town.country,)

    def _wanted(self) -> str:
        return "a position in degrees"


class Area(Country):
    """The first administrative area (state, county) of the nearest town, by its code in GeoNames: ``HR.19``."""

    def labels(self, photo: Photo) -> tuple[str, ...] | None:
        """See ``Classes``."""
        town = nearest_town(photo.position) if isinstance(photo.position, LatLon) else None
        return None if town is None else (town.area, town.country)

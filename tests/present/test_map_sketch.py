"""Map sketches: north is up, metres are metres, and everything stays inside the file."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whence.errors import InputError
from whence.geo.distance import offset
from whence.geo.plane import Plane, coordinates
from whence.present.mapsketch import Mark, candidate_labels, map_sketch
from whence.present.mapview import View
from whence.types import XY, LatLon, Status

SVG = "{http://www.w3.org/2000/svg}"
SQUARE = [(0.0, 0.0), (100.0, 0.0), (100.0, 100.0), (0.0, 100.0)]


def circles(svg: str, kind: str) -> list[tuple[float, float, float]]:
    found = ElementTree.fromstring(svg).iter(f"{SVG}circle")
    shapes = [shape.attrib for shape in found if shape.get("class") == kind and "cx" in shape.attrib]
    return [(float(shape["cx"]), float(shape["cy"]), float(shape["r"])) for shape in shapes]


def test_north_is_up_and_the_circle_is_to_scale() -> None:
    marks = [Mark((0.0, 0.0), 50.0), Mark((0.0, 100.0), 25.0)]
    svg = map_sketch(database=SQUARE, answers=marks)
    (south, north), (wide, small) = circles(svg, "answer located")[:2], circles(svg, "circle located")[:2]
    assert north[0] == south[0]
    assert north[1] < south[1]
    assert wide[2] == pytest.approx((south[1] - north[1]) / 2, abs=0.1)
    assert wide[2] == pytest.approx(2 * small[2], abs=0.2)


def test_labels_links_truth_and_legend() -> None:
    mark = Mark((0.0, 0.0), None, Status.UNSURE, '<script>"x"', (10.0, 10.0), "#photo-3")
    svg = map_sketch(database=SQUARE, answers=[mark], buildings=[np.array(SQUARE)], candidates=[(5.0, 5.0)])
    root = ElementTree.fromstring(svg)
    link = next(root.iter(f"{SVG}a"))
    assert link.get("href") == "#photo-3"
    assert root.get("role") == "group"
    assert link.findtext(f"{SVG}title") == '<script>"x"'
    words = [text.text for text in root.iter(f"{SVG}text")]
    assert {"N", "gallery photo", "candidate, with its rank", "unsure: best guess", "true place"} <= set(words)
    assert "located" not in words
    kinds = [path.get("class") for path in root.iter(f"{SVG}path")]
    assert {"wall", "photo", "error", "truth", "scale"} <= set(kinds)


def test_an_empty_map_and_broken_numbers_are_drawn() -> None:
    ElementTree.fromstring(map_sketch(database=[], answers=[]))
    marks = [Mark((math.nan, 0.0)), Mark((1.0, 1.0), math.inf)]
    assert "nan" not in map_sketch(database=[(math.nan, 1.0), (2.0, 2.0)], answers=marks)


def test_large_galleries_stay_small_on_paper() -> None:
    crowd = np.random.default_rng(1).uniform(0, 500, (200_000, 2))
    assert len(map_sketch(database=crowd, answers=[], size=(320, 240))) < 500_000


def test_photos_of_one_place_share_a_label() -> None:
    spots = candidate_labels(np.array([(10.0, 10.0), (11.0, 10.0), (90.0, 10.0), (10.0, 12.0), (9.0, 10.0)]))
    assert list(spots.values()) == ["1, 2, 4 +1", "3"]


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)), min_size=1, max_size=20), st.floats(0, 1e7))
def test_all_points_are_in_the_window(points: list[tuple[float, float]], radius: float) -> None:
    where = np.array(points)
    view = View.fit(where, [(*points[0], radius)], (300, 200), 20)
    pixels = view.pixels(where)
    assert (pixels >= 19).all()
    assert (pixels <= (281, 181)).all()
    assert view.pixel(points[0]) == pytest.approx(tuple(pixels[0]))
    bar, words = view.bar
    assert 0.05 * view.width < bar < 0.3 * view.width
    assert words.split()[0][0] in "125"


def test_plane_is_in_metres() -> None:
    # A degree of latitude near the equator, at 45 degrees and near the pole: textbook figures for WGS84.
    for lat, degree_m in ((0.0, 110_574), (45.0, 111_132), (89.0, 111_694)):
        plane = Plane(LatLon(lat, 10.0))
        assert plane.point(LatLon(lat + 0.01, 10.0)) == pytest.approx((0.0, degree_m / 100), rel=2e-4)
    assert Plane(LatLon(0.0, 10.0)).point(LatLon(0.0, 11.0)) == pytest.approx((111_319.5, 0.0), rel=1e-5)


def test_plane_crosses_the_antimeridian() -> None:
    east, west = LatLon(0.0, 179.99), LatLon(0.0, -179.99)
    origin = Plane.around([east, west]).origin
    assert origin is not None
    assert abs(origin.lon) == pytest.approx(180.0)
    assert offset(east, west) == pytest.approx((2226.4, 90.0), rel=3e-3)


def test_distances_hold_around_the_world() -> None:
    # Paris to New York: 5,853 km by the geodesic, setting out at 291.8 degrees.
    metres, bearing_deg = offset(LatLon(48.8566, 2.3522), LatLon(40.7128, -74.006))
    assert metres == pytest.approx(5_852_935, rel=5e-3)
    assert bearing_deg == pytest.approx(291.8, abs=0.5)


def test_a_plane_of_its_own_is_left_alone() -> None:
    assert Plane.around([XY(3.0, 4.0)]).point(XY(3.0, 4.0)) == (3.0, 4.0)
    assert math.isnan(offset(XY(0.0, 0.0), XY(math.inf, 0.0))[0])
    assert offset(XY(0.0, 0.0), XY(3.0, -4.0)) == pytest.approx((5.0, 143.13), abs=0.01)
    with pytest.raises(InputError, match="used together"):
        coordinates([XY(0.0, 0.0), LatLon(0.0, 0.0)])

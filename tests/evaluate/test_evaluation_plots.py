"""Plots of evaluations: that they show what they are given, for the eye and for other readers."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from whence.evaluate.report.plots.canvas import SERIES, svg
from whence.evaluate.report.plots.curve import Curve
from whence.evaluate.report.plots.density import density
from whence.evaluate.report.plots.errormap import error_map, outside
from whence.evaluate.report.plots.errors import error_distribution
from whence.evaluate.report.plots.lengths import ceiling_of, distance_words, floor_of, given_words, tick_words
from whence.evaluate.report.plots.recall import share_within

SQUARE = np.array([(0.0, 0.0), (100.0, 0.0), (100.0, 100.0), (0.0, 100.0)])


def test_an_svg_is_well_formed_follows_the_page_and_keeps_its_text() -> None:
    curve = Curve(
        "run <1> & $x$", np.array([1.0, 10.0]), np.array([0.2, 0.9]), np.array([0.1, 0.8]), np.array([0.3, 1.0])
    )
    made = svg(share_within([curve, Curve("b", curve.x, curve.y, series=1)], tolerance_m=5), 'Shares "within"')
    root = ElementTree.fromstring(made)
    assert root.attrib["aria-label"] == 'Shares "within"'
    assert "run <1> & $x$" in [text.text for text in root.iter() if text.text]
    assert f"var(--pl-{0})" in made
    assert "var(--pl-1)" in made
    drawn = made[made.index("</style>") :]
    assert not [colour for colour in SERIES if colour in drawn]
    assert set(re.findall(r"url\(#([^)]+)\)", drawn)) <= set(re.findall(r' id="([^"]+)"', drawn))


def test_an_svg_is_the_same_every_time_and_its_ids_are_its_own() -> None:
    curve = Curve("a", np.array([1.0, 10.0]), np.array([0.2, 0.9]))
    first, again, other = (svg(share_within([curve], tolerance_m=5), alt) for alt in ("a", "a", "b"))
    assert first == again
    ids = [set(re.findall(r' id="([^"]+)"', text)) for text in (first, other)]
    assert ids[0]
    assert not ids[0] & ids[1]


def test_a_histogram_counts_every_answer_and_names_the_lost() -> None:
    errors = np.array([0.0, 1.0, 2.0, 3.0, np.inf])
    figure = error_distribution({"a": errors}, tolerance_m=5.0)
    heights = [patch.get_height() for patch in figure.axes[0].patches]  # type: ignore[attr-defined]
    assert sum(heights) == 4
    words = [text.get_text() for text in figure.axes[0].texts]
    assert "1 without an answer" in words
    assert " median 2.0 m " in words


def test_a_density_integrates_to_one_and_peaks_where_values_are() -> None:
    values = np.random.default_rng(0).normal(2, 0.5, 3000)
    at = np.linspace(-2, 6, 801)
    found = density(values, at)
    assert np.trapezoid(found, at) == pytest.approx(1, abs=0.01)
    assert at[found.argmax()] == pytest.approx(2, abs=0.3)
    assert np.isfinite(density(np.full(5, 3.0), at)).all()
    assert not density(np.zeros(0), at).any()


def shapes(made: str, kind: str) -> list[list[float]]:
    """Numbers of all lines or rings of a class of errors, in pixels."""
    drawn = made[made.index("</style>") :].split('class="frame"')[0]
    return [
        [float(number) for number in re.findall(r"-?\d+\.?\d*", data)]
        for data in re.findall(rf'class="{kind}">(?:<title>[^<]*</title>)?<path class="err" d="([^"]+)"', drawn)
    ]


def test_a_map_keeps_to_database_and_queries_however_far_an_answer_is() -> None:
    truth = np.array([(50.0, 50.0), (20.0, 20.0)])
    answers = np.array([(53.0, 54.0), (1e7, 20.0)])
    errors = np.hypot(*(answers - truth).T)
    near = error_map(SQUARE, truth[:1], answers[:1], tolerance_m=5, errors=errors[:1])
    far = error_map(SQUARE, truth, answers, tolerance_m=5, errors=errors)
    assert shapes(near, "e0") == shapes(far, "e0")
    assert outside(SQUARE, truth, answers) == 1
    ((x, y, u, v),) = shapes(far, "e0")
    across = (540 - 2 * 22) / 100  # pixels of a metre
    assert (u - x, y - v) == pytest.approx((3 * across, 4 * across), abs=0.11)  # north is up
    ((_, _, end, _),) = shapes(far, "e3")
    assert 540 < end < 10_000


@pytest.mark.parametrize(("error", "kind"), [(5.0, "e0"), (5.1, "e1"), (20.0, "e1"), (79.0, "e2"), (81.0, "e3")])
def test_a_map_colours_errors_by_tolerances(error: float, kind: str) -> None:
    truth = np.array([(0.0, 0.0)])
    made = error_map(SQUARE, truth, np.array([(error, 0.0)]), tolerance_m=5, errors=[error], names=["<b>.jpg"])
    assert len(shapes(made, kind)) == 1
    assert f"<title>&lt;b&gt;.jpg: {distance_words(error, 'm')}</title>" in made


def test_a_map_tells_queries_without_an_answer() -> None:
    truth = np.array([(10.0, 10.0), (np.nan, np.nan)])
    made = error_map(SQUARE, truth, np.full((2, 2), np.inf), tolerance_m=5, errors=[np.inf, np.nan])
    assert "no answer" in made
    assert made.split('class="frame"')[0].count('class="lost"') == 1
    assert "nan" not in made
    assert "no answer" not in error_map(np.zeros((0, 2)), truth[1:], truth[1:], tolerance_m=5, errors=[np.nan])


def test_distances_say_their_unit() -> None:
    assert [tick_words(value, "m") for value in (0.01, 0.5, 1, 200, 5000)] == ["1 cm", "50 cm", "1 m", "200 m", "5 km"]
    assert tick_words(200, "frames") == "200"
    assert [given_words(value, "m") for value in (2.5, 25, 2500)] == ["2.5 m", "25 m", "2.5 km"]
    assert [given_words(value, "frames") for value in (1, 2)] == ["1 frame", "2 frames"]
    assert distance_words(3.04, "frames") == "3 frames"
    assert distance_words(float("inf"), "frames") == "-"


@pytest.mark.parametrize("errors", [[], [0.0], [np.inf], [1e-9, 1e9], [3.0], [0.0, np.nan]])
def test_the_axis_of_errors_always_has_room_around_the_tolerance(errors: list[float]) -> None:
    values = np.array(errors)
    low, high = floor_of(values, 5.0), ceiling_of(values, 5.0)
    assert 0 < low <= 0.5
    assert high >= 20
    assert np.isfinite(high)

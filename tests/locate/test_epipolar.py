"""A query's own position from relative poses, against a world of points that is known exactly."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import whence
from courts import SIZE, TOLERANCE_M, Court, around, court, visitor
from samples import Run, write_table
from whence.errors import RecipeError
from whence.locate.pipeline import recipe_of
from whence.locate.positioners.epipolar import Epipolar, EpipolarOptions
from whence.locate.positioners.places import Places
from whence.locate.stages import Positioner, Proposal, Refined, Shortlist
from whence.locate.tried import trials_of
from whence.recipes import INDEXING, load_recipe
from whence.types import XY
from whence.verify.rerank import UNVERIFIED
from whence.worlds import Town, View, write_photo

OURS = Epipolar(EpipolarOptions(agree=2.5))


def taken(asked: Shortlist, positioner: Positioner | None = None) -> Proposal | Refined:
    """What the position and the heading are taken from."""
    found = (positioner or OURS).position(asked)
    assert found is not None
    return found.refined if found.refined is not None and found.refined.trusted else found


def off_m(asked: Shortlist, truth: View, positioner: Positioner | None = None) -> float:
    return float(np.hypot(*(taken(asked, positioner).east_north - (truth.x, truth.y))))


@given(st.integers(0, 10_000))
@settings(max_examples=15, deadline=None)
def test_the_position_and_heading_are_the_query_s_own(seed: int) -> None:
    query = visitor(seed)
    found = taken(Court(query, around(seed)).shortlist(seed))
    assert isinstance(found, Refined)
    assert np.hypot(*(found.east_north - (query.x, query.y))) < 0.5
    assert abs((found.heading_deg - query.heading_deg + 180) % 360 - 180) < 4
    assert 0 <= found.heading_deg < 360


@pytest.mark.parametrize("seed", range(4))
def test_a_plan_may_be_drawn_with_y_downwards(seed: int) -> None:
    query = visitor(seed)
    asked = Court(query, around(seed)).shortlist(seed)
    found = taken(replace(asked, points=asked.points * (1, -1)))
    assert isinstance(found, Refined)
    assert np.hypot(*(found.east_north - (query.x, -query.y))) < 0.5
    assert abs((found.heading_deg - (180 - query.heading_deg) + 180) % 360 - 180) < 4


def test_what_is_known_of_the_plan_settles_what_a_query_alone_cannot() -> None:
    query = visitor(1)
    asked = Court(query, around(1, 2)).shortlist()  # two photos fit either way
    found = {
        known: taken(replace(asked, y_down=known), Epipolar(EpipolarOptions(agree=1.5))) for known in (True, False)
    }
    up, down = found[False], found[True]
    assert isinstance(up, Refined)
    assert isinstance(down, Refined)
    assert np.hypot(*(up.east_north - (query.x, query.y))) < 0.5
    assert np.hypot(*(down.east_north - (query.x, query.y))) > 0.5
    drawn = taken(replace(asked, points=asked.points * (1, -1), y_down=True), Epipolar(EpipolarOptions(agree=1.5)))
    assert isinstance(drawn, Refined)
    assert np.hypot(*(drawn.east_north - (query.x, -query.y))) < 0.5
    assert abs((drawn.heading_deg - (180 - query.heading_deg) + 180) % 360 - 180) < 4


@pytest.mark.slow
@pytest.mark.parametrize("down", [False, True])
def test_a_gallery_finds_out_whether_its_plan_is_a_mirror_image(tmp_path: Path, run: Run, down: bool) -> None:
    town, mirror = Town(5, (1, 1)), -1 if down else 1
    rows = []
    middle = town.survey(8.0)[4]
    for number in range(16):  # all around a place, looking the same way
        aside, ahead = 1.5 * (number % 4) - 2.25, 1.5 * (number // 4) - 2.25
        view = replace(middle, x=middle.x + aside, y=middle.y + ahead, heading_deg=middle.heading_deg + number - 8)
        write_photo(tmp_path / f"{number}.jpg", town.render(view, *SIZE))
        rows.append((f"{number}.jpg", f"{view.x:.3f}", f"{mirror * view.y:.3f}", str(number)))
    table = write_table(tmp_path / "t.csv", rows, ("path", "x", "y", "group"))
    whence.index(table, tmp_path / "g", tolerance_m=TOLERANCE_M)
    gallery = whence.Gallery.open(tmp_path / "g")
    trials = trials_of(gallery, recipe_of(gallery.settings))
    assert trials is not None
    assert trials.y_down is down
    assert not trials.enough  # for a calibration
    assert whence.Locator(gallery).calibration is None
    said = json.loads(run("info", tmp_path / "g", "--format", "json").out)
    assert said["y_points"] == ("down" if down else "up")


def test_photos_may_stand_further_apart_than_the_tolerance() -> None:
    query = visitor(3)
    asked = replace(Court(query, around(3)).shortlist(), tolerance_m=0.4)
    found = taken(asked)
    assert isinstance(found, Refined)
    assert np.hypot(*(found.east_north - (query.x, query.y))) < 0.5


@pytest.mark.parametrize("fov_deg", [45, 60, 80])
def test_an_unknown_camera_is_found_out(fov_deg: float) -> None:
    errors = []
    for seed in range(5):
        query = replace(visitor(seed), fov_deg=fov_deg)
        asked = Court(query, [replace(v, fov_deg=fov_deg) for v in around(seed)], known=False).shortlist(seed)
        errors.append((off_m(asked, query), off_m(asked, query, Places())))
    ours, places = np.median(errors, axis=0)
    assert ours < 0.5
    assert ours < places


def test_positions_that_are_a_little_off_are_borne() -> None:
    query = visitor(1)
    asked = Court(query, around(1, 8)).shortlist()
    moved = asked.points + np.random.default_rng(0).normal(0, 0.2, asked.points.shape)
    assert off_m(replace(asked, points=moved), query) < 0.6


def test_one_photo_of_another_place_moves_nothing_far() -> None:
    query = visitor(2)
    asked = Court(query, around(2, 7)).shortlist()
    points = asked.points.copy()
    points[2] += (9, -7)
    assert off_m(replace(asked, points=points), query) < 0.6


FALLING_BACK = {
    "one photo": Court(visitor(3), around(3, 1)),
    "all from one place": Court(visitor(3), [replace(v, x=2.0, y=1.0) for v in around(3)]),
    "all turned on the spot": Court(View(2, 1), [replace(v, x=2.0, y=1.0, pitch_deg=5.0) for v in around(3)]),
    "few matches": Court(visitor(3), around(3), points=court(count=13)),
    "all wrong": Court(visitor(3), around(3), wrong=1.0, noise_px=50),
}


@pytest.mark.parametrize("kind", FALLING_BACK)
def test_where_geometry_tells_nothing_the_answer_is_that_of_places(kind: str) -> None:
    asked = FALLING_BACK[kind].shortlist()
    ours, places = taken(asked), Places().position(asked)
    assert isinstance(ours, Proposal)
    assert places is not None
    np.testing.assert_array_equal(ours.east_north, places.east_north)
    assert (ours.confidence, ours.order) == (places.confidence, places.order)


@pytest.mark.parametrize("kind", ["wall", "line", "same place as one"])
def test_awkward_views_give_a_position_in_reach(kind: str) -> None:
    query, views = visitor(4), around(4)
    points = court()
    if kind == "wall":
        points[:, 1] = 15
    if kind == "line":  # query and photos in one street, looking along it
        query, views = View(0, 0), [View(0, float(y)) for y in (-4, -2, 2, 4)]
    if kind == "same place as one":
        query = replace(views[0], heading_deg=views[0].heading_deg + 8)
    asked = Court(query, views, points=points).shortlist()
    found = taken(asked)
    assert np.isfinite(found.east_north).all()
    assert np.hypot(*(found.east_north - (query.x, query.y))) < (0.6 if kind != "wall" else TOLERANCE_M)


def test_nothing_verified_is_no_position() -> None:
    asked = Court(visitor(5), around(5)).shortlist()
    unverified = replace(asked, verifications=[UNVERIFIED] * len(asked))
    assert Epipolar().position(replace(unverified, similarities=np.zeros(len(asked), np.float32))) is None
    similar = Epipolar().position(unverified)
    assert similar is not None
    assert similar.evidence == (0.0, 0.0)


def test_equal_questions_get_equal_answers() -> None:
    asked = Court(visitor(6), around(6), known=False).shortlist()
    first, second = Epipolar().position(asked), Epipolar().position(asked)
    assert first is not None
    assert second is not None
    np.testing.assert_array_equal(first.east_north, second.east_north)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (EpipolarOptions(pose="magic"), "expected one of poselib, opencv, fundamental"),
        (EpipolarOptions(threshold_px=0), "threshold_px = 0: expected a number above 0"),
        (EpipolarOptions(floor=0), "floor = 0: expected a number above 0"),
    ],
)
def test_options_out_of_range_are_refused(options: EpipolarOptions, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        Epipolar(options)


def test_the_recipe_runs_on_any_default_gallery() -> None:
    ours, default = load_recipe("sift-epipolar"), load_recipe("default")
    assert all(ours.sections[section] == default.sections[section] for section in INDEXING)
    assert ours.source is not None


@pytest.mark.slow
def test_in_a_rendered_town_geometry_beats_copying_and_averaging(tmp_path: Path) -> None:
    """Truth to the millimetre; the cameras are not told."""
    town = Town(5, (1, 1))
    rows: list[tuple[str, ...]] = []
    for number, view in enumerate(town.survey(8.0)):
        write_photo(tmp_path / f"{number}.jpg", town.render(view, *SIZE))
        rows.append((f"{number}.jpg", f"{view.x:.3f}", f"{view.y:.3f}", view.place))
    whence.index(
        write_table(tmp_path / "t.csv", rows, ("path", "x", "y", "group")), tmp_path / "g", tolerance_m=TOLERANCE_M
    )
    gallery = whence.Gallery.open(tmp_path / "g")
    errors = []
    locators = [whence.Locator(gallery, recipe=name) for name in ("sift-epipolar", "default")]
    for view in [view for view in town.queries(16, spacing_m=8.0) if view.light.glow < 0.5]:
        pixels = town.render(view, *SIZE)
        found = [locator.locate(pixels) for locator in locators]
        copied = max(found[1].candidates, key=lambda candidate: candidate.inliers).position
        positions = [found[0].position, found[1].position, copied]
        errors.append([math.hypot(p.x - view.x, p.y - view.y) for p in positions if isinstance(p, XY)])
    ours, _, copy = np.median(np.array(errors), axis=0)
    assert ours < copy

"""Towns: the same for the same seed, true to their plan, rich enough for SIFT, open to walk in."""

import dataclasses
import math

import cv2
import numpy as np
import pytest

from whence.errors import InputError
from whence.types import DoubleArray
from whence.worlds import ANCHOR, Lens, Light, Town, View, elsewhere, locate_xy, plan, project, weather
from whence.worlds.buildings import Building
from whence.worlds.noise import rng_of


@pytest.fixture(scope="module")
def town() -> Town:
    return Town(5, (2, 1))


@pytest.fixture(scope="module")
def database(town: Town) -> list[View]:
    return town.survey()


def fronts(town: Town) -> list[Building]:
    return town._builder.buildings


def in_front(building: Building, back_m: float, along_m: float = 0.0, turn_deg: float = 0.0) -> View:
    """A view of a front, without noise, walkers and cars."""
    a, b = building.plot.front
    along = (b - a) / np.linalg.norm(b - a)
    x, y = (a + b) / 2 + back_m * np.array([along[1], -along[0]]) + along_m * along
    heading = math.degrees(math.atan2(-along[1], along[0])) + turn_deg  # across the front, a quarter turn left of it
    return View(float(x), float(y), heading_deg=heading, fov_deg=80, clutter=-1, lens=Lens(vignette=0))


def test_same_seed_same_bytes_whatever_was_rendered_before(town: Town, database: list[View]) -> None:
    first, other = database[3], database[9]
    fresh = Town(5, (2, 1))
    fresh.render(other, 64, 48)
    np.testing.assert_array_equal(town.render(first), fresh.render(first))


def test_textures_that_were_dropped_come_back_the_same(database: list[View]) -> None:
    small = Town(5, (2, 1))
    before = small.render(database[0], 160, 120)
    small.textures._drop(0)
    np.testing.assert_array_equal(before, small.render(database[0], 160, 120))


def test_another_seed_is_another_town(town: Town, database: list[View]) -> None:
    other = Town(6, (2, 1))
    assert other.extent != town.extent
    assert (other.render(database[0], 160, 120) != town.render(database[0], 160, 120)).mean() > 0.5


def test_photos_are_rgb_of_the_size_asked_for(town: Town, database: list[View]) -> None:
    photo = town.render(database[0], 320, 200)
    assert photo.shape == (200, 320, 3)
    assert photo.dtype == np.uint8
    clear = dataclasses.replace(Light(), clouds=0.0)
    sky = town.render(dataclasses.replace(database[0], pitch_deg=89, clutter=-1, light=clear), 64, 48)
    assert sky[24, 32, 2] > 1.3 * sky[24, 32, 0]  # the last channel is blue


def displacements(town: Town, building: Building) -> DoubleArray:
    """``(M, 2)`` pixels from where a front's homography puts SIFT features of one photo to where another shows them."""
    views = [in_front(building, 4.0, along, turn) for along, turn in ((-1.5, 12), (1.5, -9))]
    corners = np.array([[*point, z] for point in building.plot.front for z in (0.2, 5.0)])
    left, right = (project(view, corners)[0] for view in views)
    H, _ = cv2.findHomography(left, right)
    sift = cv2.SIFT_create()  # type: ignore[attr-defined]
    (points, first), (others, second) = (sift.detectAndCompute(town.render(view), None) for view in views)
    matches = cv2.BFMatcher(crossCheck=True).match(first, second)
    matches = sorted(matches, key=lambda match: match.distance)[: len(matches) // 3]
    source = np.array([points[match.queryIdx].pt for match in matches])
    target = np.array([others[match.trainIdx].pt for match in matches])
    return np.asarray(cv2.perspectiveTransform(source[None], H)[0] - target, np.float64)


def test_two_photos_of_one_front_are_related_by_its_homography(town: Town) -> None:
    chosen = [b for b in fronts(town) if b.plot.square and not b.house.balconies and b.awning is None][:3]
    moved = np.concatenate([displacements(town, building) for building in chosen])
    close = np.linalg.norm(moved, axis=1) < 3
    assert close.mean() > 0.6
    assert np.abs(np.median(moved[close], axis=0)).max() < 0.1


def test_sift_finds_enough_in_most_photos(town: Town, database: list[View]) -> None:
    sift = cv2.SIFT_create()  # type: ignore[attr-defined]
    counts = [len(sift.detect(town.render(view))) for view in database[:: len(database) // 12]]
    assert np.median(counts) >= 600


def test_views_stand_in_streets_and_survey_all_around(town: Town, database: list[View]) -> None:
    queries = town.queries(30)
    assert all(town.in_street(view.x, view.y, 1.0) for view in (*database, *queries))
    a, b = town._outlines[0][:2]
    assert not town.in_street(float(a[0] + b[0]) / 2, float(a[1] + b[1]) / 2)
    groups: dict[str, list[View]] = {}
    for view in database:
        groups.setdefault(view.place, []).append(view)
    for views in groups.values():
        assert len(views) == 4
        assert len({(view.x, view.y) for view in views}) == 1
        gaps = np.diff(sorted(view.heading_deg for view in views))
        assert gaps.min() > 60


def test_queries_are_near_the_survey_but_not_on_it(town: Town, database: list[View]) -> None:
    spots = np.array([(view.x, view.y) for view in database])
    for query in town.queries(25, seed=3):
        distance = np.linalg.norm(spots - (query.x, query.y), axis=1)
        assert 0.9 < distance.min() <= 4.01
        turns = [
            abs((database[i].heading_deg - query.heading_deg + 180) % 360 - 180)
            for i in np.flatnonzero(distance < 4.01)
        ]
        assert min(turns) <= 24.01


def test_walkers_and_cars_change_from_photo_to_photo_but_walls_do_not(town: Town, database: list[View]) -> None:
    lens = Lens(noise=0)
    bases = [dataclasses.replace(view, lens=lens) for view in database[::7]]

    def differences(view: View) -> float:
        first, second = (town.render(dataclasses.replace(view, clutter=seed), 160, 120) for seed in (1, 2))
        return float((first != second).any(axis=2).mean())

    changed = [differences(view) for view in bases]
    assert max(changed) > 0.01
    assert np.median(changed) < 0.3


def test_lights_differ(town: Town, database: list[View]) -> None:
    shown = {
        kind: town.render(dataclasses.replace(database[2], light=weather(kind, rng_of(1))), 160, 120)
        for kind in ("day", "evening", "overcast", "dusk")
    }
    assert shown["dusk"].mean() < 0.75 * shown["day"].mean()
    with pytest.raises(InputError, match="known: day"):
        weather("rain", rng_of(1))


def test_no_wall_is_shared_with_elsewhere(town: Town) -> None:
    strangers = elsewhere(3, seed=5)
    assert len(strangers) == 3
    other, view = strangers[0]
    assert not town.texture_names() & other.texture_names()
    assert view.place == "elsewhere"
    assert other.in_street(view.x, view.y)
    ours = {town.textures.get(b.storeys).base.tobytes() for b in fronts(town)[:12]}
    theirs = {other.textures.get(b.storeys).base.tobytes() for b in fronts(other)[:12]}
    assert not ours & theirs


def test_designs_and_shops_come_back(town: Town) -> None:
    names = [building.storeys for building in fronts(town)]
    assert len(set(names)) < 0.9 * len(names)
    signs = [building.sign for building in fronts(town) if building.sign]
    assert len(set(signs)) < len(signs)


def area(outline: DoubleArray) -> float:
    x, y = outline.T
    return float(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2


def test_the_plan_is_of_houses_within_the_extent(town: Town) -> None:
    west, south, east, north = town.extent
    outlines = plan(town)
    assert len(outlines) > 30
    for outline in outlines:
        assert area(outline) > 5
        assert (outline >= (west - 1e-6, south - 1e-6)).all()
        assert (outline <= (east + 1e-6, north + 1e-6)).all()


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("blocks", [(1, 1), (3, 2)])
def test_all_towns_can_be_laid_out(seed: int, blocks: tuple[int, int]) -> None:
    town = Town(seed, blocks)
    assert all(area(outline) > 0 for outline in plan(town))
    assert all(town.in_street(view.x, view.y, 0.5) for view in town.survey(headings=1))


@pytest.mark.parametrize("metres", [(0.0, 0.0), (500.0, 0.0), (0.0, -500.0), (300.0, 400.0), (-350.0, 350.0)])
def test_metres_become_degrees_of_wgs84(metres: tuple[float, float]) -> None:
    pyproj = pytest.importorskip("pyproj")
    point = locate_xy(*metres)
    bearing, _, distance = pyproj.Geod(ellps="WGS84").inv(ANCHOR.lon, ANCHOR.lat, point.lon, point.lat)
    east, north = distance * math.sin(math.radians(bearing)), distance * math.cos(math.radians(bearing))
    assert (east, north) == pytest.approx(metres, abs=1e-4)


def test_wrong_arguments_are_named() -> None:
    with pytest.raises(InputError, match="known: north, south"):
        Town(family="east")
    with pytest.raises(InputError, match="blocks"):
        Town(0, (0, 2))
    with pytest.raises(InputError, match="16 x 16"):
        Town(0, (1, 1)).render(View(0, 0), 8, 8)
    with pytest.raises(InputError, match="spacing"):
        Town(0, (1, 1)).survey(spacing_m=0)

"""Confidence and radius that a gallery learns from its own photos."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import whence
from samples import Run, World, write_photos
from whence.gallery.gallery import Gallery
from whence.geo.distance import metres_from
from whence.locate.calibration import LEAST, LEAST_PHOTOS, Calibration, Trials
from whence.locate.confidence import confidence
from whence.locate.locator import Locator
from whence.locate.pipeline import recipe_of
from whence.locate.trials import MOST, _chosen, try_out
from whence.locate.tried import calibration_of
from whence.recipes import load_recipe


def trials(count: int, seed: int = 0, worth: float = 1.0) -> Trials:
    """Answers that are right as often as a logistic model says; right ones are 1 m off, wrong ones some 80 m."""
    random = np.random.default_rng(seed)
    support = random.exponential(40, count)
    rival = support * random.uniform(0, 1, count)
    chance = 1 / (1 + np.exp(3 * worth - worth * 1.2 * np.log1p(support)))
    right = random.uniform(size=count) < chance
    error_m = np.where(right, random.uniform(0, 2, count), random.uniform(40, 120, count))
    return Trials(support, rival, error_m, error_m, np.zeros(count), grouped=True)


away = np.linspace(0, 500, 100)
"""Metres from an answer to its candidates."""


def test_less_sure_than_any_trial_is_a_radius_of_all_candidates() -> None:
    """As by night, where all trials were by day: their errors say nothing of such answers."""
    ones = np.ones(40)
    by_day = Trials(200 * ones, ones, ones, ones, 0 * ones, grouped=True)
    fitted = Calibration(by_day, 5.0)
    assert fitted.confidence(200.0, 1.0) > 0.9
    assert fitted.radius_m(200.0, 1.0, away) == pytest.approx(1.0)
    assert fitted.confidence(0.0, 0.0) < 0.2
    assert fitted.radius_m(0.0, 0.0, away) > 400


@pytest.mark.parametrize("count", [20, 60, 120])
def test_trials_themselves_are_like_trials(count: int) -> None:
    made = trials(count)
    fitted = Calibration(made, 5.0)
    pairs = list(zip(made.support, made.rival, strict=True))
    learned = [fitted.radius_m(*told, np.zeros(1)) for told in pairs]
    wide = [fitted.radius_m(*told, away) for told in pairs]
    assert np.mean(np.array(wide) > np.array(learned)) <= 0.1


evidence = st.tuples(st.floats(0, 1000), st.floats(0, 1)).map(lambda pair: (pair[0], pair[0] * pair[1]))


@given(evidence, st.floats(0, 200), st.integers(0, 30))
def test_more_evidence_is_never_less_sure(told: tuple[float, float], more: float, seed: int) -> None:
    fitted = Calibration(trials(60, seed), 5.0)
    support, rival = told
    richer = support + more, rival * (support + more) / support if support > 0 else 0.0  # the same margin
    assert fitted.confidence(*richer) >= fitted.confidence(support, rival) - 1e-12
    assert fitted.radius_m(*richer, away) <= fitted.radius_m(support, rival, away) + 1e-9
    assert 0.02 <= fitted.confidence(support, rival) <= 0.98
    assert fitted.radius_m(support, rival, away) > 0


@pytest.mark.parametrize("worth", [0.7, 1.0, 1.6])
def test_confidence_is_true_and_radii_hold_what_they_should(worth: float) -> None:
    fitted, other = Calibration(trials(150, 1, worth), 5.0), trials(4000, 2, worth)
    said = np.array([fitted.confidence(s, r) for s, r in zip(other.support, other.rival, strict=True)])
    right = other.error_m <= 5
    bins = np.minimum((said * 5).astype(int), 4)
    gaps = [abs(said[bins == at].mean() - right[bins == at].mean()) for at in range(5) if (bins == at).sum() > 100]
    assert np.mean(gaps) < 0.09
    radii = np.array([fitted.radius_m(s, r, away) for s, r in zip(other.support, other.rival, strict=True)])
    assert 0.85 < (other.error_m <= radii).mean() < 0.97


def test_few_trials_leave_the_prior() -> None:
    ones, none = np.full(LEAST, 1.0), np.zeros(LEAST)
    few = Trials(30 * ones, none, ones, ones, none, grouped=True)
    fitted = Calibration(few, 5.0)
    assert fitted.confidence(30.0, 0.0) > confidence(30.0, 0.0)
    assert fitted.confidence(0.0, 0.0) < 0.5  # nothing was seen of that, and the prior knows


def test_another_tolerance_is_another_probability() -> None:
    made = trials(100)
    narrow, wide = Calibration(made, 1.0), Calibration(made, 200.0)
    assert narrow.confidence(20, 5) < wide.confidence(20, 5)
    assert narrow.radius_m(20, 5, away) == pytest.approx(wide.radius_m(20, 5, away), rel=0.3)  # of much the same trials
    alone = replace(made, grouped=False)
    assert Calibration(alone, 200.0).radius_m(20, 5, away) == 200.0 > narrow.radius_m(20, 5, away)


def test_strangers_teach_to_refuse() -> None:
    """What photos of unknown places reach by chance stops being evidence; what only known ones reach stays."""
    made = trials(100)
    chance = np.column_stack([np.random.default_rng(0).uniform(5, 25, 60), np.zeros(60)])
    plain, warned = Calibration(made, 5.0), Calibration(replace(made, strangers=chance), 5.0)
    assert warned.confidence(15, 0) < plain.confidence(15, 0) - 0.1
    assert warned.confidence(300, 0) > 0.9
    assert len(warned.of_strangers) == 60
    assert len(plain.of_strangers) == 0
    assert len(warned.confidences) == 100  # they are no trials


def test_they_can_be_kept() -> None:
    made = replace(trials(30), strangers=np.array([[3.0, 1.0], [0.0, 0.0]]))
    again = Trials.restored(made.arrays())
    assert again.grouped is made.grouped
    assert all(np.array_equal(array, again.arrays()[name]) for name, array in made.arrays().items())


def test_a_gallery_tries_itself(world: World) -> None:
    gallery = Gallery.open(world.gallery)
    recipe = recipe_of(gallery.settings)
    fitted = calibration_of(gallery, recipe, gallery.settings.tolerance_m)
    assert (fitted is not None) == (len(gallery) >= LEAST_PHOTOS and len(_chosen(gallery)) >= LEAST)
    plain = Locator(gallery, calibrated=False)
    assert plain.calibration is None
    assert calibration_of(gallery, load_recipe("sift-sum50"), 5.0) is None  # nobody tried that one


@pytest.mark.slow
def test_a_street_of_photos(tmp_path: Path, run: Run) -> None:
    folder = tmp_path / "gallery"
    whence.index(write_photos(tmp_path / "photos", LEAST_PHOTOS + 5), folder)
    gallery = Gallery.open(folder)
    recipe = recipe_of(gallery.settings)
    chosen = _chosen(gallery)
    assert len(chosen) == LEAST_PHOTOS + 5 <= MOST
    assert len({row for row, _ in chosen}) == len(chosen)
    assert all(row in hidden for row, hidden in chosen)
    kept = gallery.trials(recipe.asking_hash)
    assert kept is not None
    arrays, photos = kept
    assert photos == len(gallery)
    again = try_out(gallery, recipe, workers=3)
    assert again is not None
    assert all(np.array_equal(array, arrays[name]) for name, array in again.arrays().items())
    assert len(again.strangers) == len(chosen[::2])
    said = json.loads(run("info", folder, "--format", "json").out)["expected"]
    assert said["asked"] == len(again)
    assert said["strangers"] == len(again.strangers)
    assert said["strangers_located"] == 0
    assert "of places unknown to it, none would be taken for located" in run("info", folder).out
    assert said["within_tolerance"] == pytest.approx((Calibration(again, 25.0).error_m <= 25).mean(), abs=1e-3)
    assert "of its own photos, asked as if their place were not there" in run("info", folder).out
    locator = Locator(gallery)
    assert locator.calibration is not None
    answer = locator.answer(tmp_path / "photos" / "03.jpg")
    assert answer.evidence is not None
    assert answer.location.confidence == locator.calibration.confidence(*answer.evidence)
    place = answer.location.position
    assert place is not None
    candidates_m = metres_from(place, gallery.coordinates[list(answer.shortlist)])
    assert answer.location.radius_m == pytest.approx(
        locator.calibration.radius_m(*answer.evidence, candidates_m), rel=1e-3
    )
    whence.index(write_photos(tmp_path / "photos", 3, first=LEAST_PHOTOS + 5), folder)
    later = Gallery.open(folder).trials(recipe.asking_hash)
    assert later is not None
    assert later[1] == photos  # it has grown too little to try again


def fits(photos: float, nearer: int, count: int) -> tuple[list[float], list[float], list[float]]:
    """Errors of places, of geometry, and photos that it fits, where it is nearer in some of the trials."""
    return [4.0] * count, [1.0] * nearer + [9.0] * (count - nearer), [photos] * count


@pytest.mark.parametrize(
    ("bands", "expected"),
    [
        ([(8, 30, 30), (4, 20, 20), (3, 18, 20), (2, 17, 20)], 1.8),  # a room
        ([(8, 0, 0), (4, 5, 5), (3, 18, 23), (2, 27, 57)], 2.5),  # streets: two photos prove nothing
        ([(8, 10, 10), (4, 2, 20), (2, 20, 20)], 6.0),  # what fewer photos say is worth no more
        ([(8, 3, 30)], np.inf),  # wrong pins
        ([], 3.5),  # none was seen
    ],
)
def test_geometry_has_a_say_where_it_is_nearer(bands: list[tuple[float, int, int]], expected: float) -> None:
    made_of = [fits(*band) for band in bands]
    plain, told, photos = ([value for band in made_of for value in band[part]] for part in range(3))
    made = trials(40)
    ones = np.full(40, 2.0)
    made = Trials(
        np.append(made.support, np.full(len(plain), 50.0)),
        np.append(made.rival, np.zeros(len(plain))),
        np.append(ones, plain),
        np.append(ones, told),
        np.append(np.zeros(40), photos),
        grouped=True,
    )
    fitted = Calibration(made, 5.0)
    assert fitted.refine_from == expected
    taken = np.array(photos) >= expected
    assert np.array_equal(fitted.error_m[40:], np.where(taken, told, plain))

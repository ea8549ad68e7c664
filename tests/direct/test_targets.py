"""What every target promises, and what is particular to some."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regions import CENTRES, photos
from whence import plugins
from whence.direct.prediction import weighted_median
from whence.direct.targets.coordinates import Coordinates, CoordinatesOptions
from whence.direct.targets.target import Classes, Target
from whence.errors import InputError, ModelError, RecipeError
from whence.geo.distance import metres_from
from whence.geo.sphere import off_sphere, on_sphere
from whence.recipes import method_of
from whence.types import XY, LatLon, Photo

OPTIONS: dict[str, dict[str, Any]] = {
    "kmeans": {"places": 3},
    "s2": {"level": 8, "coarser": 1},
    "s2-adaptive": {"least": 4, "most": 16, "coarser": 1},
    "grid": {"size_deg": 0.5},
    "coordinates": {"places": 3},
}
targets = pytest.mark.parametrize("name", plugins.names(plugins.TARGETS))


def made(name: str, given: list[Photo], **options: Any) -> Any:
    kind, chosen = method_of(plugins.TARGETS, "target", {"method": name, **OPTIONS.get(name, {}), **options})
    return kind.learn(chosen, given)


def restored(name: str, target: Target, **options: Any) -> Any:
    kind, chosen = method_of(plugins.TARGETS, "target", {"method": name, **OPTIONS.get(name, {}), **options})
    return kind.restore(chosen, target.arrays(), target.words())


@targets
def test_a_target_is_the_same_after_it_was_kept(name: str) -> None:
    known = photos()
    target = made(name, known)
    assert isinstance(target, Target)
    again = restored(name, target)
    assert again.width == target.width
    assert np.array_equal(again.truth(known), target.truth(known))
    outputs = np.random.default_rng(1).normal(size=target.width)
    before, after = target.predicted(outputs), again.predicted(outputs)
    assert list(before.names) == list(after.names)
    assert np.array_equal(before.points, after.points)
    assert np.array_equal(before.weights, after.weights)


@targets
def test_weights_add_up_and_places_are_near_the_photos(name: str) -> None:
    known = photos()
    target = made(name, known)
    for seed in range(5):
        found = target.predicted(np.random.default_rng(seed).normal(size=target.width))
        assert found.weights.sum() == pytest.approx(1)
        assert (found.weights >= 0).all()
        if len(found.names):
            assert found.probabilities.sum() == pytest.approx(1)
        point, expected = found.best()
        assert isinstance(point, LatLon)
        assert 0 <= expected < 1_000_000
        if len(found.points):
            apart = min(float(found.weights @ metres_from(found.position(one), found.points)) for one in found.points)
            assert expected <= apart + 1  # no point is expected to be nearer than the best


@targets
def test_all_training_photos_have_a_truth(name: str) -> None:
    known = photos()
    truth = made(name, known).truth(known)
    assert len(truth) == len(known)
    assert (truth >= 0).all() if truth.dtype.kind == "i" else np.isfinite(truth).all()


@targets
def test_photos_that_tell_nothing_are_refused(name: str) -> None:
    bare = [Photo(photo.path.parent.parent / photo.path.name, "x") for photo in photos()]
    with pytest.raises(InputError):
        made(name, bare)


@pytest.mark.parametrize("name", sorted({*plugins.names(plugins.TARGETS)} - {"coordinates", "kmeans"}))
def test_one_class_is_refused(name: str) -> None:
    alone = [photo for photo in photos() if photo.label == "coast"][:4]
    with pytest.raises(InputError, match="expected at least two"):
        made(name, alone)


@targets
def test_arrays_of_something_else_are_refused(name: str) -> None:
    kind, chosen = method_of(plugins.TARGETS, "target", {"method": name, **OPTIONS.get(name, {})})
    with pytest.raises((ModelError, KeyError)):
        kind.restore(chosen, {"what": np.zeros(3)}, {"ever": 1})


@pytest.mark.parametrize("name", ["kmeans", "grid", "coordinates"])
def test_metres_on_a_plane(name: str) -> None:
    known = photos(metric=True)
    target = made(name, known, **({"size_m": 300.0} if name == "grid" else {}))
    found = target.predicted(np.zeros(target.width))
    assert found.metric
    assert isinstance(found.best()[0], XY)


def test_classes_are_what_they_are_called() -> None:
    known = photos()
    named = made("named", known)
    assert named.names == sorted(CENTRES)
    assert made("country", known).names == ["Croatia", "Hungary"]
    areas = made("area", known)
    assert {name.split(".")[0] for name in areas.names} == {"HR", "HU"}
    assert areas.partitions[1] == ["Croatia", "Hungary"]
    assert Counter(made("kmeans", known).truth(known)[:, 0].tolist()) == {0: 24, 1: 24, 2: 24}


def test_a_class_is_as_likely_as_its_parents_allow() -> None:
    target = made("s2", photos(), level=8, coarser=1)
    fine, coarse = target.partitions
    assert len(coarse) < len(fine)
    outputs = np.zeros(target.width)
    outputs[len(fine)] = 20  # the first coarse cell is certain
    found = target.predicted(outputs)
    first = target.predicted(np.zeros(target.width))
    assert (found.probabilities > 1e-6).sum() < len(fine)
    assert first.probabilities.max() > 0


def test_positions_are_kept_for_every_class_or_none() -> None:
    known = [*photos(), Photo(photos()[0].path, "x", None, label="nowhere")]
    target = made("named", known)
    assert "nowhere" in target.names
    assert not len(target.predicted(np.zeros(target.width)).points)


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("s2", {"level": 31}, "level = 31"),
        ("s2", {"level": 3, "coarser": 2}, "at least 0"),
        ("s2-adaptive", {"least": 50, "most": 10}, "expected most to be at least least"),
        ("grid", {"size_deg": 0.0}, "expected numbers above 0"),
        ("coordinates", {"on": "cube"}, "expected one of sphere"),
        ("kmeans", {"places": 500}, "cannot be 500 places"),
    ],
)
def test_misuse(name: str, options: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        made(name, photos(), **options)


def test_degrees_are_no_metres() -> None:
    with pytest.raises(RecipeError, match="metres on a plane"):
        made("coordinates", photos(metric=True), on="sphere")
    with pytest.raises(InputError, match="position in degrees"):
        made("s2", photos(metric=True))


positions = st.builds(LatLon, st.floats(-85, 85), st.floats(-180, 180))


@settings(deadline=None)
@given(st.lists(positions, min_size=2, max_size=8, unique=True), st.sampled_from(["sphere", "plane"]))
def test_numbers_and_back(where: list[LatLon], on: str) -> None:
    given_photos = [Photo(photos()[0].path, "x", position) for position in where]
    try:
        target = Coordinates.learn(CoordinatesOptions(on=on), given_photos)
    except InputError:  # all the same, to the last bit
        return
    truth = target.truth(given_photos)
    middle = target._points(np.zeros((1, 2)))[0]
    for numbers, position in zip(truth, where, strict=True):
        found = target.predicted(numbers).best()[0]
        assert isinstance(found, LatLon)
        away = float(metres_from(LatLon(*middle.tolist()), np.array([[position.lat, position.lon]]))[0])
        if away < 19e6:  # its antipode is everywhere at once
            error = float(metres_from(found, np.array([[position.lat, position.lon]]))[0])
            assert error < 1 + 0.01 * away if on == "sphere" else error < 10 + 0.01 * away


def test_no_seam_at_180_degrees() -> None:
    near = [Photo(photos()[0].path, "x", LatLon(0.0, lon)) for lon in (179.0, -179.0, 179.5, -179.5)]
    for on in ("sphere", "plane"):
        target = Coordinates.learn(CoordinatesOptions(on=on), near)
        assert np.abs(target.truth(near)).max() < 2
        point = target.predicted(np.zeros(2)).best()[0]
        assert isinstance(point, LatLon)
        assert abs(abs(point.lon) - 180) < 0.1
    degrees = Coordinates.learn(CoordinatesOptions(on="degrees"), near)
    middle = degrees.predicted(np.zeros(2)).best()[0]
    assert isinstance(middle, LatLon)
    assert abs(middle.lon) < 1  # as published: the middle of 179 and -179 is 0


near = st.builds(LatLon, st.floats(-60, 60), st.floats(100, 190))


@settings(deadline=None)
@given(st.lists(near, min_size=1, max_size=6))
def test_the_median_is_no_farther_than_any_of_the_points(where: list[LatLon]) -> None:
    points = np.array([(position.lat, (position.lon + 180) % 360 - 180) for position in where])
    middle = LatLon(*weighted_median(points, np.ones(len(points)), metric=False).tolist())
    cost = metres_from(middle, points).sum()
    assert cost <= min(metres_from(LatLon(*one.tolist()), points).sum() for one in points) * 1.01 + 1
    assert np.allclose(on_sphere(off_sphere(on_sphere(points))), on_sphere(points))


def test_a_label_that_was_not_learned_has_no_class() -> None:
    target = made("named", photos())
    assert isinstance(target, Classes)
    other = Photo(photos()[0].path, "x", LatLon(0, 0), label="elsewhere")
    assert target.truth([other]).tolist() == [[-1]]

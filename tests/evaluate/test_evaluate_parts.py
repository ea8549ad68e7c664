"""Splits, sweeps, judging, names: pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from whence.errors import InputError, RecipeError
from whence.evaluate.answers import Answered
from whence.evaluate.inputs import spread
from whence.evaluate.judging import clusters_of, judge
from whence.evaluate.model import Question
from whence.evaluate.running import file_name
from whence.evaluate.splits import hold_out
from whence.evaluate.sweeps import Sweep, variants
from whence.geo.distance import equirectangular_m, offsets_m
from whence.recipes import load_recipe
from whence.types import XY, Candidate, Crs, LatLon, Location, Status

GROUPS = st.lists(st.one_of(st.none(), st.sampled_from("abcdefghij")), min_size=4, max_size=60).filter(
    lambda groups: len(set(groups)) > 2 and max(groups.count(group) for group in set(groups)) < len(groups) / 2
)


@given(GROUPS, st.floats(0.05, 0.4), st.integers(0, 2**32), st.booleans())
def test_no_group_is_on_both_sides(groups: list[str | None], share: float, seed: int, whole: bool) -> None:
    held = hold_out(groups, share, seed, whole_groups=whole)
    assert held.shape == (len(groups),)
    assert held.any()
    assert not held.all()
    assert np.array_equal(held, hold_out(groups, share, seed, whole_groups=whole))
    assert held.sum() >= share * len(groups)
    if whole:
        sides = {group: {bool(h) for g, h in zip(groups, held, strict=True) if g == group} for group in groups if group}
        assert all(len(side) == 1 for side in sides.values())
    else:
        assert held.sum() < share * len(groups) + 1


def test_another_seed_is_another_split() -> None:
    groups = [f"g{number // 3}" for number in range(90)]
    assert len({hold_out(groups, 0.2, seed).tobytes() for seed in range(5)}) == 5


@pytest.mark.parametrize("groups", [["a", "a", "a"], ["a"], []])
def test_a_single_group_cannot_be_split(groups: list[str | None]) -> None:
    with pytest.raises(InputError, match="cannot be split"):
        hold_out(groups, 0.5, 0)


@pytest.mark.parametrize(
    ("said", "values"),
    [
        ("retrieve.top_k=10,50,100", (10, 50, 100)),
        ("match.ratio = 0.7, 0.8", (0.7, 0.8)),
        ("verify.method=robust,ransac", ("robust", "ransac")),
        ('verify.method="robust"', ("robust",)),
        ("verify.refine=true,false", (True, False)),
    ],
)
def test_values_of_sweeps_are_toml(said: str, values: tuple[object, ...]) -> None:
    parsed = Sweep.parse(said)
    assert parsed.values == values
    assert [type(value) for value in parsed.values] == [type(value) for value in values]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("retrieve.top_k", "expected section.option"),
        ("top_k=3", "expected section.option"),
        ("retrieve.top_k=", "expected section.option"),
        ("retreive.top_k=3", "did you mean 'retrieve'"),
        ("retrieve.top_k=3,3", "named twice"),
    ],
)
def test_broken_sweeps_are_told(said: str, told: str) -> None:
    with pytest.raises((InputError, RecipeError), match=told):
        Sweep.parse(said)


def test_several_sweeps_are_combined_and_leave_the_recipe_alone() -> None:
    recipe = load_recipe("default")
    before = recipe.hash
    found = variants(recipe, [Sweep.parse("retrieve.top_k=1,2"), Sweep.parse("match.ratio=0.7,0.8,0.9")])
    assert len({each.hash for each, _ in found}) == 6
    assert len({each.indexing_hash for each, _ in found}) == 1
    assert recipe.hash == before
    assert variants(recipe, []) == [(recipe, {})]


@given(st.text(max_size=300))
def test_names_of_runs_are_names_of_files(name: str) -> None:
    made = file_name(name)
    assert not set(made) & set('/\\:*?"<>| \0')
    assert len(made) < 200


def test_long_names_stay_apart() -> None:
    assert file_name("x" * 400 + "1") != file_name("x" * 400 + "2")


def question(name: str, truth: XY | LatLon | None, group: str | None = None, label: str | None = None) -> Question:
    return Question(name, Path(name), truth, group, label)


def answered(
    position: XY | LatLon | None,
    candidates: Sequence[XY | LatLon],
    shortlist: Sequence[XY | LatLon],
    path: str = "db",
) -> Answered:
    status = Status.FAILED if position is None else Status.LOCATED
    named = tuple(Candidate(path, where, 0.5, 9, number) for number, where in enumerate(candidates))
    return Answered(Location("q", status, position, None, 0.7, named, {"search": 0.5}), tuple(shortlist))


def test_answers_are_held_against_the_truth() -> None:
    asked = [question("a", XY(0, 0), label="town"), question("b", XY(10, 20), label="sea"), question("c", None)]
    given_ = [
        answered(XY(3, -4), [XY(3, -4), XY(0, 0)], [XY(0, 0), XY(3, -4), XY(6, 8)]),
        answered(None, [], []),
        answered(XY(1, 1), [XY(1, 1)], [XY(1, 1)], "other"),
    ]
    found = judge(asked, given_, Crs.LOCAL, {"db": "town", "other": "sea"}, np.arange(3))
    assert found.known.tolist() == [True, True, False]
    assert found.error_m[:2].tolist() == [5.0, np.inf]
    assert np.isnan(found.error_m[2])
    assert found.offset_m[0].tolist() == [3.0, -4.0]
    assert found.retrieved_m[0].tolist() == [0.0, 5.0, 10.0]
    assert found.ranked_m[0].tolist() == [5.0, 0.0]
    assert found.retrieved_m[1].tolist() == [np.inf] * 3
    assert np.isnan(found.retrieved_m[2]).all()
    assert found.extent_m == 30.0
    assert found.classes == ("sea", "town")
    assert found.truth_class is not None
    assert found.answer_class is not None
    assert found.truth_class.tolist() == [1, 0, -1]
    assert found.answer_class.tolist() == [1, -1, 0]
    assert found.offset_deg is None
    assert np.isnan(found.radius_m).all()


def test_an_answer_of_another_kind_is_infinitely_wrong() -> None:
    found = judge([question("a", LatLon(50, 10))], [answered(XY(50, 10), [], [])], Crs.WGS84, {}, np.arange(1))
    assert found.error_m.tolist() == [np.inf]


def test_errors_across_the_antimeridian_are_short() -> None:
    truth, said = LatLon(10.0, 179.999), LatLon(10.001, -179.999)
    found = judge([question("a", truth)], [answered(said, [said], [said])], Crs.WGS84, {}, np.arange(1))
    assert found.offset_deg is not None
    assert found.equirectangular_m is not None
    assert found.offset_deg[0] == pytest.approx([0.001, 0.002])
    assert found.error_m[0] == pytest.approx(245.6, abs=1.0)
    assert found.offset_m[0] == pytest.approx([219.3, 110.6], abs=0.5)
    assert found.equirectangular_m[0] == pytest.approx(found.error_m[0], rel=0.006)
    assert found.retrieved_m[0, 0] == pytest.approx(found.error_m[0])


@given(st.floats(-80, 80), st.floats(-180, 180), st.floats(-0.01, 0.01), st.floats(-0.01, 0.01))
def test_the_approximation_is_good_over_a_city(lat: float, lon: float, north: float, east: float) -> None:
    first, second = np.array([[lat, lon]]), np.array([[lat + north, lon + east]])
    exact = np.hypot(*offsets_m(first, second, Crs.WGS84).T)
    assert equirectangular_m(first, second) == pytest.approx(exact, rel=0.007, abs=0.01)


def test_groups_and_runs_of_frames_are_drawn_together() -> None:
    asked = [question(str(n), XY(n, 0), group) for n, group in enumerate(["a", None, "a", None, "b"])]
    clusters = clusters_of(asked, None)
    assert clusters[0] == clusters[2]
    assert len(set(clusters.tolist())) == 4
    assert clusters_of([question("0", XY(0, 0)), question("1", XY(0, 0), "0")], None).tolist() != [0, 0]
    walk = [question(str(n), XY(n, 0)) for n in range(25)] + [question("x", None), question("y", None)]
    assert np.bincount(clusters_of(walk, 2)).tolist() == [1, 1, 10, 10, 5]


@given(st.integers(0, 50), st.integers(1, 60))
def test_a_limit_is_spread_evenly(count: int, limit: int) -> None:
    asked = [question(str(number), None) for number in range(count)]
    chosen = [int(each.name) for each in spread(asked, limit)]
    assert len(chosen) == min(count, limit)
    assert chosen == sorted(set(chosen))
    if len(chosen) > 1:
        steps = np.diff(chosen)
        assert steps.max() - steps.min() <= 1

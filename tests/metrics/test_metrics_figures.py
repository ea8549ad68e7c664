"""Figures of bare arrays, and what cannot be meant."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import made_outcomes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_outcomes import outcomes

from whence.errors import InputError
from whence.metrics.calibration import auroc, calibration_error, inside_radius
from whence.metrics.classes import confusion
from whence.metrics.curves import recall_curve, rejection_curve, reliability, threshold_curve
from whence.metrics.errors import manhattan_mean, mean_error, quantile, squared_deg, within
from whence.metrics.outcomes import Outcomes
from whence.metrics.recall import recall
from whence.metrics.resampling import bootstrap
from whence.metrics.statistics import Mean
from whence.metrics.summary import at_distance, describe, summarise

INF, NAN = math.inf, math.nan
distances = st.floats(0, 100) | st.just(INF)
judged = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=30)


@given(lists=st.lists(st.lists(distances, min_size=5, max_size=5), min_size=1, max_size=10), t=st.floats(0.1, 99))
def test_recall_grows_with_n_and_threshold(lists: list[list[float]], t: float) -> None:
    shares = [recall(lists, n, t) for n in range(1, 9)]
    assert shares == sorted(shares)
    assert shares[4] == shares[-1] == np.mean([min(row) <= t for row in lists])
    assert all(recall(lists, n, t) <= recall(lists, n, t * 2) for n in (1, 3))


def test_recall_by_hand() -> None:
    assert recall([[30.0, 10.0], [5.0, 40.0], [INF, INF]], 1, 25) == pytest.approx(1 / 3)
    assert recall([[30.0, 10.0], [5.0, 40.0], [INF, INF]], 2, 25) == pytest.approx(2 / 3)
    assert recall(np.empty((2, 0)), 5, 25) == 0


def test_a_missing_answer_counts_as_infinitely_wrong() -> None:
    assert within([1, 25, INF], 25) == pytest.approx(2 / 3)
    assert mean_error([1, 3, INF]) == 2
    assert quantile([1, 3, INF], 0.5) == 3
    assert quantile([1, 3, INF], 0.75) == quantile([INF], 0.5) == INF
    assert manhattan_mean([[3.0, -4.0], [INF, INF]], 100) == pytest.approx(53.5)
    assert squared_deg([[0.1, 0.2], [INF, INF], [-0.3, 0]]) == pytest.approx((0.05, 0.02, 0.035))
    assert math.isnan(mean_error([INF]))
    assert all(map(math.isnan, squared_deg([[INF, INF]])))


@given(errors=st.lists(st.floats(0, 1e7), min_size=1, max_size=40), share=st.floats(0, 1))
def test_quantiles_are_numpys(errors: list[float], share: float) -> None:
    assert quantile(errors, share) == pytest.approx(np.quantile(errors, share))


@given(judged)
def test_auroc_by_ranks_is_that_of_all_pairs(pairs: list[tuple[float, bool]]) -> None:
    score, good = zip(*pairs, strict=True)
    assert auroc(score, good) == pytest.approx(made_outcomes.auroc(score, good), nan_ok=True)
    turned = auroc(-np.array(score), good)
    assert turned == pytest.approx(1 - auroc(score, good), nan_ok=True)


def test_auroc_by_hand() -> None:
    assert auroc([0.9, 0.8, 0.1], [True, True, False]) == 1
    assert auroc([0.5, 0.5], [True, False]) == 0.5
    assert math.isnan(auroc([0.5, 0.4], [True, True]))


@given(judged, st.integers(1, 20))
def test_calibration_error_is_a_share(pairs: list[tuple[float, bool]], bins: int) -> None:
    confidence, good = zip(*pairs, strict=True)
    found = calibration_error(confidence, good, bins)
    assert -1e-12 <= found <= 1 + 1e-12
    assert found == pytest.approx(made_outcomes.calibration_error(confidence, good, bins), abs=1e-12)


def test_calibration_error_by_hand() -> None:
    assert calibration_error([1, 1, 0], [True, True, False]) == 0
    assert calibration_error([1, 0], [False, True]) == 1
    assert calibration_error([0.75] * 4, [True, True, True, False]) == 0


def test_inside_radius_leaves_out_answers_without_one() -> None:
    assert inside_radius([1, 9, INF, 1], [2, 2, 2, NAN]) == pytest.approx(1 / 3)
    assert math.isnan(inside_radius([1], [NAN]))


def test_confusion_has_truth_in_rows() -> None:
    table = confusion([0, 0, 1, -1, 1], [0, 1, 0, 0, -1], 2)
    assert table.tolist() == [[1, 1], [1, 0]]


@given(st.lists(st.tuples(st.integers(-1, 3), st.integers(-1, 3)), min_size=1, max_size=30))
def test_confusion_counts(pairs: list[tuple[int, int]]) -> None:
    truth, answer = zip(*pairs, strict=True)
    table = confusion(truth, answer, 4)
    assert all(table[t, a] == pairs.count((t, a)) for t in range(4) for a in range(4))


BARE: list[tuple[Callable[[], Any], str]] = [
    (lambda: recall([[1.0, NAN]], 1, 25), "NaN in 1 of 1 rows, first in row 0"),
    (lambda: recall([[1.0]], 1, 0), "threshold 0: expected a distance above 0"),
    (lambda: recall([[1.0]], 0, 25), "recall at 0: expected a whole number of at least 1"),
    (lambda: recall([1.0], 1, 25), r"shape \(1,\): expected \(queries, photos\)"),
    (lambda: recall(np.empty((0, 5)), 1, 25), "no queries"),
    (lambda: within([1, NAN, NAN], 25), "error_m: NaN in 2 of 3 rows, first in row 1"),
    (lambda: within([1], -3), "threshold -3"),
    (lambda: within([1], INF), "threshold inf"),
    (lambda: within([1], NAN), "threshold nan"),
    (lambda: within([], 25), "no queries"),
    (lambda: within([[1, 2]], 25), r"shape \(1, 2\): expected \(queries,\)"),
    (lambda: mean_error([NAN]), "NaN"),
    (lambda: quantile([1], 1.5), "quantile 1.5: expected a share from 0 to 1"),
    (lambda: manhattan_mean([[1, NAN]], 10), "NaN"),
    (lambda: squared_deg([1, 2]), r"expected \(queries, 2\)"),
    (lambda: auroc([0.5], [True, False]), "1 of score, 2 of good"),
    (lambda: auroc([NAN], [True]), "NaN"),
    (lambda: calibration_error([1.2], [True]), "confidence 1.2 in row 0: expected a probability from 0 to 1"),
    (lambda: calibration_error([NAN], [True]), "confidence nan"),
    (lambda: calibration_error([1], [True], 0), "bins 0: expected a whole number"),
    (lambda: inside_radius([1, 2], [1]), "2 of error_m, 1 of radius_m"),
    (lambda: confusion([0], [2], 2), "answer: expected whole numbers from -1 to 1"),
    (lambda: confusion([0.5], [1], 2), "truth: expected whole numbers"),
    (lambda: confusion([], [], 2), "no queries"),
    (lambda: recall_curve([[NAN]], 25), "NaN"),
    (lambda: recall_curve([[1.0]], 25, 0), "recall at 0"),
    (lambda: recall_curve([[1.0]], 25, cluster=[1, 2]), "1 of distances_m, 2 of cluster"),
    (lambda: threshold_curve([1], [0, 1]), "threshold 0"),
    (lambda: threshold_curve([NAN], [1]), "NaN"),
    (lambda: rejection_curve(outcomes(0), 0), "tolerance 0: expected a distance above 0"),
    (lambda: reliability(outcomes(0), 25, 0), "bins 0"),
]


@pytest.mark.parametrize(("call", "message"), BARE)
def test_what_cannot_be_meant_is_one_clear_line(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"error_m": np.zeros(3)}, "20 of known, 3 of error_m"),
    ({"seconds": {"verify": np.zeros(3)}}, "3 of seconds of verify"),
    ({"offset_deg": np.zeros((3, 2))}, "3 of offset_deg"),
    ({"confidence": np.full(20, 1.5)}, "confidence 1.5 in row 0"),
    ({"error_m": np.full(20, NAN), "known": np.ones(20, np.bool_)}, "error_m of known places: NaN in 20 of 20"),
    ({"answer_class": np.full(20, 7)}, "answer_class: expected numbers from -1 to 2"),
]


@pytest.mark.parametrize(("changes", "message"), WRONG)
def test_outcomes_that_do_not_fit(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        summarise(dataclasses.replace(outcomes(0), **changes), tolerance_m=25, thresholds_m=[25], draws=2)


@pytest.mark.parametrize(("tolerance", "thresholds"), [(0, [25]), (25, [25, 0]), (25, [-1]), (NAN, [25]), (25, [INF])])
def test_thresholds_are_above_nothing(tolerance: float, thresholds: list[float]) -> None:
    with pytest.raises(InputError, match="expected a distance above 0"):
        summarise(outcomes(0), tolerance_m=tolerance, thresholds_m=thresholds, draws=2)


def test_no_queries() -> None:
    none = outcomes(0).only(np.zeros(20, np.bool_))
    with pytest.raises(InputError, match="no queries"):
        summarise(none, tolerance_m=25, thresholds_m=[25])


def test_a_missing_answer_without_an_extent_leaves_no_manhattan_mean() -> None:
    of = dataclasses.replace(outcomes(0, 40), extent_m=NAN)
    assert np.isinf(of.error_m).any()
    missing = summarise(of, tolerance_m=25, thresholds_m=[25], draws=2)
    assert math.isnan(missing["manhattan.mean"].value)
    complete = summarise(of.only(np.isfinite(of.error_m)), tolerance_m=25, thresholds_m=[25], draws=2)
    assert complete["manhattan.mean"].value > 0


def test_on_a_plane_nothing_is_said_of_degrees_and_kilometres() -> None:
    of = dataclasses.replace(outcomes(0), offset_deg=None, equirectangular_m=None, truth_class=None, seconds={})
    names = summarise(of, tolerance_m=25, thresholds_m=[25], draws=2)
    assert not [name for name in names if name.startswith(("within_km", "squared", "class", "seconds"))]
    assert not [name for name in names if "equirectangular" in name]


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000))
def test_outcomes_of_some_queries_are_those_rows(seed: int) -> None:
    of, rows = outcomes(seed), np.random.default_rng(seed).random(20) < 0.5
    by_mask, by_number = of.only(rows), of.only(np.flatnonzero(rows))
    assert len(by_mask) == rows.sum()
    for one in dataclasses.fields(of):
        mask, number, whole = (getattr(each, one.name) for each in (by_mask, by_number, of))
        if isinstance(whole, np.ndarray):
            np.testing.assert_array_equal(mask, whole[rows])
            np.testing.assert_array_equal(mask, number)
    np.testing.assert_array_equal(by_mask.seconds["verify"], of.seconds["verify"][rows])


def test_every_figure_has_words() -> None:
    names = summarise(outcomes(0), tolerance_m=25, thresholds_m=[2.5, 25], draws=2)
    words = {name: describe(name) for name in names}
    assert len(set(words.values())) == len(words)
    assert not [name for name, said in words.items() if said == name and name != "located"]
    assert words["within.25"] == "within 25 m"
    assert words["recall@5.2.5.before"] == "recall@5 within 2.5 m, before re-ranking"
    assert words["class.St. Mark.precision"] == "precision of St. Mark"
    assert describe("recall@5.25", "frames") == "recall@5 within 25 frames"
    assert describe("error.q90", "frames") == "error that 90 % keep below (frames)"
    assert describe("bytes_per_photo") == "bytes_per_photo"


@pytest.mark.parametrize(
    "asked",
    [
        lambda: auroc(0.5, True),
        lambda: auroc([[0.5], [0.2]], [1, 0]),
        lambda: auroc([0.5, 0.2], [np.nan, 0]),
        lambda: auroc([0.5, 0.2], ["False", ""]),
        lambda: calibration_error([[0.5], [0.2]], [1, 0]),
        lambda: calibration_error([0.5, 0.2], [1, 0], bins=2.5),  # type: ignore[arg-type]
        lambda: inside_radius([1, 2], [[2, 2], [3, 3]]),
        lambda: inside_radius(1, 2),
        lambda: confusion(0, 1, 2),
        lambda: threshold_curve(1, [1, 2]),
        lambda: threshold_curve([[1.0, 2.0]], [1, 2]),
        lambda: recall([[1.0]], 1.5, 1),  # type: ignore[arg-type]
        lambda: within([-np.inf, -3], 5),
        lambda: bootstrap(Mean(np.ones(2), np.ones(2, np.bool_)), 2, seed=-1),
        lambda: bootstrap(Mean(np.ones(2), np.ones(2, np.bool_)), 2, cluster=3),
    ],
)
def test_what_is_no_row_of_queries_is_refused_in_one_line(asked: Callable[[], object]) -> None:
    with pytest.raises(InputError) as caught:
        asked()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "changed",
    [
        {"offset_m": np.zeros((4, 3))},
        {"offset_m": np.zeros(4)},
        {"retrieved_m": np.zeros(4)},
        {"error_m": [1.0] * 4},
        {"offset_deg": np.full((4, 2), np.nan)},
        {"cluster": np.array(3)},
    ],
)
def test_outcomes_of_another_shape_are_refused(changed: dict[str, Any]) -> None:
    zeros = np.zeros(4)
    good = Outcomes(
        known=np.ones(4, np.bool_),
        error_m=zeros,
        offset_m=np.zeros((4, 2)),
        confidence=zeros,
        radius_m=zeros,
        located=np.ones(4, np.bool_),
        retrieved_m=np.zeros((4, 3)),
        ranked_m=np.zeros((4, 3)),
        cluster=np.arange(4),
    )
    assert summarise(good, tolerance_m=1, thresholds_m=[1], draws=2)
    with pytest.raises(InputError):
        summarise(replace(good, **changed), tolerance_m=1, thresholds_m=[1], draws=2)


def test_thresholds_that_differ_little_have_names_of_their_own() -> None:
    assert [at_distance(t) for t in (25.0, 2.5, 1234567.0, 1234568.0)] == ["25", "2.5", "1234567", "1234568"]

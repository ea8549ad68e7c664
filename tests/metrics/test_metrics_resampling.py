"""Bootstrap: counts are resamplings, clusters stay together, intervals hold what they say."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_outcomes import THRESHOLDS, TOLERANCE, by_definition, outcomes, repeated

from whence.errors import InputError
from whence.metrics.outcomes import Outcomes
from whence.metrics.resampling import bootstrap, drawn, resamples
from whence.metrics.statistics import Mean, Quantile
from whence.metrics.summary import bootstrap_median, compare, figures, summarise

seeds = st.integers(0, 2**32 - 1)


def summary(of: Outcomes, draws: int = 200, seed: int = 0) -> dict[str, tuple[float, ...]]:
    made = summarise(of, tolerance_m=TOLERANCE, thresholds_m=THRESHOLDS, draws=draws, seed=seed)
    return {name: dataclasses.astuple(figure) for name, figure in made.items()}


@settings(max_examples=25, deadline=None)
@given(seed=seeds, count=st.integers(1, 25), unknown=st.sampled_from([0, 0.3, 1]), clusters=st.integers(1, 12))
def test_counting_equals_resampling(seed: int, count: int, unknown: float, clusters: int) -> None:
    of = outcomes(seed, count, unknown=unknown, clusters=clusters)
    made = figures(of, tolerance_m=TOLERANCE, thresholds_m=THRESHOLDS)
    many = drawn(made, of.cluster, 6, seed)
    assert many.keys() == by_definition(of).keys()
    counted = np.concatenate(list(resamples(of.cluster, 6, seed)))
    for draw, counts in enumerate(counted):
        expected = by_definition(repeated(of, counts))
        for name, values in many.items():
            assert values[draw] == pytest.approx(expected[name], rel=1e-9, abs=1e-12, nan_ok=True), name


@settings(max_examples=25, deadline=None)
@given(seed=seeds, count=st.integers(1, 25), unknown=st.sampled_from([0, 0.3, 1]))
def test_figures_are_as_defined(seed: int, count: int, unknown: float) -> None:
    of = outcomes(seed, count, unknown=unknown)
    assert {name: values[0] for name, values in summary(of, 2).items()} == pytest.approx(
        by_definition(of), rel=1e-12, nan_ok=True
    )


@given(cluster=st.lists(st.integers(0, 5), min_size=1, max_size=30), seed=seeds)
def test_clusters_are_drawn_whole_and_as_many_as_there_are(cluster: list[int], seed: int) -> None:
    numbers = np.array(cluster)
    counts = np.concatenate(list(resamples(numbers, 20, seed)))
    assert counts.shape == (20, len(cluster))
    for number in set(cluster):
        alike = counts[:, numbers == number]
        assert (alike == alike[:, :1]).all()
    first = [cluster.index(number) for number in set(cluster)]
    assert (counts[:, first].sum(axis=1) == len(first)).all()


def test_every_draw_is_made_however_many_fit_at_once() -> None:
    sizes = [len(counts) for counts in resamples(np.arange(300_000), 10, 0)]
    assert sum(sizes) == 10
    assert len(sizes) > 1


def test_counts_are_drawn_with_replacement() -> None:
    counts = np.concatenate(list(resamples(np.arange(100), 2000, 0)))
    assert counts.mean() == 1
    assert counts.var() == pytest.approx(0.99, rel=0.02)  # multinomial
    assert np.abs(counts.mean(axis=0) - 1).max() < 0.15  # of 2,000 draws: 6 standard errors


@settings(max_examples=15, deadline=None)
@given(seed=seeds)
def test_order_of_queries_does_not_matter(seed: int) -> None:
    of = outcomes(seed)
    shuffled = of.only(np.random.default_rng(seed).permutation(len(of)))
    other = summary(shuffled)
    for name, values in summary(of).items():
        assert other[name] == pytest.approx(values, rel=1e-9, abs=1e-12, nan_ok=True), name


def test_seeded() -> None:
    of = outcomes(1, 40)
    assert summary(of, seed=5)["error.median"] == summary(of, seed=5)["error.median"]
    assert summary(of, seed=5)["error.mean"] != summary(of, seed=6)["error.mean"]


@settings(max_examples=20, deadline=None)
@given(seed=seeds)
def test_edges_are_in_order(seed: int) -> None:
    for name, (_, low95, high95, low50, high50) in summary(outcomes(seed)).items():
        if not math.isnan(low95):
            assert low95 <= low50 <= high50 <= high95, name


def test_interval_of_a_mean_is_that_of_normal_theory() -> None:
    values = np.random.default_rng(0).normal(10, 3, 400)
    figure = bootstrap(Mean(values, np.ones(400, np.bool_)), 400)
    error = values.std() / 20
    assert (figure.low95, figure.high95) == pytest.approx(
        (values.mean() - 1.96 * error, values.mean() + 1.96 * error), abs=0.02
    )
    assert (figure.low50, figure.high50) == pytest.approx(
        (values.mean() - 0.674 * error, values.mean() + 0.674 * error), abs=0.02
    )


def test_95_of_100_intervals_hold_the_truth_only_if_clusters_are_drawn_whole() -> None:
    random = np.random.default_rng(0)
    cluster, every = np.repeat(np.arange(40), 10), np.ones(400, np.bool_)
    whole = alone = 0
    for _ in range(200):
        values = np.repeat(random.normal(0, 1, 40), 10) + random.normal(0, 0.1, 400)
        by_cluster = bootstrap(Mean(values, every), 400, cluster=cluster, draws=500)
        by_query = bootstrap(Mean(values, every), 400, draws=500)
        whole += by_cluster.low95 <= 0 <= by_cluster.high95
        alone += by_query.low95 <= 0 <= by_query.high95
    assert 0.90 <= whole / 200 <= 0.98
    assert alone / 200 < 0.6


def test_missing_answers_reach_the_edges_of_quantiles() -> None:
    errors = np.array([1.0, 2.0, 3.0, math.inf, math.inf])
    figure = bootstrap(Quantile(errors, np.ones(5, np.bool_), 0.5), 5)
    assert (figure.value, figure.low95, figure.high95) == (3, 1, math.inf)


def test_draws_in_which_a_figure_is_undefined_are_left_out() -> None:
    of = dataclasses.replace(outcomes(0, 12, unknown=0, clusters=12), known=np.arange(12) > 0)
    of = dataclasses.replace(of, located=np.ones(12, np.bool_))
    figure = summary(of)["unknown.located"]
    assert figure[0] == 1  # a third of the draws has no unknown place
    assert np.isnan(figure[1:]).all()  # and where all agree, none is told from a certainty


def test_nothing_unknown_is_no_figure() -> None:
    assert all(math.isnan(value) for value in summary(outcomes(0, unknown=0))["unknown.located"])
    assert all(math.isnan(value) for value in summary(outcomes(0, unknown=1))["within.25"])


def test_comparison_is_the_difference_on_the_same_draws() -> None:
    first = outcomes(3, 30)
    second = dataclasses.replace(first, error_m=first.error_m / 2, confidence=first.confidence[::-1].copy())
    found = compare(first, second, tolerance_m=TOLERANCE, thresholds_m=THRESHOLDS, draws=300, seed=1)
    before, after = (
        drawn(figures(of, tolerance_m=TOLERANCE, thresholds_m=THRESHOLDS), first.cluster, 300, 1)
        for of in (first, second)
    )
    one, other = summary(first), summary(second)
    assert found.keys() == one.keys()
    for name, figure in found.items():
        assert figure.value == pytest.approx(other[name][0] - one[name][0], nan_ok=True)
        with np.errstate(invalid="ignore"):
            differences = np.sort(after[name] - before[name])
        defined = differences[~np.isnan(differences)]
        if len(defined) == 300 and not math.isnan(figure.value):
            edges = (defined[7], defined[292], defined[75], defined[224])  # of 0 to 299
            assert dataclasses.astuple(figure)[1:] == edges, name
    assert found["error.mean"].high95 < 0
    assert dataclasses.astuple(found["recall@1.25"]) == (0, 0, 0, 0, 0)


def test_comparison_with_itself_is_nothing() -> None:
    of = outcomes(4, 30, missing=0)
    found = compare(of, of, tolerance_m=TOLERANCE, thresholds_m=THRESHOLDS, draws=100)
    assert {dataclasses.astuple(figure) for figure in found.values()} == {(0, 0, 0, 0, 0)}


def test_comparison_needs_the_same_queries() -> None:
    with pytest.raises(InputError, match="20 and 21 queries that are not the same"):
        compare(outcomes(0), outcomes(0, 21), tolerance_m=25, thresholds_m=[25])


def test_bootstrap_median_is_what_its_interval_is_made_of() -> None:
    of = outcomes(5, 50, missing=0)
    medians = bootstrap_median(of, draws=400, seed=2)
    assert medians.shape == (400,)
    low, high = summary(of, 400, 2)["error.median"][1:3]
    assert (np.sort(medians)[10], np.sort(medians)[389]) == (low, high)


def test_one_cluster_alone_says_nothing_about_others() -> None:
    of = dataclasses.replace(outcomes(0, unknown=0), cluster=np.full(20, 3))
    for name, (_, *edges) in summary(of).items():
        assert all(map(math.isnan, edges)), name
    assert summary(of)["within.25"][0] == summary(outcomes(0, unknown=0))["within.25"][0]


def test_no_draws() -> None:
    with pytest.raises(InputError, match="draws 0: expected a whole number"):
        summary(outcomes(0), 0)


def test_one_cluster_for_each_query() -> None:
    with pytest.raises(InputError, match="3 of queries, 2 of cluster"):
        bootstrap(Mean(np.zeros(3), np.ones(3, np.bool_)), 3, cluster=[0, 1])

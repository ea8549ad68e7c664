"""Curves pass through the figures, whatever the order of queries."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_outcomes import TOLERANCE, outcomes

from whence.metrics.calibration import calibration_error
from whence.metrics.curves import Curve, recall_curve, rejection_curve, reliability, threshold_curve
from whence.metrics.errors import quantile, within
from whence.metrics.recall import recall

seeds = st.integers(0, 2**32 - 1)


def same(first: Curve, second: Curve) -> bool:
    return all(
        np.allclose(getattr(first, one.name), getattr(second, one.name), equal_nan=True)
        for one in dataclasses.fields(first)
    )


@settings(max_examples=15, deadline=None)
@given(seeds)
def test_recall_curve(seed: int) -> None:
    of = outcomes(seed, 20, unknown=0)
    curve = recall_curve(of.retrieved_m, 25, 15, cluster=of.cluster, draws=50)
    assert curve.x.tolist() == list(range(1, 16))
    assert curve.y.tolist() == pytest.approx([recall(of.retrieved_m, n, 25) for n in range(1, 16)])
    assert (np.diff(curve.y) >= 0).all()
    assert (curve.low95 <= curve.high95).all()


def test_recall_curve_of_empty_lists_is_nothing() -> None:
    assert recall_curve(np.empty((3, 0)), 25, 2, draws=10).y.tolist() == [0, 0]
    assert len(recall_curve(np.empty((3, 0)), 25, draws=10).y) == 0


@settings(max_examples=15, deadline=None)
@given(seeds)
def test_threshold_curve(seed: int) -> None:
    error = outcomes(seed, 20, unknown=0).error_m
    curve = threshold_curve(error, [1, 5, 25, 100], draws=50)
    assert curve.y.tolist() == pytest.approx([within(error, t) for t in (1, 5, 25, 100)])
    assert (np.diff(curve.y) >= 0).all()


def test_bands_hold_the_value_and_are_wider_for_clusters() -> None:
    error = np.repeat(np.random.default_rng(0).exponential(25, 30), 10)
    alone = threshold_curve(error, [25.0])
    together = threshold_curve(error, [25.0], cluster=np.repeat(np.arange(30), 10))
    assert together.low95[0] < alone.low95[0] < alone.y[0] < alone.high95[0] < together.high95[0]


@settings(max_examples=15, deadline=None)
@given(seeds, st.sampled_from([0, 0.3]))
def test_rejection_curve(seed: int, unknown: float) -> None:
    of = outcomes(seed, 25, unknown=unknown)
    curve = rejection_curve(of, TOLERANCE, draws=20)
    assert curve.coverage[-1] == 1
    assert (np.diff(curve.coverage) > 0).all()
    assert (np.diff(curve.confidence) < 0).all()
    assert (curve.right.x == curve.coverage).all()
    for at, level in enumerate(curve.confidence):
        given_rows = of.confidence >= level
        assert curve.coverage[at] == pytest.approx(given_rows.mean())
        assert curve.right.y[at] == pytest.approx((of.known & (of.error_m <= TOLERANCE))[given_rows].mean())
        errors = of.error_m[given_rows & of.known]
        assert curve.median_m.y[at] == (quantile(errors, 0.5) if len(errors) else pytest.approx(math.nan, nan_ok=True))


@settings(max_examples=15, deadline=None)
@given(seeds)
def test_rejection_does_not_depend_on_the_order_of_ties(seed: int) -> None:
    of = outcomes(seed, 25)
    other = of.only(np.random.default_rng(seed).permutation(len(of)))
    first, second = rejection_curve(of, TOLERANCE, draws=20), rejection_curve(other, TOLERANCE, draws=20)
    assert same(first.right, second.right)
    assert same(first.median_m, second.median_m)


def test_equal_confidence_is_one_point() -> None:
    of = dataclasses.replace(outcomes(0), confidence=np.full(20, 0.5))
    assert rejection_curve(of, TOLERANCE, draws=5).coverage.tolist() == [1]


def test_a_long_rejection_curve_is_thinned_evenly() -> None:
    of = outcomes(0, 1000)
    of = dataclasses.replace(of, confidence=np.random.default_rng(0).random(1000))
    curve = rejection_curve(of, TOLERANCE, points=50, draws=5)
    assert len(curve.coverage) == 50
    assert curve.coverage[0] == 0.001
    assert curve.coverage[-1] == 1
    assert np.diff(curve.coverage).max() < 0.022


@settings(max_examples=15, deadline=None)
@given(seeds, st.integers(1, 12))
def test_reliability(seed: int, bins: int) -> None:
    of = outcomes(seed, 25)
    found = reliability(of, TOLERANCE, bins, draws=20)
    right = of.known & (of.error_m <= TOLERANCE)
    assert found.counts.sum() == len(of)
    assert found.error == pytest.approx(calibration_error(of.confidence, right, bins))
    assert np.nansum(found.right.y * found.counts) == pytest.approx(right.sum())
    assert np.nansum(found.confidence * found.counts) == pytest.approx(of.confidence.sum())
    filled = found.counts > 0
    assert (np.isnan(found.confidence) == ~filled).all()
    assert (found.confidence[filled] >= found.edges[:-1][filled] - 1e-9).all()
    assert (found.confidence[filled] <= found.edges[1:][filled] + 1e-9).all()

"""How sure an answer is: a prior for galleries that have not been calibrated."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from whence.types import DoubleArray

PRIOR = np.array([-5.15, 1.35, 1.12])
"""Logistic model of "the error is within the tolerance" by ``features``, fitted on held-out groups
(docs/benchmarks.md)."""
BOUNDS = 0.02, 0.98
"""No answer is less or more sure."""
_NEAR_M = 0.5
COVERAGE = 0.9
"""Share of truths that a radius should hold."""


def features(support: float, rival: float) -> DoubleArray:
    """``(3,)`` what confidence depends on: one, the logarithm of the evidence, and its margin over the best rival's."""
    margin = (support - rival) / (support + rival) if support + rival > 0 else 0.0
    return np.array([1.0, math.log1p(max(support, 0.0)), margin])


def confidence(support: float, rival: float) -> float:
    """Probability that the error is at most the tolerance.

    Args:
        support: Evidence for the answer, in inliers beyond chance.
        rival: Evidence for the best place elsewhere.
    """
    if support <= 0:
        return BOUNDS[0]
    score = float(features(support, rival) @ PRIOR)
    return min(BOUNDS[1], max(BOUNDS[0], 1 / (1 + math.exp(-score))))


def promised(tolerance_m: float) -> float:
    """What the prior is to be multiplied by where a tolerance asks for more than matching photos tell by themselves.

    Nothing but trials can say that photos which match stand nearer to each other than half a metre.
    """
    return min(1.0, tolerance_m / _NEAR_M)


def radius_m(probability: float, tolerance_m: float, distances: DoubleArray) -> float:
    """Radius that should hold 90 % of the truths.

    Two cases mixed: with ``probability`` the answer is right, and the error within the tolerance; else the truth may be
    at any of the gallery's photos.

    Args:
        probability: Confidence of the answer.
        tolerance_m: What it is the confidence of.
        distances: ``(N,)`` metres from the answer to the gallery's photos.
    """
    if probability >= COVERAGE or not len(distances):
        return tolerance_m
    elsewhere = (COVERAGE - probability) / (1 - probability)
    return max(tolerance_m, float(np.quantile(distances, elsewhere)))


def unverified(scores: DoubleArray, best: int, elsewhere: NDArray[np.bool_]) -> float:
    """A guess below one half, where nothing was held against a geometry: it puts answers in an order, no more.

    It grows with the lead of the best photo over the best one elsewhere, compared with how much scores differ at all.

    Args:
        scores: ``(C,)`` of the candidates, higher is better.
        best: The chosen one.
        elsewhere: ``(C,)``: candidates that speak for another place.
    """
    if not elsewhere.any():
        return 0.25
    lead = float(scores[best] - scores[elsewhere].max())
    spread = float(scores[best] - scores.min())
    return 0.02 + 0.46 * (lead / spread if spread > 0 else 0.0)

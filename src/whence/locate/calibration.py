"""How sure answers of a gallery are, learned from its own photos: each asked as if it and its group were not there.

No model of confidence fits every gallery: what twenty matching points are worth depends on how alike its places look,
and how dense they lie. So the gallery tries itself (``trials``), and what came of it is kept: the evidence for each
answer, and its error. From that follow, for any tolerance, the probability that an error is within it (a logistic model
that never falls with the evidence; J. Platt, Probabilistic outputs for support vector machines, 1999; drawn towards the
shipped prior where there are few trials) and a radius that holds nine of ten truths (a quantile of the errors of trials
that were about as sure, after conformal prediction: V. Vovk et al., Algorithmic Learning in a Random World, 2005).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from whence.locate.confidence import COVERAGE, PRIOR, features
from whence.types import DoubleArray

LEAST = 20
"""Trials below which the shipped prior is all there is."""
_TRUST = np.array([0.25, 1.0, 1.0])
"""How much the prior of bias, support and margin weighs: inverse variances."""
_NEAREST = 20
"""Trials that a radius stands on, at least; a third of them, if that is more."""
_FURTHEST = 30.0


@dataclass(frozen=True, slots=True, eq=False)
class Trials:
    """What became of T photos of a gallery that were asked as if they were not there.

    Attributes:
        support: ``(T,)`` evidence for each answer; see ``confidence``.
        rival: ``(T,)`` evidence for the best place elsewhere.
        error_m: ``(T,)``; half of it where ``grouped`` is false.
        grouped: Whether the gallery has groups, so that whole places were hidden.
    """

    support: DoubleArray
    rival: DoubleArray
    error_m: DoubleArray
    grouped: bool

    def __len__(self) -> int:
        return len(self.error_m)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """As plain arrays, to be kept."""
        return {
            "support": self.support,
            "rival": self.rival,
            "error_m": self.error_m,
            "grouped": np.array(self.grouped),
        }

    @classmethod
    def restored(cls, arrays: Mapping[str, NDArray[Any]]) -> Trials:
        """Inverse of ``arrays``."""
        support, rival, error_m = (np.asarray(arrays[name], np.float64) for name in ("support", "rival", "error_m"))
        return cls(support, rival, error_m, bool(arrays["grouped"]))


class Calibration:
    """Probability and radius of answers, for one tolerance."""

    def __init__(self, trials: Trials, tolerance_m: float) -> None:
        """Fits both.

        Args:
            trials: At least ``LEAST``.
            tolerance_m: What confidence is the probability of.
        """
        self.trials = trials
        inputs = np.array([features(s, r) for s, r in zip(trials.support, trials.rival, strict=True)])
        self._weights = _fitted(inputs, trials.error_m <= tolerance_m)
        logits = inputs @ self._weights
        self.confidences = np.clip(_sigmoid(logits), 0.02, 0.98)
        self._logits, self._radii = _radii(logits, trials.error_m)
        if not trials.grouped:  # photos of one day and one camera err by less than those of another
            self._radii = np.maximum(self._radii, tolerance_m)

    def confidence(self, support: float, rival: float) -> float:
        """See ``locate.confidence.confidence``."""
        return float(np.clip(_sigmoid(float(features(support, rival) @ self._weights)), 0.02, 0.98))

    def radius_m(self, support: float, rival: float) -> float:
        """Radius that should hold 90 % of the truths of answers with this evidence."""
        return float(np.interp(float(features(support, rival) @ self._weights), self._logits, self._radii))


def _fitted(inputs: DoubleArray, good: NDArray[np.bool_]) -> DoubleArray:
    """``(3,)`` weights of a logistic model near the prior; those of the evidence are not negative."""
    free = np.ones(len(PRIOR), np.bool_)
    while True:
        weights = _newton(inputs, good.astype(np.float64), free)
        negative = free & (weights < 0)
        negative[0] = False  # the bias may be
        if not negative.any():
            return weights
        free &= ~negative


def _newton(inputs: DoubleArray, good: DoubleArray, free: NDArray[np.bool_]) -> DoubleArray:
    prior = np.where(free, PRIOR, 0.0)
    weights = prior.copy()
    x, trust = inputs[:, free], np.diag(_TRUST[free])
    for _ in range(50):
        chance = _sigmoid(inputs @ weights)
        slope = x.T @ (chance - good) + trust @ (weights - prior)[free]
        curve = (x * (chance * (1 - chance))[:, None]).T @ x + trust
        step = np.linalg.solve(curve, slope)
        step *= min(1.0, 2.0 / max(float(np.abs(step).max()), 1e-12))  # where a Newton step would leap
        weights[free] -= step
        if np.abs(step).max() < 1e-9:
            break
    return weights


def _radii(logits: DoubleArray, error_m: DoubleArray) -> tuple[DoubleArray, DoubleArray]:
    """Logarithms of odds, rising, and the radius at each, which does not rise with them.

    Each is the quantile of the errors of the trials that were nearest in sureness, one more counted than there are.
    """
    order = np.argsort(logits, kind="stable")
    errors, count = error_m[order], len(order)
    width = min(count, max(_NEAREST, count // 3))
    starts = np.clip(np.arange(count) - width // 2, 0, count - width)
    windows = np.sort(errors[starts[:, None] + np.arange(width)], axis=1)
    found = windows[:, min(width, math.ceil(COVERAGE * (width + 1))) - 1]
    falling = (np.maximum.accumulate(found[::-1])[::-1] + np.minimum.accumulate(found)) / 2
    return logits[order], np.asarray(falling)


def _sigmoid(logits: Any) -> Any:
    return 1 / (1 + np.exp(-np.clip(logits, -_FURTHEST, _FURTHEST)))

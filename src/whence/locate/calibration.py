"""How sure answers of a gallery are, learned from its own photos: each asked as if it and its group were not there.

No model of confidence fits every gallery: what twenty matching points are worth depends on how alike its places look,
and how dense they lie. So the gallery tries itself (``trials``), and what came of it is kept: the evidence for each
answer, and its error, with and without what the geometry tells; and the evidence for answers about photos of places
that it does not know, for some are asked again with all that lies around them hidden too. From that follow, for any
tolerance, the probability that an error is within it (a logistic model that never falls with the evidence; J. Platt,
Probabilistic outputs for support vector machines, 1999; drawn towards the shipped prior where there are few trials) and
a radius that holds nine of ten truths (a quantile of the errors of trials that were about as sure, after conformal
prediction: V. Vovk et al., Algorithmic Learning in a Random World, 2005).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from whence.gallery.light import Light
from whence.gallery.photo import GalleryPhoto
from whence.locate.confidence import BOUNDS, COVERAGE, PRIOR, features, radius_m
from whence.types import DoubleArray

_STILL_THERE = 0.9
"""Share of the photos of trials that have to be as they were for these to hold."""
LEAST = 20
"""Trials below which the shipped prior is all there is."""
LEAST_PHOTOS = 60
"""Of a gallery: with fewer, hiding a place changes too much of what is left."""
_ONE_VOICE, _AGREED = 6.0, 9.0
"""Logarithms of odds: what one photo may add to the question whether a plan is a mirror image, and what settles it."""
_TRUST = np.array([0.25, 1.0, 1.0])
"""How much the prior of bias, support and margin weighs: inverse variances."""
_BANDS = (6.0, 0.9), (3.5, 0.75), (2.5, 0.55), (1.8, 0.5)
"""Photos from which on the geometry's word may be taken, and how often it is nearer there, as far as was seen."""
_USUALLY, _NEARER = 4.0, 0.6
"""Trials that count as much as what was seen elsewhere; share of trials in which the geometry has to be nearer."""
_STRANGE = 0.25
"""What a stranger counts among the trials: with half as many of them, one photo in nine is of a place unknown."""
_NEAREST = 20
"""Trials that a radius stands on, at least; a third of them, if that is more."""
_LEAST_SURE = 0.1
"""Share of trials, the least sure ones, that tell nothing of answers that are less sure still."""
_FURTHEST = 30.0


@dataclass(frozen=True, slots=True, eq=False)
class Trials:
    """What became of T photos of a gallery that were asked as if they were not there.

    Attributes:
        support: ``(T,)`` evidence for each answer; see ``confidence``.
        rival: ``(T,)`` evidence for the best place elsewhere.
        error_m: ``(T,)`` of the place that the photos speak for; half of it where ``grouped`` is false.
        refined_m: ``(T,)`` of the position that the geometry told; the same where it told none.
        photos: ``(T,)`` how many photos that position fits; 0 where there is none.
        grouped: Whether the gallery has groups, so that whole places were hidden.
        strangers: ``(S, 2)`` support and rival of photos that were asked as if nothing around them were there either:
            whatever they were answered is wrong.
        marks: ``(T,)`` of the photos that were asked (``mark_of``), to notice when they are gone or placed anew; empty
            in trials of before.
        asked: ``(T,)`` their content hashes; empty in trials of before.
        downs: ``(T,)`` by how much likelier each found that the plan's y points down (``Refined.y_down``).
        among: Photos that the gallery had.
    """

    support: DoubleArray
    rival: DoubleArray
    error_m: DoubleArray
    refined_m: DoubleArray
    photos: DoubleArray
    grouped: bool
    strangers: DoubleArray = field(default_factory=lambda: np.zeros((0, 2)))
    marks: NDArray[np.uint64] = field(default_factory=lambda: np.zeros(0, np.uint64))
    asked: NDArray[np.bytes_] = field(default_factory=lambda: np.zeros(0, np.bytes_))
    downs: DoubleArray = field(default_factory=lambda: np.zeros(0))
    among: int = LEAST_PHOTOS

    @property
    def enough(self) -> bool:
        """Whether a calibration can be learned from them."""
        return len(self) >= LEAST and self.among >= LEAST_PHOTOS

    @property
    def y_down(self) -> bool | None:
        """Whether y of the plan points down, as on a drawing; None where they do not agree, or nothing told."""
        sum_of_all = float(np.clip(self.downs, -_ONE_VOICE, _ONE_VOICE).sum())
        return sum_of_all > 0 if abs(sum_of_all) >= _AGREED else None

    def holds_for(self, photos: Iterable[GalleryPhoto]) -> bool:
        """Whether nearly all that were asked are still among some photos, with their positions and groups."""
        if not len(self.marks):
            return True
        if len(self.asked) and isinstance(photos, Light):  # looks nobody else up
            rows = [photos.row_of(digest) for digest in self.asked.astype(np.str_).tolist()]
            found = [0 if row is None else mark_of(photos[row]) for row in rows]
        else:
            found = [mark_of(photo) for photo in photos]
        there = np.isin(self.marks, np.array(found, np.uint64))
        return bool(there.mean() >= _STILL_THERE)

    def __len__(self) -> int:
        return len(self.error_m)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """As plain arrays, to be kept."""
        return {
            "support": self.support,
            "rival": self.rival,
            "error_m": self.error_m,
            "refined_m": self.refined_m,
            "photos": self.photos,
            "grouped": np.array(self.grouped),
            "strangers": self.strangers,
            "marks": self.marks,
            "asked": self.asked,
            "downs": self.downs,
            "among": np.array(self.among),
        }

    @classmethod
    def restored(cls, arrays: Mapping[str, NDArray[Any]]) -> Trials:
        """Inverse of ``arrays``."""
        names = ("support", "rival", "error_m", "refined_m", "photos", "strangers")
        columns = {name: np.asarray(arrays[name], np.float64) for name in names}
        marks = np.asarray(arrays.get("marks", np.zeros(0)), np.uint64)
        asked = np.asarray(arrays.get("asked", np.zeros(0)), np.bytes_)
        downs = np.asarray(arrays.get("downs", np.zeros(0)), np.float64)
        among = int(arrays.get("among", LEAST_PHOTOS))
        return cls(grouped=bool(arrays["grouped"]), marks=marks, asked=asked, downs=downs, among=among, **columns)


def mark_of(photo: GalleryPhoto) -> int:
    """Changes with a photo's content, position and group."""
    said = repr((photo.content_hash, photo.position, photo.group)).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(said, digest_size=8).digest())


class Calibration:
    """Probability and radius of answers, for one tolerance."""

    def __init__(self, trials: Trials, tolerance_m: float) -> None:
        """Fits both; ``confidences``, ``of_strangers`` and ``error_m`` are those of the trials.

        Args:
            trials: At least ``LEAST``.
            tolerance_m: What confidence is the probability of.
        """
        self.trials = trials
        self.refine_from = _refine_from(trials)
        refined = trials.photos >= self.refine_from
        self.error_m = np.where(refined, trials.refined_m, trials.error_m)
        own, strange = _inputs(trials.support, trials.rival), _inputs(*trials.strangers.T)
        good = np.append(self.error_m <= tolerance_m, np.zeros(len(strange), np.bool_))
        counts = np.append(np.ones(len(own)), np.full(len(strange), _STRANGE))
        self._weights = _fitted(np.vstack([own, strange]), good, counts)
        logits = own @ self._weights
        self.confidences = np.clip(_sigmoid(logits), *BOUNDS)
        self.of_strangers = np.clip(_sigmoid(strange @ self._weights), *BOUNDS)
        self._logits, self._radii = _radii(logits, self.error_m)
        self._least_sure = float(np.quantile(self.confidences, _LEAST_SURE))
        if not trials.grouped:  # photos of one day and one camera err by less than those of another
            self._radii = np.maximum(self._radii, tolerance_m)

    def confidence(self, support: float, rival: float) -> float:
        """See ``locate.confidence.confidence``."""
        return float(np.clip(_sigmoid(float(features(support, rival) @ self._weights)), *BOUNDS))

    def radius_m(self, support: float, rival: float, candidates_m: DoubleArray) -> float:
        """Radius that should hold 90 % of the truths of answers with this evidence.

        An answer less sure than nine in ten trials, as of a photo by night where all others were taken by day, is like
        the least sure ones as often as it is as sure as they are; else the truth may be near any of its candidates.

        Args:
            support: Evidence for the answer.
            rival: Evidence for the best place elsewhere.
            candidates_m: ``(C,)`` metres from the answer to the photos that were looked at.
        """
        learned = float(np.interp(float(features(support, rival) @ self._weights), self._logits, self._radii))
        known = self.confidence(support, rival) / self._least_sure
        return learned if known >= COVERAGE else radius_m(known, learned, candidates_m)


def _refine_from(trials: Trials) -> float:
    """Photos that a position told by the geometry has to fit to be nearer, more often than not, than that of the place.

    Where streets are straight and photos stand in a row that takes many; in a room few will do. Each band of numbers is
    judged by its own trials, and by what was seen elsewhere.
    """
    least = math.inf
    below = math.inf
    for start, usual in _BANDS:
        band = (trials.photos >= start) & (trials.photos < below)
        nearer = int((trials.refined_m[band] < trials.error_m[band]).sum())
        if (nearer + _USUALLY * usual) / (int(band.sum()) + _USUALLY) < _NEARER:
            break
        least = below = start
    return least


def _inputs(support: DoubleArray, rival: DoubleArray) -> DoubleArray:
    """``(T, 3)``: see ``locate.confidence.features``."""
    return np.array([features(s, r) for s, r in zip(support, rival, strict=True)]).reshape(-1, len(PRIOR))


def _fitted(inputs: DoubleArray, good: NDArray[np.bool_], counts: DoubleArray) -> DoubleArray:
    """``(3,)`` weights of a logistic model near the prior; those of the evidence are not negative.

    Args:
        inputs: ``(T, 3)``.
        good: ``(T,)`` whether each was right.
        counts: ``(T,)`` how much each counts.
    """
    free = np.ones(len(PRIOR), np.bool_)
    while True:
        weights = _newton(inputs, good.astype(np.float64), counts, free)
        negative = free & (weights < 0)
        negative[0] = False  # the bias may be
        if not negative.any():
            return weights
        free &= ~negative


def _newton(inputs: DoubleArray, good: DoubleArray, counts: DoubleArray, free: NDArray[np.bool_]) -> DoubleArray:
    prior = np.where(free, PRIOR, 0.0)
    weights = prior.copy()
    x, trust = inputs[:, free], np.diag(_TRUST[free])
    for _ in range(50):
        chance = _sigmoid(inputs @ weights)
        slope = x.T @ (counts * (chance - good)) + trust @ (weights - prior)[free]
        curve = (x * (counts * chance * (1 - chance))[:, None]).T @ x + trust
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

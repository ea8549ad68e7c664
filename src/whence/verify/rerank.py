"""Verifying a shortlist of gallery photos against one query."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np

from whence.plugins import GeometryEstimator, Matcher
from whence.types import DoubleArray, FloatArray, LocalFeatures, Matches


@dataclass(frozen=True, slots=True, eq=False)
class Verification:
    """What ties one gallery photo to the query.

    Attributes:
        matches: Inliers only; all matches where no geometry was asked for.
        scale: Size of things in the query over that in the gallery photo; 1 without inliers.
        turn: Mean of how far each keypoint is turned clockwise against its match, as complex numbers of length one:
            short where they do not turn alike.
    """

    matches: Matches
    scale: float
    turn: complex = 1.0

    def __len__(self) -> int:
        return len(self.matches)


BY_CHANCE = 12
"""Inliers of a pair that says something, at least: fewer agree with some geometry by chance."""
_ENOUGH = 8
"""Inliers whose sizes tell a scale: of fewer any may be wrong."""
UNVERIFIED = Verification(Matches(np.zeros(0, np.intp), np.zeros(0, np.intp)), 1.0)
"""Of a photo that was not looked at."""


def verify(
    query: LocalFeatures, database: LocalFeatures, matcher: Matcher, estimator: GeometryEstimator | None
) -> Verification:
    """Matches of one pair that agree with one geometry."""
    inliers = matcher.match(query, database)
    if estimator is not None:
        inliers = inliers.only(estimator.estimate(query, database, inliers).inliers)
    if not len(inliers):
        return Verification(inliers, 1.0)
    told = _telling(query, inliers)
    seen, known = query.keypoints[told.query], database.keypoints[told.database]
    turn = complex(np.exp(1j * np.radians(seen[:, 3] - known[:, 3])).mean())
    return Verification(inliers, _scale(seen, known), turn)


def _telling(query: LocalFeatures, inliers: Matches) -> Matches:
    """Of features of several kinds those that have orientations, if enough of these agree; else the others."""
    if len(query.counts) < 2:
        return inliers
    kept = np.repeat([part.oriented for part in query.parts], query.counts)[inliers.query]
    return inliers.only(kept if kept.sum() >= min(_ENOUGH, (~kept).sum()) else ~kept)


def _scale(query: FloatArray, database: FloatArray) -> float:
    """How much larger things are in the query, by ``(M, 4)`` matched keypoints.

    Keypoints that have sizes tell; those of one size, as learned ones are, tell by how far they lie apart.
    """
    if np.ptp(query[:, 2]) > 0 or np.ptp(database[:, 2]) > 0:
        return float(np.median(query[:, 2] / np.maximum(database[:, 2], 1e-6)))
    spreads = [np.median(np.hypot(*(found[:, :2] - np.median(found[:, :2], axis=0)).T)) for found in (query, database)]
    return float(spreads[0] / spreads[1]) if min(spreads) > 0 else 1.0


def verify_all(
    query: LocalFeatures,
    shortlist: Sequence[LocalFeatures],
    matcher: Matcher,
    estimator: GeometryEstimator | None,
    executor: Executor,
) -> list[Verification]:
    """``verify`` for every photo of a shortlist, in its order, spread over the executor's threads.

    Hold BLAS to one thread meanwhile, or its threads and the executor's fight over the cores.
    """
    return list(executor.map(lambda features: verify(query, features, matcher, estimator), shortlist))


def distinctive_weights(verifications: Sequence[Verification], places: Sequence[object]) -> list[DoubleArray]:
    """Per photo, the weight of each inlier: one over the number of places in which that query keypoint found one.

    A keypoint on a door that every house of the street has says little about which house it is.

    Args:
        verifications: Of one query.
        places: For each photo what place it belongs to; photos of one place do not compete.
    """
    seen: dict[object, set[int]] = {}
    for verification, place in zip(verifications, places, strict=True):
        seen.setdefault(place, set()).update(verification.matches.query.tolist())
    counts: dict[int, int] = {}
    for keypoints in seen.values():
        for keypoint in keypoints:
            counts[keypoint] = counts.get(keypoint, 0) + 1
    return [np.array([1 / counts[k] for k in v.matches.query.tolist()], dtype=np.float64) for v in verifications]

"""One-to-one matches of local features."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from whence.types import FloatArray, LocalFeatures, Matches
from whence.verify.kinds import each_kind

_BIN_DEG = 10.0


@dataclass(frozen=True, slots=True)
class MatchingOptions:
    """Options of mutual nearest neighbours.

    Attributes:
        ratio: Distance to the best over distance to the second best; below it a match counts as distinctive
            (D. Lowe, IJCV 2004).
        rotation_tolerance_deg: Matches turn by about the same angle from one photo to the other, since a camera
            rolls as a whole; those further from the commonest turn are dropped. 180 keeps all.
    """

    ratio: float = 0.8
    rotation_tolerance_deg: float = 30.0


class MutualNearestNeighbour:
    """Nearest neighbours in both directions that pass the ratio test and agree in rotation."""

    options_type = MatchingOptions

    def __init__(self, options: MatchingOptions | None = None) -> None:
        self.options = options or MatchingOptions()

    def match(self, query: LocalFeatures, database: LocalFeatures) -> Matches:
        """Brute force over all pairs; one matrix product, so about 2 ms for 1,000 x 1,000 on one core."""
        return each_kind(query, database, self._match)

    def _match(self, query: LocalFeatures, database: LocalFeatures) -> Matches:
        if len(query) < 2 or len(database) < 2:
            return Matches(np.zeros(0, np.intp), np.zeros(0, np.intp))
        squared = squared_distances(query.descriptors, database.descriptors)
        rows = np.arange(len(query))
        best = squared.argmin(axis=1)
        nearest = squared[rows, best]
        squared[rows, best] = np.inf
        kept = np.flatnonzero(nearest < self.options.ratio**2 * squared.min(axis=1))
        squared[rows, best] = nearest
        # the way back only for the few that are left: columns of the whole matrix are the dearest pass over it
        kept = kept[squared[:, best[kept]].argmin(axis=0) == kept]
        matches = Matches(kept, best[kept])
        turned = _agree_in_rotation(query, database, matches, self.options.rotation_tolerance_deg)
        return Matches(matches.query[turned], matches.database[turned])


def no_matches() -> Matches:
    """None at all, with distances."""
    return Matches(np.zeros(0, np.intp), np.zeros(0, np.intp), np.zeros(0, np.float32))


def one_each(
    query: NDArray[np.intp], database: NDArray[np.intp], squared: FloatArray, most: int | None = None
) -> Matches:
    """Matches in which each keypoint of the database photo keeps the closest of those that chose it.

    Args:
        query: ``(M,)`` keypoints of the query, ascending and each once.
        database: ``(M,)`` the neighbour of each.
        squared: ``(M,)`` squared distances between their descriptors.
        most: Only so many, the closest; None for all.
    """
    closest_first = np.argsort(squared, kind="stable")
    _, first = np.unique(database[closest_first], return_index=True)
    kept = np.sort(closest_first[np.sort(first)[:most]])
    distances = np.sqrt(np.maximum(squared[kept], 0)).astype(np.float32)
    return Matches(query[kept], database[kept], distances)


def squared_distances(a: NDArray[np.generic], b: NDArray[np.generic]) -> FloatArray:
    """``(N, M)`` squared Euclidean distances of the rows of two arrays; rounding may leave them just below zero."""
    left, right = a.astype(np.float32), b.astype(np.float32)
    left_norms, right_norms = np.square(left).sum(axis=1), np.square(right).sum(axis=1)
    # |a|² - 2ab + |b|² as one product: passes over the large matrix are what costs
    left = np.column_stack([-2 * left, left_norms, np.ones_like(left_norms)])
    right = np.column_stack([right, np.ones_like(right_norms), right_norms])
    return np.asarray(left @ right.T)


def _agree_in_rotation(
    query: LocalFeatures, database: LocalFeatures, matches: Matches, tolerance_deg: float
) -> NDArray[np.bool_]:
    """Which matches lie within the tolerance of the commonest turn."""
    if not len(matches):
        return np.zeros(0, np.bool_)
    turns = query.keypoints[matches.query, 3] - database.keypoints[matches.database, 3]
    turns = (turns + 180) % 360 - 180
    bins = int(360 / _BIN_DEG)
    counts = np.bincount(((turns + 180) / _BIN_DEG).astype(np.intp) % bins, minlength=bins)
    counts = counts + np.roll(counts, 1) + np.roll(counts, -1)
    commonest = -180 + _BIN_DEG * (int(counts.argmax()) + 0.5)
    kept: NDArray[np.bool_] = np.abs((turns - commonest + 180) % 360 - 180) <= tolerance_deg
    return kept

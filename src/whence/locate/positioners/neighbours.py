"""The position from the k most similar photos, for recipes that verify nothing.

Source of the weights: S. Dudani, The distance-weighted k-nearest-neighbor rule, IEEE Transactions on Systems, Man, and
Cybernetics, 1976.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from whence.errors import RecipeError
from whence.geo.plane import apart_m
from whence.locate.fusion import BANDWIDTH
from whence.locate.stages import Proposal, Shortlist
from whence.types import DoubleArray, FloatArray


@dataclass(frozen=True, slots=True)
class NeighboursOptions:
    """Options of the nearest neighbours.

    Attributes:
        k: Photos that have a say.
        centre: ``medoid``, the neighbour with the least sum of weighted distances to the others: always a place where
            a photo was taken; ``median``, the point with that least sum; or ``mean``.
    """

    k: int = 5
    centre: str = "medoid"


class Neighbours:
    """Each of the k photos counts by how much more similar it is than the next one after them."""

    options_type = NeighboursOptions

    def __init__(self, options: NeighboursOptions | None = None) -> None:
        self.options = options or NeighboursOptions()
        if self.options.centre not in _CENTRES:
            raise RecipeError(f"[locate] centre = {self.options.centre!r}: expected one of {', '.join(_CENTRES)}")

    def position(self, shortlist: Shortlist) -> Proposal | None:
        """See ``Positioner``. The confidence is below one half, since nothing was verified: the share of the weight
        that lies at the answer's place."""
        similar = np.argsort(-shortlist.similarities, kind="stable")
        nearest = similar[: self.options.k]
        weights = dudani(shortlist.similarities[similar], self.options.k)
        points = shortlist.points[nearest]
        centre = _CENTRES[self.options.centre](points, weights)
        near = np.hypot(*(points - centre).T) <= BANDWIDTH * shortlist.tolerance_m
        order = [*nearest[near], *nearest[~near], *similar[self.options.k :]]
        return Proposal(centre, 0.02 + 0.46 * float(weights[near].sum()), [int(place) for place in order])


def dudani(similarities: FloatArray, k: int) -> DoubleArray:
    """``(min(k, C),)`` weights with sum 1: from the most similar photo down to the one after the last that counts.

    Where no photo comes after the last one, the last counts nothing; where all are equally similar, all count the same.

    Args:
        similarities: ``(C,)``, falling.
        k: Photos that count.
    """
    counted = similarities[:k].astype(np.float64)
    above = counted - float(similarities[min(k, len(similarities) - 1)])
    total = float(above.sum())
    return above / total if total > 0 else np.full(len(counted), 1 / len(counted))


def _medoid(points: DoubleArray, weights: DoubleArray) -> DoubleArray:
    distances = apart_m(points, points)
    return np.asarray(points[int(np.argmin(distances @ weights))])


def _median(points: DoubleArray, weights: DoubleArray) -> DoubleArray:
    """By Weiszfeld's algorithm, from the mean on."""
    centre = _mean(points, weights)
    for _ in range(200):
        pulls = weights / np.maximum(np.hypot(*(points - centre).T), 1e-6)
        moved = pulls @ points / pulls.sum()
        if np.hypot(*(moved - centre)) < 1e-3:
            break
        centre = moved
    return np.asarray(moved)


def _mean(points: DoubleArray, weights: DoubleArray) -> DoubleArray:
    return np.asarray(weights @ points)


_CENTRES: dict[str, Callable[[DoubleArray, DoubleArray], DoubleArray]] = {
    "medoid": _medoid,
    "median": _median,
    "mean": _mean,
}

"""What a model takes for likely, and the one point that is answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from whence.geo.distance import metres_from
from whence.geo.sphere import off_sphere, on_sphere
from whence.types import XY, DoubleArray, LatLon, Position

_ROUNDS, _STILL = 200, 1e-10


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """A photo's classes and places, each with how likely it is.

    Attributes:
        names: Of the C classes; none where coordinates are predicted.
        probabilities: ``(C,)``, which add up to 1.
        points: ``(M, 2)`` where the photo may have been taken; none where positions of classes are not known.
        weights: ``(M,)``, which add up to 1.
        metric: Whether ``points`` are x and y in metres, not latitude and longitude.
    """

    names: Sequence[str]
    probabilities: DoubleArray
    points: DoubleArray
    weights: DoubleArray
    metric: bool = False

    def position(self, row: DoubleArray) -> Position:
        """A pair of coordinates as a position."""
        first, second = row.tolist()
        return XY(first, second) if self.metric else LatLon(first, second)

    def best(self) -> tuple[Position, float]:
        """The point from which the truth is least far away on average, and that average in metres."""
        middle = weighted_median(self.points, self.weights, self.metric)
        point = self.position(middle)
        return point, float(self.weights @ metres_from(point, self.points))


def weighted_median(points: DoubleArray, weights: DoubleArray, metric: bool) -> DoubleArray:
    """``(2,)``: the point with the least weighted sum of distances.

    By E. Weiszfeld's iterations (1937); on the sphere each of them along great circles from the last point (P. Fletcher
    et al., The Geometric Median on Riemannian Manifolds, NeuroImage 2009): no seam at 180 degrees, no poles.

    Args:
        points: ``(M, 2)``.
        weights: ``(M,)``, none below 0.
        metric: As in ``Prediction``.
    """
    middle = np.asarray(np.average(points, axis=0, weights=weights)) if metric else _average(points, weights)
    inside = points if metric else on_sphere(points)
    for _ in range(_ROUNDS):
        if metric:
            towards = inside - middle
            length = np.linalg.norm(towards, axis=1)
            away = length
        else:
            towards = inside - (inside @ middle)[:, None] * middle
            length = np.linalg.norm(towards, axis=1)
            away = np.arctan2(length, inside @ middle)
        extent = max(float(away.max()), 1e-12)
        pull = weights / np.maximum(away, 1e-9 * extent)
        step = (weights / np.maximum(length, 1e-9 * extent)) @ towards / pull.sum()
        size = float(np.linalg.norm(step))
        if metric:
            middle = middle + step
        elif size > 0:
            middle = np.cos(size) * middle + np.sin(size) * step / size
            middle = middle / np.linalg.norm(middle)
        if size < _STILL * extent:
            break
    return np.asarray(middle if metric else off_sphere(middle[None])[0])


def _average(points: DoubleArray, weights: DoubleArray) -> DoubleArray:
    """``(3,)`` on the unit sphere: the direction of the mean, or the heaviest point where that has none."""
    vectors = on_sphere(points)
    mean = np.average(vectors, axis=0, weights=weights)
    length = float(np.linalg.norm(mean))
    return np.asarray(mean / length if length > 1e-6 else vectors[int(weights.argmax())])

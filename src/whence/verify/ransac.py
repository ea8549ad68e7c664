"""Plain RANSAC: nothing but samples of seven matches and a count, so that what others add to it can be measured.

Sources: M. Fischler and R. Bolles, Random Sample Consensus, CACM 1981; R. Hartley and A. Zisserman, Multiple View
Geometry, 2nd ed., sections 4.7 (when to stop), 11.1.2 (seven points) and 11.4.3 (Sampson's error).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from whence.types import DoubleArray, FloatArray, Geometry, LocalFeatures, Matches
from whence.verify.geometry import LEAST

_SAMPLE = 7
_AT_ONCE = 100
"""Samples between two looks at whether there were enough."""
_NEXT, _LAST = [1, 2, 0], [2, 0, 1]
_TURN = np.linalg.qr(np.random.default_rng(0).normal(size=(9, 9)))[0]
"""Some rotation of the nine unknowns, so that seven can be solved for the other two whatever the motion: of the matrix
itself, entries that are zero for some motions could not be the two that are free."""


@dataclass(frozen=True, slots=True)
class RansacOptions:
    """Options of plain RANSAC.

    Attributes:
        threshold_px: Largest Sampson error of a match that agrees.
        confidence: Of having drawn one sample free of outliers, where ``adaptive``.
        iterations: Samples, at most.
        adaptive: Stop when there were enough for the share of inliers seen so far; else draw all.
    """

    threshold_px: float = 1.5
    confidence: float = 0.999
    iterations: int = 1000
    adaptive: bool = True


class Ransac:
    """The fundamental matrix of seven matches with which most others agree. Deterministic: its seed is fixed."""

    options_type = RansacOptions

    def __init__(self, options: RansacOptions | None = None) -> None:
        self.options = options or RansacOptions()

    def estimate(self, query: LocalFeatures, database: LocalFeatures, matches: Matches) -> Geometry:
        """The best sample's geometry, not refined; none for fewer than eight inliers."""
        none = Geometry(np.zeros(len(matches), np.bool_))
        if len(matches) < LEAST:
            return none
        a = query.keypoints[matches.query, :2].astype(np.float64)
        b = database.keypoints[matches.database, :2].astype(np.float64)
        to_a, to_b = _levelled(a), _levelled(b, to=a)
        matrix, inliers = self._search(_apply(to_a, a), _apply(to_b, b), self.options.threshold_px * to_a[0, 0])
        if inliers.sum() < LEAST:
            return none
        matrix = to_b.T @ matrix @ to_a
        return Geometry(inliers, "fundamental", matrix / np.linalg.norm(matrix))

    def _search(self, a: DoubleArray, b: DoubleArray, threshold: float) -> tuple[DoubleArray, NDArray[np.bool_]]:
        """Best matrix and its inliers, of ``(M, 3)`` points in homogeneous coordinates."""
        rng, chosen = np.random.default_rng(0), self.options
        best, most, drawn, enough = np.zeros((3, 3)), np.zeros(len(a), np.bool_), 0, float(chosen.iterations)
        single = a.astype(np.float32), b.astype(np.float32)
        waiting = samples(rng, 0, len(a))
        while drawn < min(enough, chosen.iterations):
            if not len(waiting):
                waiting = samples(rng, min(10 * _AT_ONCE, chosen.iterations - drawn), len(a))
            rows, waiting = waiting[:_AT_ONCE], waiting[_AT_ONCE:]
            drawn += len(rows)
            matrices = seven_points(a[rows], b[rows])
            agree = _agree(matrices.astype(np.float32), *single, threshold)
            counts = agree.sum(axis=1)
            if len(counts) and counts.max() > most.sum():
                first = int(counts.argmax())
                best, most = matrices[first], agree[first]
            if chosen.adaptive:
                enough = _enough(int(most.sum()) / len(a), chosen.confidence)
        return best, most


def samples(rng: np.random.Generator, count: int, size: int) -> NDArray[np.intp]:
    """``(count, 7)``: seven different numbers below ``size`` in each row (R. Floyd's algorithm, row by row)."""
    rows = np.empty((count, _SAMPLE), np.intp)
    for place, last in enumerate(range(size - _SAMPLE, size)):
        drawn = rng.integers(0, last + 1, count)
        rows[:, place] = np.where((rows[:, :place] == drawn[:, None]).any(axis=1), last, drawn)
    return rows


def seven_points(a: DoubleArray, b: DoubleArray) -> DoubleArray:
    """``(K, 3, 3)`` fundamental matrices, one to three for each of ``(S, 7, 3)`` samples of homogeneous points."""
    equations = ((b[:, :, :, None] * a[:, :, None, :]).reshape(-1, 9) @ _TURN).reshape(-1, _SAMPLE, 9)
    solved = _solved(equations[:, :, :_SAMPLE], -equations[:, :, _SAMPLE:])
    first, second = (
        (solved[:, :, free] @ _TURN[:, :_SAMPLE].T + _TURN[:, _SAMPLE + free]).reshape(-1, 3, 3) for free in (0, 1)
    )
    with np.errstate(all="ignore"):  # samples with coinciding points may have no root, or an infinite one
        roots = _real_roots(*_determinant(first, second))
        found = first[:, None] + roots[..., None, None] * second[:, None]
        found = found / np.linalg.norm(found, axis=(2, 3), keepdims=True)
    return np.asarray(found[np.isfinite(found).all(axis=(2, 3))])


def _solved(left: DoubleArray, right: DoubleArray) -> DoubleArray:
    """``(S, 7, 2)``; something finite where two of seven matches are equal, as keypoints of two orientations are."""
    try:
        return np.asarray(np.linalg.solve(left + 1e-10 * np.eye(_SAMPLE), right))
    except np.linalg.LinAlgError:
        return np.asarray(np.linalg.pinv(left) @ right)


def _determinant(first: DoubleArray, second: DoubleArray) -> tuple[DoubleArray, ...]:
    """Coefficients of det(first + x second), that of x³ first."""
    of_first, of_second = _cofactors(first), _cofactors(second)
    constant = (first[:, 0] * of_first[:, 0]).sum(axis=1)
    linear = (second * of_first).reshape(-1, 9).sum(axis=1)
    square = (first * of_second).reshape(-1, 9).sum(axis=1)
    return (second[:, 0] * of_second[:, 0]).sum(axis=1), square, linear, constant


def _cofactors(matrices: DoubleArray) -> DoubleArray:
    """``(S, 3, 3)``: in each row the cross product of the other two."""
    after, last = np.roll(matrices, -1, axis=1), np.roll(matrices, 1, axis=1)
    return np.asarray(after[:, :, _NEXT] * last[:, :, _LAST] - after[:, :, _LAST] * last[:, :, _NEXT])


def _real_roots(a: DoubleArray, b: DoubleArray, c: DoubleArray, d: DoubleArray) -> DoubleArray:
    """``(S, 3)`` real roots of ax³ + bx² + cx + d by Cardano's and Viète's formulas; NaN where there are fewer."""
    shift, c, d = b / (3 * a), c / a, d / a
    p, q = c / 3 - shift**2, shift**3 - shift * c / 2 + d / 2
    discriminant = q**2 + p**3
    root = np.sqrt(np.maximum(discriminant, 0))
    alone = np.cbrt(-q + root) + np.cbrt(-q - root)
    size = np.sqrt(np.maximum(-p, 0))
    angle = np.arccos(np.clip(-q / size**3, -1, 1)) / 3
    found = 2 * size[:, None] * np.cos(angle[:, None] - np.array([0, 1, 2]) * (2 * math.pi / 3))
    single = discriminant > 0
    found[single] = np.nan
    found[single, 0] = alone[single]
    return np.asarray(found - shift[:, None])


def _agree(matrices: FloatArray, a: FloatArray, b: FloatArray, threshold: float) -> NDArray[np.bool_]:
    """``(K, M)``: which matches have a Sampson error below the threshold."""
    products = (b[:, :, None] * a[:, None, :]).reshape(len(a), 9)
    residual = matrices.reshape(-1, 9) @ products.T
    lines = [matrices[:, row] @ a.T for row in (0, 1)] + [matrices[:, :, column] @ b.T for column in (0, 1)]
    slope = sum(np.square(line) for line in lines[1:]) + np.square(lines[0])
    return np.asarray(np.square(residual) < np.float32(threshold**2) * slope)


def _enough(share: float, confidence: float) -> float:
    """Samples after which one is free of outliers with that confidence."""
    clean = share**_SAMPLE
    if clean >= 1 or confidence <= 0:
        return 0.0
    return math.inf if clean <= 0 or confidence >= 1 else math.log(1 - confidence) / math.log1p(-clean)


def _levelled(points: DoubleArray, to: DoubleArray | None = None) -> DoubleArray:
    """``(3, 3)``: moves points around zero, at a distance of about one; scaled as ``to`` are, so that pixels agree."""
    centre = points.mean(axis=0)
    spread = points if to is None else to
    scale = 1 / max(float(spread.std()), 1e-9)
    return np.array([[scale, 0, -scale * centre[0]], [0, scale, -scale * centre[1]], [0, 0, 1]])


def _apply(matrix: DoubleArray, points: DoubleArray) -> DoubleArray:
    return np.column_stack([points, np.ones(len(points))]) @ matrix.T

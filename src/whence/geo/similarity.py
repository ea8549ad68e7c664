"""Where the origin of a sketch lies on the ground, when some of its points are known there.

A sketch is true up to a turn, a scale and a shift; of the plane these are two complex numbers:
``ground = origin + factor * sketch``, with the first coordinate real and the second imaginary.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from whence.types import DoubleArray

Complexes = NDArray[np.complex128]
_ROUNDS = 10
_SINGULAR = 1e12
_MIRROR = np.array([1.0, -1.0])


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """A sketch laid on the ground.

    Attributes:
        origin: ``(2,)`` where the sketch's origin lies, in metres.
        factor: Metres per unit of the sketch, turned: a complex number.
        sigma_m: Standard deviation of the origin in each direction, by the errors that were assumed.
        belief: ``(N,)`` probability that each point belongs where it was laid, and is not a stray.
        likelihood: Logarithm of it, of all points by their weights; to compare sketches of the same points.
        turned_over: Whether the sketch lies face down; ``factor`` is then that of a ground whose y is turned round.
        face_down: By how much that is likelier than face up, as logarithms of likelihoods; 0 where it was not asked.
    """

    origin: DoubleArray
    factor: complex
    sigma_m: float
    belief: DoubleArray
    likelihood: float
    turned_over: bool = False
    face_down: float = 0.0

    @property
    def ahead(self) -> DoubleArray:
        """``(2,)`` where the sketch's second axis points on the ground."""
        ahead = 1j * self.factor
        return np.array([ahead.real, -ahead.imag if self.turned_over else ahead.imag])


@dataclass(frozen=True, slots=True)
class Errors:
    """What is wrong with a sketch and its ground.

    Attributes:
        spread: A point of the sketch is off by this share of its distance from the origin.
        floor_m: A position on the ground is off by so much.
        stray_m: A stray point may lie anywhere within this distance.
    """

    spread: float
    floor_m: float
    stray_m: float


def lay(
    sketch: DoubleArray, ground: DoubleArray, weights: DoubleArray, errors: Errors, *, turned_over: bool = False
) -> Fit | None:
    """The likeliest turn, scale and shift: the best of those by two points, improved over all of them.

    A mixture of good points, normally distributed, and strays, evenly so (expectation maximisation). A larger scale
    makes larger errors likely too, and is no better for that.

    Args:
        sketch: ``(N, 2)``.
        ground: ``(N, 2)`` metres.
        weights: ``(N,)`` how much each point counts, at most 1.
        errors: To expect.
        turned_over: Lay it face down, as on a plan whose y points down.

    Returns:
        None where no two points lie apart both on the sketch and on the ground, or nothing finite comes out.
    """
    if turned_over:
        face_up = lay(sketch, ground * _MIRROR, weights, errors)
        return None if face_up is None else replace(face_up, origin=face_up.origin * _MIRROR, turned_over=True)
    z, g = _complex(sketch), _complex(ground)
    best, most = None, -np.inf
    for i, j in combinations(range(len(z)), 2):
        apart = errors.spread * max(abs(z[i]), abs(z[j]))
        if abs(g[i] - g[j]) <= errors.floor_m or abs(z[i] - z[j]) <= apart:
            continue
        factor = complex((g[i] - g[j]) / (z[i] - z[j]))
        origin = complex(g[i] - factor * z[i])
        likelihood = _likelihood(z, g, weights, origin, factor, errors)
        if likelihood > most:
            best, most = (origin, factor), likelihood
    return None if best is None else _improved(z, g, weights, *best, errors)


def _complex(points: DoubleArray) -> Complexes:
    return points[:, 0] + 1j * points[:, 1]


def _improved(
    z: Complexes, g: Complexes, weights: DoubleArray, origin: complex, factor: complex, errors: Errors
) -> Fit | None:
    sigma_m, belief = np.inf, np.zeros(len(z))
    for _ in range(_ROUNDS):
        good, stray = _densities(z, g, origin, factor, errors)
        belief = good / (good + stray)
        known = weights * belief / _variance(z, factor, errors)
        normal = np.array([[known.sum(), (known * z).sum()], [(known * z.conj()).sum(), (known * abs(z) ** 2).sum()]])
        if not np.isfinite(normal).all() or np.linalg.cond(normal) > _SINGULAR:
            return None
        inverse = np.linalg.inv(normal)
        origin, factor = (complex(x) for x in inverse @ [(known * g).sum(), (known * z.conj() * g).sum()])
        sigma_m = float(np.sqrt(inverse[0, 0].real))
    likelihood = _likelihood(z, g, weights, origin, factor, errors)
    if not np.isfinite(origin):
        return None
    return Fit(np.array([origin.real, origin.imag]), factor, sigma_m, belief, likelihood)


def _likelihood(
    z: Complexes, g: Complexes, weights: DoubleArray, origin: complex, factor: complex, errors: Errors
) -> float:
    good, stray = _densities(z, g, origin, factor, errors)
    return float(weights @ np.log(good + stray))


def _densities(
    z: Complexes, g: Complexes, origin: complex, factor: complex, errors: Errors
) -> tuple[DoubleArray, DoubleArray]:
    """Per square metre, of good points and of strays."""
    variance = _variance(z, factor, errors)
    off = np.abs(g - origin - factor * z)
    good = np.exp(-0.5 * off**2 / variance) / (2 * np.pi * variance)
    return np.asarray(good), np.full(len(z), 1 / (np.pi * errors.stray_m**2))


def _variance(z: Complexes, factor: complex, errors: Errors) -> DoubleArray:
    return np.asarray(errors.floor_m**2 + (errors.spread * np.abs(factor * z)) ** 2)

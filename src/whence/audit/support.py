"""How much ties a photo's place to where its pin lies, and to the best place elsewhere."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from whence.audit.pairs import Pairs
from whence.geo.plane import Plane
from whence.types import Crs, DoubleArray, LatLon

_STRONG = 0.9
"""Share of pairs that are weaker than those by which it is learned how near is near."""
_WIDER = 1.5


def support(
    pairs: Pairs,
    coords: DoubleArray,
    crs: Crs,
    apart_m: DoubleArray,
    wrong: DoubleArray,
    spots: NDArray[np.intp],
    least_m: float,
) -> DoubleArray:
    """``(N, 2)``: logarithms of the strength of matches near the pin, and near the best place elsewhere.

    Photos of one place with one pin have their mean: what one does not show, another may.

    Args:
        pairs: Photos that match.
        coords: ``(N, 2)`` of the pins.
        crs: What they mean.
        apart_m: ``(P,)`` between the pins of each pair.
        wrong: ``(N,)`` that a pin is wrong: its photo is no support.
        spots: ``(N,)`` numbers of places with one pin.
        least_m: What counts as near in any case.
    """
    if not len(pairs):
        return np.zeros((len(coords), 2))
    near_m = max(_near_m(pairs, apart_m, wrong), least_m)
    photo = np.concatenate([pairs.first, pairs.second])
    order = np.argsort(photo, kind="stable")
    other = np.concatenate([pairs.second, pairs.first])[order]
    away_m = np.concatenate([apart_m, apart_m])[order]
    strength = np.concatenate([pairs.strength, pairs.strength])[order] * (1 - wrong[other])
    starts = np.searchsorted(photo[order], np.arange(len(coords) + 1)).tolist()
    metres = _metres(coords, crs)
    found = np.zeros((len(coords), 2))
    for row, (low, high) in enumerate(pairwise(starts)):
        away, told = away_m[low:high], strength[low:high]
        found[row, 0] = told[(away <= near_m) & (away > 0)].sum()
        far = away > near_m
        if far.any():
            points = metres[other[low:high][far]]
            together = np.hypot(*(points[:, None] - points[None]).transpose(2, 0, 1)) <= near_m
            found[row, 1] = (together @ told[far]).max()
    found = np.log1p(found)
    count = np.bincount(spots)
    means = [np.bincount(spots, column) / np.maximum(count, 1) for column in found.T]
    return np.column_stack([mean[spots] for mean in means])


def _near_m(pairs: Pairs, apart_m: DoubleArray, wrong: DoubleArray) -> float:
    """How near the strongest pairs lie, by the median."""
    strong = pairs.strength >= np.quantile(pairs.strength, _STRONG)
    believed = ((1 - wrong[pairs.first]) * (1 - wrong[pairs.second]))[strong]
    order = np.argsort(apart_m[strong], kind="stable")
    reached = np.cumsum(believed[order])
    return _WIDER * float(apart_m[strong][order][np.searchsorted(reached, reached[-1] / 2)])


def _metres(coords: DoubleArray, crs: Crs) -> DoubleArray:
    """On one plane: pins at the other end of the world are far, however far."""
    if crs is Crs.LOCAL:
        return coords
    middle = LatLon(*np.median(coords, axis=0).tolist())
    return Plane.around([middle]).metres(coords)

"""Which pins disagree with what the photos show: all pairs judged together.

Two photos that match stand near each other, how near is learned from the gallery. A pair that lies farther apart than
such pairs do speaks against both pins; which of them is wrong is told by what else each matches. So the probability
that a pin is wrong and how much its word counts against others are settled together, by mean-field iterations:
a pin that is found wrong stops speaking against its neighbours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from whence.audit.pairs import Pairs
from whence.audit.support import support
from whence.geo.distance import offsets_m
from whence.types import Crs, DoubleArray

PRIOR = 0.05
"""Share of pins that are taken to be wrong before anything is looked at."""
_SHARES = 0.02, 0.2
"""Between which the share of wrong pins is then estimated."""
_KINDS = np.array([0.3, 0.5, 0.7, 0.8, 0.9, 0.95])
"""Shares of pairs, the weakest, between which the kinds of pairs lie."""
_STEP = 0.25
"""Width of a bin of the logarithm of a distance."""
_LIKE_ALL = 10.0
"""Pairs of all kinds that speak for each of them; and imagined ones, about a tolerance apart."""
_DOUBT = 0.005
"""Share of pairs of right pins that may lie anywhere, however many points match."""
_ROUNDS, _TRIMMED = 25, 5
_USUAL = 0.85
"""Share of pairs, the nearest, that alone tell in the first rounds how near pairs are: wrong pins made others."""
_MOST = 12.0
"""Evidence of a photo beyond which more is not believed."""
_MATES, _MATES_MOST = 1.0, 4.0
"""How much of what speaks against the others of its place with the same pin is held against a photo, and at most."""
_FEW = 2
"""Others that are imagined to match nothing: one alone is easily wrong for reasons of its own."""


@dataclass(frozen=True, slots=True, eq=False)
class Verdicts:
    """What the pairs say of N pins.

    Attributes:
        evidence: ``(N, 3)``: by pairs alone the logarithm of the odds, above 0 where it speaks against the pin; and
            what supports the pin, and the best place elsewhere (``whence.audit.support``).
        probability: ``(N,)`` that a pin is wrong.
        weight: ``(P,)`` what each pair says against its two pins, if the other one is right.
        apart_m: ``(P,)`` between the two pins.
        share: Of all pins, how many seem to be wrong.
    """

    evidence: DoubleArray
    probability: DoubleArray
    weight: DoubleArray
    apart_m: DoubleArray
    share: float


def judge(
    pairs: Pairs, coordinates: DoubleArray, crs: Crs, tolerance_m: float, places: Sequence[object], extra: DoubleArray
) -> Verdicts:
    """Judges all pins.

    Args:
        pairs: Photos that match.
        coordinates: ``(N, 2)`` of the pins.
        crs: What they mean.
        tolerance_m: Of the gallery: about how far photos of one place stand apart.
        places: Of N photos; those of one place with one pin are one witness, not many, and stand by each other.
        extra: ``(N,)`` what else speaks against each pin.
    """
    count = len(coordinates)
    apart_m = np.hypot(*offsets_m(coordinates[pairs.first], coordinates[pairs.second], crs).T)
    spots = _spots(coordinates, places)
    told = apart_m > 0  # two photos with one and the same pin: it may have been copied
    bins = _Bins(apart_m, coordinates, crs, tolerance_m)
    kind = _kinds(pairs.strength)
    sides = _Sides(pairs, spots)
    wrong = np.full(count, PRIOR)
    nearer = _nearer(kind, apart_m)
    share, weight, score = PRIOR, np.zeros(len(pairs)), np.zeros(count)
    for turn in range(_ROUNDS):
        believed = (1 - wrong[pairs.first]) * (1 - wrong[pairs.second]) * told
        if turn < _TRIMMED:
            believed *= nearer
        weight = np.where(told, bins.weights(kind, believed), 0.0)
        score = np.clip(sides.together(weight, 1 - wrong), -_MOST, _MOST)
        score = score + _mates(score, sides.matched, spots) + extra
        odds = np.clip(np.log(share / (1 - share)) + score, -30, 30)
        wrong = (wrong + 1 / (1 + np.exp(-odds))) / 2 if turn < _ROUNDS - 1 else 1 / (1 + np.exp(-odds))
        if sides.matched.any():
            share = float(np.clip(wrong[sides.matched].mean(), *_SHARES))
    supported = support(pairs, coordinates, crs, apart_m, wrong, spots, tolerance_m / 2)
    return Verdicts(np.column_stack([score - extra, supported]), wrong, weight, apart_m, share)


class _Bins:
    """Distances of pairs, by bins of their logarithm, and how usual each is."""

    def __init__(self, apart_m: DoubleArray, coordinates: DoubleArray, crs: Crs, tolerance_m: float) -> None:
        small = tolerance_m / 5
        anywhere = _anywhere_m(coordinates, crs)
        farthest = max(float(anywhere.max(initial=0.0)), float(apart_m.max(initial=0.0)), 100 * small)
        self._count = int(np.ceil(np.log(farthest / small + 1) / _STEP)) + 1
        self._bin = self._bins(apart_m, small)
        usual = np.bincount(self._bins(anywhere, small), minlength=self._count) + 1e-9
        self._usual = _smooth(usual / usual.sum())
        # A wrong pin may lie at any distance: somewhere in the gallery, or off by any order of magnitude.
        self._wrong = 0.5 * self._usual + 0.5 / self._count
        self._far = np.arange(self._count) > np.searchsorted(np.cumsum(self._usual), 0.5)
        near = np.exp(-0.5 * ((np.arange(self._count) * _STEP - np.log(10)) / 1.0) ** 2)  # around two tolerances
        self._near = near / near.sum()

    def _bins(self, apart_m: DoubleArray, small: float) -> NDArray[np.intp]:
        return np.minimum((np.log(apart_m / small + 1) / _STEP).astype(np.intp), self._count - 1)

    def weights(self, kind: NDArray[np.intp], believed: DoubleArray) -> DoubleArray:
        """``(P,)`` logarithms of how much likelier the distance of each pair is where a pin is wrong."""
        everything = np.bincount(self._bin, believed, self._count) + _LIKE_ALL * self._near
        everything /= everything.sum()
        found = np.zeros(len(kind))
        for one in np.unique(kind):
            mine = kind == one
            seen = np.bincount(self._bin[mine], believed[mine], self._count) + _LIKE_ALL * everything
            right = (1 - _DOUBT) * _smooth(seen / seen.sum()) + _DOUBT * self._wrong
            # Some match by chance: such a pair lies anywhere, whether its pins are right or wrong.
            chance = min(float(right[self._far].sum() / max(self._usual[self._far].sum(), 1e-9)), 1.0)
            wrong = chance * self._usual + (1 - chance) * self._wrong
            told = rising(np.log(wrong / right), seen)  # the nearer, the better
            found[mine] = told[self._bin[mine]]
        return found


class _Sides:
    """Both ends of every pair, those gathered in which a photo is told the same by one spot several times."""

    def __init__(self, pairs: Pairs, spots: NDArray[np.intp]) -> None:
        self._photo = np.concatenate([pairs.first, pairs.second])
        self._other = np.concatenate([pairs.second, pairs.first])
        self._count = len(spots)
        told = self._photo * (int(spots.max(initial=0)) + 1) + spots[self._other]
        _, self._witness, self._voices = np.unique(told, return_inverse=True, return_counts=True)
        self._whose = np.zeros(len(self._voices), np.intp)
        self._whose[self._witness] = self._photo
        self.matched = np.zeros(self._count, np.bool_)
        self.matched[self._photo] = True

    def together(self, weight: DoubleArray, believed: DoubleArray) -> DoubleArray:
        """``(N,)``: what all pairs say of each photo; many voices of one spot count as the root of their number."""
        said = np.concatenate([weight, weight]) * believed[self._other]
        witness = np.bincount(self._witness, said, len(self._voices)) / np.sqrt(self._voices)
        return np.asarray(np.bincount(self._whose, witness, self._count), np.float64)


def _mates(score: DoubleArray, matched: NDArray[np.bool_], spots: NDArray[np.intp]) -> DoubleArray:
    """``(N,)``: what speaks against the pin that a photo shares with others of its place."""
    total = np.bincount(spots, score * matched)[spots] - score * matched
    others = np.bincount(spots)[spots] - 1
    return np.clip(_MATES * total / (others + _FEW), -_MATES_MOST, _MATES_MOST)


def rising(values: DoubleArray, weights: DoubleArray) -> DoubleArray:
    """The nearest values that never fall (pool adjacent violators)."""
    blocks: list[list[float]] = []
    for value, weight in zip(values.tolist(), (weights + 1e-9).tolist(), strict=True):
        blocks.append([value, weight, 1])
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            last, before = blocks.pop(), blocks.pop()
            total = last[1] + before[1]
            blocks.append([(last[0] * last[1] + before[0] * before[1]) / total, total, last[2] + before[2]])
    return np.repeat([block[0] for block in blocks], [int(block[2]) for block in blocks])


def _kinds(strength: DoubleArray) -> NDArray[np.intp]:
    """``(P,)`` from 0 for the weakest."""
    edges = np.unique(np.quantile(strength, _KINDS)) if len(strength) else strength
    return np.searchsorted(edges, strength, side="right")


def _nearer(kind: NDArray[np.intp], apart_m: DoubleArray) -> NDArray[np.bool_]:
    """``(P,)``: the nearest of the pairs that are about as strong."""
    found = np.ones(len(kind), np.bool_)
    for one in np.unique(kind):
        mine = kind == one
        found[mine] = apart_m[mine] <= np.quantile(apart_m[mine], _USUAL)
    return found


def _smooth(shares: DoubleArray) -> DoubleArray:
    kernel = np.exp(-0.5 * (np.arange(-3, 4) / 1.2) ** 2)
    padded = np.pad(shares, 3, mode="symmetric") if len(shares) >= 3 else np.pad(shares, 3, mode="edge")
    return np.asarray(np.convolve(padded, kernel / kernel.sum(), mode="valid"))


def _spots(coordinates: DoubleArray, places: Sequence[object]) -> NDArray[np.intp]:
    """``(N,)`` numbers: alike for photos of one place that also have one pin."""
    numbers: dict[object, int] = {}
    pins = map(tuple, coordinates.tolist())
    found = [numbers.setdefault((place, pin), len(numbers)) for place, pin in zip(places, pins, strict=True)]
    return np.array(found, np.intp)


def _anywhere_m(coordinates: DoubleArray, crs: Crs) -> DoubleArray:
    """Distances of pairs of pins drawn at random; the same every time."""
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, max(len(coordinates), 1), (2, 20_000 if len(coordinates) else 0))
    return np.asarray(np.hypot(*offsets_m(coordinates[first], coordinates[second], crs).T))

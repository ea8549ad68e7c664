"""An audit tried on the gallery itself: pins that seem right are moved, to see which of them are found."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from whence.audit.judging import Verdicts
from whence.audit.model import Expected
from whence.geo.distance import metres_from
from whence.geo.plane import Plane, coordinates
from whence.types import XY, Crs, DoubleArray, LatLon, Position

SHARE = 0.05
"""Of the pins that are moved in a round."""
SURE = 0.5
_ROUNDS, _MOST_ROUNDS, _PINS = 6, 24, 300
"""Half of them to learn from, half to say what is to be expected: so many, or more until so many pins were moved."""
_LEAST = 40
"""Photos that have to match others, for shares of those moved to mean anything."""
_REFITS = 4
_HELD = 1.0
"""How many photos the usual relation of evidence and probability counts for."""
_USUAL = (1.0, 0.0, 0.0), float(np.log(SHARE / (1 - SHARE)))
"""Of the logarithm of the odds over evidence: slopes, and at none."""


@dataclass(frozen=True, slots=True)
class Scale:
    """What evidence is worth: a logistic curve.

    Attributes:
        slopes: Of the logarithm of the odds over the three columns of evidence.
        start: Where there is none.
    """

    slopes: tuple[float, ...] = _USUAL[0]
    start: float = _USUAL[1]

    def probability(self, evidence: DoubleArray, extra: DoubleArray | float = 0.0) -> DoubleArray:
        """``(N,)`` that a pin is wrong, for ``(N, 3)`` and what else speaks against it, ``(N,)``."""
        odds = evidence @ np.array(self.slopes) + self.start + extra
        return np.asarray(1 / (1 + np.exp(-np.clip(odds, -30, 30))))


def try_out(
    judged: Callable[[DoubleArray], Verdicts],
    own: Verdicts,
    coords: DoubleArray,
    crs: Crs,
    places: Sequence[object],
    matched: NDArray[np.bool_],
    at_least_m: float,
    extra: DoubleArray,
) -> tuple[Scale, Expected | None]:
    """What scores are worth in this gallery, and what to expect of an audit.

    Photos whose own pin seems wrong do not count as right ones.

    Args:
        judged: Judges all pins, wherever they are.
        own: On the pins as they are.
        coords: ``(N, 2)`` of the pins.
        crs: What they mean.
        places: Of the photos; those of one place with one pin are moved together.
        matched: ``(N,)``: which photos match any other. The others cannot be judged, and do not count.
        at_least_m: How far pins are moved, or farther.
        extra: ``(N,)`` what else speaks against the pins as they are.

    Returns:
        The usual scale, and no expectation, where too few photos match others.
    """
    if matched.sum() < _LEAST:
        return Scale(), None
    rounds = []
    wanted = min(max(_ROUNDS, 2 * math.ceil(_PINS / max(2 * SHARE * len(coords), 1))), _MOST_ROUNDS)
    for seed in range(wanted):
        moved, pins = move_some(coords, crs, places, matched, at_least_m, np.random.default_rng(seed))
        rounds.append((moved, judged(pins).evidence))
    learn, test = rounds[: wanted // 2], rounds[wanted // 2 :]
    scale = Scale()
    for _ in range(_REFITS):
        counted = matched & (scale.probability(own.evidence, extra) < SURE)
        kept = [counted | (moved & matched) for moved, _ in learn]
        evidence = np.concatenate([told[rows] for rows, (_, told) in zip(kept, learn, strict=True)])
        wrong = np.concatenate([moved[rows] for rows, (moved, _) in zip(kept, learn, strict=True)])
        scale = _fitted(evidence, wrong)
    told = [(scale.probability(evidence) >= SURE) & matched for _, evidence in test]
    new = [
        sure & (moved | (scale.probability(own.evidence, extra) < SURE))
        for sure, (moved, _) in zip(told, test, strict=True)
    ]
    count = sum(int((moved & matched).sum()) for moved, _ in test)
    found = sum(int((sure & moved).sum()) for sure, (moved, _) in zip(told, test, strict=True))
    named = sum(int(sure.sum()) for sure in new)
    return scale, Expected(count, at_least_m, found / count, found / named if named else 1.0)


def _fitted(evidence: DoubleArray, wrong: NDArray[np.bool_]) -> Scale:
    """Logistic regression by Newton's method, drawn to the usual scale."""
    spread = evidence.std(axis=0) + 1e-9
    design = np.column_stack([evidence / spread, np.ones(len(evidence))])
    usual = np.array([*(np.array(_USUAL[0]) * spread), _USUAL[1]])

    def cost(value: DoubleArray) -> float:
        odds = design @ value
        return float((np.logaddexp(0, odds) - wrong * odds).sum() + _HELD / 2 * ((value - usual) ** 2).sum())

    value = np.array([0.0] * len(_USUAL[0]) + [_USUAL[1]])
    for _ in range(60):
        chance = 1 / (1 + np.exp(-np.clip(design @ value, -30, 30)))
        slope = design.T @ (wrong - chance) - _HELD * (value - usual)
        curve = (design * (chance * (1 - chance))[:, None]).T @ design + _HELD * np.eye(len(usual))
        step = np.linalg.solve(curve, slope)
        while cost(value + step) > cost(value) and np.abs(step).max() > 1e-9:  # too far: the curve is no parabola
            step /= 2
        value = value + step
        if np.abs(step).max() < 1e-6:
            break
    return Scale(tuple((value[:-1] / spread).tolist()), float(value[-1]))


def move_some(
    coords: DoubleArray,
    crs: Crs,
    places: Sequence[object],
    among: NDArray[np.bool_],
    at_least_m: float,
    rng: np.random.Generator,
    share: float = SHARE,
) -> tuple[NDArray[np.bool_], DoubleArray]:
    """Moves the pins of a share of all photos, those of one place with one pin together.

    Half of them go to the pin of another photo, half in any direction by ``at_least_m`` up to the gallery's extent,
    small distances as often as large ones.

    Returns:
        ``(N,)``: which were moved, and the coordinates of all.
    """
    pins = [tuple(pin) for pin in coords.tolist()]
    spots: dict[object, list[int]] = {}
    for row, key in enumerate(zip(places, pins, strict=True)):
        spots.setdefault(key, []).append(row)
    keys = [rows for rows in spots.values() if among[rows].any()]
    moved, found = np.zeros(len(coords), np.bool_), coords.copy()
    for number in rng.permutation(len(keys)).tolist():
        if moved.sum() >= share * len(coords):
            break
        rows = keys[number]
        start = _position(coords[rows[0]], crs)
        away_m = metres_from(start, coords)
        far = np.flatnonzero(away_m >= at_least_m)
        if rng.random() < 0.5 and len(far):
            goal = coords[rng.choice(far)]
        else:
            most_m = max(float(np.quantile(away_m, 0.9)), 2 * at_least_m)
            distance, turn = np.exp(rng.uniform(np.log(at_least_m), np.log(most_m))), rng.uniform(0, 2 * np.pi)
            plane = Plane.around([start])
            east, north = plane.point(start)
            end = plane.position(east + distance * np.sin(turn), north + distance * np.cos(turn))
            goal = coordinates([end])[0]
        found[rows], moved[rows] = goal, True
    return moved, found


def _position(pair: DoubleArray, crs: Crs) -> Position:
    first, second = pair.tolist()
    return LatLon(first, second) if crs is Crs.WGS84 else XY(first, second)

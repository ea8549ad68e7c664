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
_HELD = 4.0
"""How many photos the usual relation of score and probability counts for."""
_START = (1.0, float(np.log(SHARE / (1 - SHARE))))


@dataclass(frozen=True, slots=True)
class Scale:
    """What a score is worth: a logistic curve.

    Attributes:
        slope: Of the logarithm of the odds over the score.
        start: At a score of 0.
    """

    slope: float = _START[0]
    start: float = _START[1]

    def probability(self, score: DoubleArray) -> DoubleArray:
        """``(N,)`` that a pin is wrong."""
        return np.asarray(1 / (1 + np.exp(-np.clip(self.slope * score + self.start, -30, 30))))


def try_out(
    judged: Callable[[DoubleArray], Verdicts],
    own: Verdicts,
    coords: DoubleArray,
    crs: Crs,
    places: Sequence[object],
    matched: NDArray[np.bool_],
    at_least_m: float,
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

    Returns:
        The usual scale, and no expectation, where too few photos match others.
    """
    if matched.sum() < _LEAST:
        return Scale(), None
    rounds = []
    wanted = min(max(_ROUNDS, 2 * math.ceil(_PINS / max(2 * SHARE * len(coords), 1))), _MOST_ROUNDS)
    for seed in range(wanted):
        moved, pins = move_some(coords, crs, places, matched, at_least_m, np.random.default_rng(seed))
        rounds.append((moved, judged(pins).score))
    learn, test = rounds[: wanted // 2], rounds[wanted // 2 :]
    scale = Scale()
    for _ in range(_REFITS):
        counted = matched & (scale.probability(own.score) < SURE)
        score = np.concatenate([score[counted | (moved & matched)] for moved, score in learn])
        wrong = np.concatenate([moved[counted | (moved & matched)] for moved, _ in learn])
        scale = _fitted(score, wrong)
    told = [(scale.probability(score) >= SURE) & matched for _, score in test]
    new = [sure & (moved | (scale.probability(own.score) < SURE)) for sure, (moved, _) in zip(told, test, strict=True)]
    count = sum(int((moved & matched).sum()) for moved, _ in test)
    found = sum(int((sure & moved).sum()) for sure, (moved, _) in zip(told, test, strict=True))
    named = sum(int(sure.sum()) for sure in new)
    return scale, Expected(count, at_least_m, found / count, found / named if named else 1.0)


def _fitted(score: DoubleArray, wrong: NDArray[np.bool_]) -> Scale:
    """Logistic regression by Newton's method, drawn to the usual scale; it never falls."""
    design = np.column_stack([score, np.ones(len(score))])
    usual = np.array(_START)
    value = usual.copy()
    for _ in range(50):
        chance = 1 / (1 + np.exp(-np.clip(design @ value, -30, 30)))
        slope = design.T @ (wrong - chance) - _HELD * (value - usual)
        curve = (design * (chance * (1 - chance))[:, None]).T @ design + _HELD * np.eye(2)
        step = np.linalg.solve(curve, slope)
        value += np.clip(step, -1, 1)
        if np.abs(step).max() < 1e-6:
            break
    return Scale(max(float(value[0]), 0.0), float(value[1]))


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

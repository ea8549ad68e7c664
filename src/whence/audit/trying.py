"""An audit tried on the gallery itself: pins that seem right are moved, to see which of them are found."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from whence.audit.judging import Verdicts
from whence.audit.model import Expected
from whence.geo.distance import metres_from
from whence.geo.plane import Plane, coordinates
from whence.types import XY, Crs, DoubleArray, LatLon, Position

SHARE = 0.05
"""Of the pins that are moved in a round."""
_SURE = 0.5
_SEEMS_RIGHT = 0.2
_LEAST = 20
"""Pins that have to be moved in all rounds together, for shares of them to mean anything."""


def expected(
    judged: Callable[[DoubleArray], Verdicts],
    verdicts: Verdicts,
    coords: DoubleArray,
    crs: Crs,
    places: Sequence[object],
    matched: NDArray[np.bool_],
    at_least_m: float,
    rounds: int = 5,
) -> Expected | None:
    """What to expect of an audit.

    Args:
        judged: Judges all pins, wherever they are.
        verdicts: On the pins as they are.
        coords: ``(N, 2)`` of the pins.
        crs: What they mean.
        places: Of the photos; those of one place with one pin are moved together.
        matched: ``(N,)``: which photos match any other. The others cannot be judged, and do not count.
        at_least_m: How far pins are moved, or farther.
        rounds: Each with other pins.

    Returns:
        None where too few photos match others.
    """
    right = matched & (verdicts.probability < _SEEMS_RIGHT)
    moved_in_all = found = told = 0
    for seed in range(rounds):
        moved, pins = move_some(coords, crs, places, right, at_least_m, np.random.default_rng(seed))
        sure = (judged(pins).probability >= _SURE) & (verdicts.probability < _SURE) & matched
        moved_in_all += int((moved & matched).sum())
        found += int((sure & moved).sum())
        told += int(sure.sum())
    if moved_in_all < _LEAST:
        return None
    return Expected(moved_in_all, at_least_m, found / moved_in_all, found / told if told else 1.0)


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

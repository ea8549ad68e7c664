"""Many candidates to one position: the place that the evidence supports best, against its rivals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from whence.types import DoubleArray

CHANCE = 6.0
"""Inliers that unrelated photos reach: seven matches always fit some epipolar geometry."""
BANDWIDTH = 1.6
"""Width of a place over the tolerance. Photos within about one support each other's place."""
_SCALE, _POWER = 4.0, 3.0
"""How fast a photo's say in the position falls with the difference in scale, and grows with its evidence."""


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """The best-supported place.

    Attributes:
        east_north: ``(2,)`` metres on the candidates' plane.
        support: Evidence for it, in inliers beyond chance.
        rival: Evidence for the best place elsewhere.
        members: ``(C,)`` bool: candidates that speak for it.
    """

    east_north: DoubleArray
    support: float
    rival: float
    members: NDArray[np.bool_]


def clusters(points: DoubleArray, groups: Sequence[str | None], radius_m: float) -> list[int]:
    """The place each candidate belongs to: that of the first one in the list with its group, or within the radius."""
    centres: list[tuple[DoubleArray, str | None]] = []
    found = []
    for point, group in zip(points, groups, strict=True):
        for number, (centre, name) in enumerate(centres):
            if (group is not None and group == name) or float(np.hypot(*(point - centre))) <= radius_m:
                found.append(number)
                break
        else:
            found.append(len(centres))
            centres.append((point, group))
    return found


def best_place(points: DoubleArray, evidence: DoubleArray, scales: DoubleArray, tolerance_m: float) -> Place | None:
    """The place with most evidence around it; None if there is none anywhere.

    Every candidate proposes its own position and is supported by all others as far as they are near. The answer is the
    mean of the members, those seen at the query's own scale before those much nearer or farther: among photos that
    look down one street, the one taken at the same spot shows everything at the same size.

    Args:
        points: ``(C, 2)`` metres.
        evidence: ``(C,)`` inliers, weighted by how distinctive they are.
        scales: ``(C,)`` size of keypoints in the query over that in the candidate.
        tolerance_m: The error that the user would call right.
    """
    beyond = np.maximum(evidence - CHANCE, 0)
    if not beyond.any():
        return None
    width = BANDWIDTH * tolerance_m
    distances = np.hypot(*(points[:, None] - points[None]).transpose(2, 0, 1))
    support = np.where(beyond > 0, np.exp(-0.5 * (distances / width) ** 2) @ beyond, 0)
    best = int(support.argmax())
    members = (distances[best] <= 2 * width) & (beyond > 0)
    rivals = support[distances[best] > 3 * width]
    say = np.where(members, beyond**_POWER * np.exp(-_SCALE * np.abs(np.log(scales))), 0)
    centre = (say[:, None] * points).sum(axis=0) / say.sum()
    return Place(centre, float(support[best]), float(rivals.max(initial=0)), members)


def geometric_median(points: DoubleArray) -> DoubleArray:
    """``(2,)``: the point with the least sum of distances to ``(N, 2)`` points (E. Weiszfeld, 1937)."""
    median = np.median(points, axis=0)
    for _ in range(100):
        distances = np.maximum(np.hypot(*(points - median).T), 1e-6)
        moved = (points / distances[:, None]).sum(axis=0) / (1 / distances).sum()
        if np.hypot(*(moved - median)) < 1e-3:
            return np.asarray(moved)
        median = moved
    return np.asarray(median)

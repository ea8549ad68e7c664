"""Many candidates to one position: the place that the evidence supports best, against its rivals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from whence.geo.plane import apart_m
from whence.types import DoubleArray

CHANCE = 6.0
"""Inliers that unrelated photos reach: seven matches always fit some epipolar geometry."""
BANDWIDTH = 1.6
"""Width of a place over the tolerance. Photos within about one support each other's place."""
HYPOTHESES = 10
"""Places that a query is given at most."""
_SCALE, _POWER = 4.0, 3.0
"""How fast a photo's say in the position falls with the difference in scale, and grows with its evidence."""
_UNLIKE, _UNVERIFIED = 2.0, 16.0
"""How fast a photo's evidence falls with its similarity behind that of the most similar one: where matches were
verified, and where there are next to none, so that similarity is the evidence."""


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


def best_place(
    points: DoubleArray, evidence: DoubleArray, scales: DoubleArray, similarities: DoubleArray, tolerance_m: float
) -> Place | None:
    """The place with most evidence around it; None if there is none anywhere.

    Every candidate proposes its own position and is supported by all others as far as they are near. The answer is the
    mean of the members, those seen at the query's own scale before those much nearer or farther: among photos that
    look down one street, the one taken at the same spot shows everything at the same size.

    Photos that are less similar as a whole count less. Where no place has more matches than chance gives, similar
    photos of one place add up to the evidence for it; support and rival are still those of the matches.

    Args:
        points: ``(C, 2)`` metres.
        evidence: ``(C,)`` inliers, weighted by how distinctive they are.
        scales: ``(C,)`` size of keypoints in the query over that in the candidate.
        similarities: ``(C,)`` cosines of global descriptors; zeros where there are none.
        tolerance_m: The error that the user would call right.
    """
    beyond, alike = _said(evidence, similarities)
    found = _best(points, beyond, scales, tolerance_m) if beyond.any() else None
    if (found is not None and found.support >= CHANCE) or not np.any(similarities):
        return found
    pooled = _best(points, beyond + alike, scales, tolerance_m)
    return replace(pooled, support=found.support if found else 0.0, rival=found.rival if found else 0.0)


def hypotheses(
    points: DoubleArray, evidence: DoubleArray, scales: DoubleArray, similarities: DoubleArray, tolerance_m: float
) -> list[tuple[DoubleArray, float]]:
    """The best place, the best one without its members, and so on: ``(2,)`` metres and the support of each.

    Matches and similarity count together here, as they do in ``best_place`` where there are few matches. Arguments are
    those of ``best_place``.
    """
    beyond, alike = _said(evidence, similarities)
    said = beyond + alike if np.any(similarities) else beyond
    found: list[tuple[DoubleArray, float]] = []
    left = said > 0
    while left.any() and len(found) < HYPOTHESES:
        rows = np.flatnonzero(left)
        place = _best(points[rows], said[rows], scales[rows], tolerance_m)
        found.append((place.east_north, place.support))
        left[rows[place.members]] = False
    return found


def _said(evidence: DoubleArray, similarities: DoubleArray) -> tuple[DoubleArray, DoubleArray]:
    """``(C,)`` what matches beyond chance say for each photo, and ``(C,)`` what similarity says."""
    behind = np.asarray(similarities, np.float64) - float(np.max(similarities))
    return np.maximum(evidence - CHANCE, 0) * np.exp(_UNLIKE * behind), np.exp(_UNVERIFIED * behind)


def _best(points: DoubleArray, evidence: DoubleArray, scales: DoubleArray, tolerance_m: float) -> Place:
    """The place with most evidence, some of which is above zero."""
    width = BANDWIDTH * tolerance_m
    distances = apart_m(points, points)
    support = np.where(evidence > 0, np.exp(-0.5 * (distances / width) ** 2) @ evidence, 0)
    best = int(support.argmax())
    members = (distances[best] <= 2 * width) & (evidence > 0)
    rivals = support[distances[best] > 3 * width]
    say = np.where(members, evidence**_POWER * np.exp(-_SCALE * np.abs(np.log(scales))), 0)
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

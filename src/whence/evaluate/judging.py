"""Answers held against the truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from whence.evaluate.answers import Answered
from whence.evaluate.model import DEPTH, Question
from whence.geo.distance import equirectangular_m, metres_from, offsets_m
from whence.geo.plane import coordinates
from whence.metrics.outcomes import Floats, Outcomes
from whence.types import Crs, LatLon, Location, Position, Status


def judge(
    asked: Sequence[Question],
    answered: Sequence[Answered],
    crs: Crs,
    labels: Mapping[str, str | None],
    clusters: NDArray[np.intp],
) -> Outcomes:
    """Outcomes of queries.

    Args:
        asked: The queries.
        answered: Their answers, in the same order.
        crs: What positions mean.
        labels: Class of each gallery photo by its path.
        clusters: ``(N,)`` as in ``Outcomes.cluster``.
    """
    known = np.array([question.truth is not None for question in asked], np.bool_)
    usable = np.array([_usable(a.location.position, crs) for a in answered], np.bool_)
    both = np.flatnonzero(known & usable)
    truth = coordinates([question.truth for question in asked if question.truth is not None])
    where = np.full((len(asked), 2), np.nan)
    where[known] = truth
    given = np.full((len(asked), 2), np.nan)
    said = [a.location.position for a, usual in zip(answered, known & usable, strict=True) if usual]
    given[both] = coordinates([position for position in said if position is not None])
    unset = np.where(known, np.inf, np.nan)
    offset_m = np.repeat(unset[:, None], 2, axis=1)
    offset_m[both] = offsets_m(where[both], given[both], crs)
    error_m = unset.copy()
    error_m[both] = np.hypot(*offset_m[both].T)
    offset_deg = flat = None
    if crs is Crs.WGS84:
        offset_deg, flat = np.repeat(unset[:, None], 2, axis=1), unset.copy()
        offset_deg[both] = given[both] - where[both]
        offset_deg[both, 1] = (offset_deg[both, 1] + 180) % 360 - 180
        flat[both] = equirectangular_m(where[both], given[both])
    names, truth_class, answer_class = _classes(asked, answered, labels)
    return Outcomes(
        known=known,
        error_m=error_m,
        offset_m=offset_m,
        confidence=np.array([min(max(a.location.confidence, 0.0), 1.0) for a in answered]),
        radius_m=np.array([np.nan if a.location.radius_m is None else a.location.radius_m for a in answered]),
        located=np.array([a.location.status is Status.LOCATED for a in answered], np.bool_),
        retrieved_m=_distances(asked, [a.shortlist for a in answered]),
        ranked_m=_distances(asked, [[c.position for c in a.location.candidates] for a in answered]),
        cluster=clusters,
        extent_m=_extent(truth, crs),
        offset_deg=offset_deg,
        equirectangular_m=flat,
        truth_class=truth_class,
        answer_class=answer_class,
        classes=names,
        by_class=not known.any() and not labels and truth_class is not None,
        seconds=_seconds(answered),
    )


def clusters_of(asked: Sequence[Question], frames: float | None) -> NDArray[np.intp]:
    """Queries that are no independent evidence share a number: those of a group, or neighbours in a sequence.

    Args:
        asked: The queries.
        frames: Tolerance in frames where positions are frames: runs of five times as many are drawn together.
    """
    if frames is None:
        names = [question.group if question.group is not None else number for number, question in enumerate(asked)]
        return np.unique([str(type(name)) + str(name) for name in names], return_inverse=True)[1].astype(np.intp)
    x = np.array([np.nan if q.truth is None or isinstance(q.truth, LatLon) else q.truth.x for q in asked])
    run = np.where(np.isnan(x), -1 - np.arange(len(asked)), np.floor(np.nan_to_num(x) / max(5 * frames, 1)))
    return np.unique(run, return_inverse=True)[1].astype(np.intp)


def _usable(position: Position | None, crs: Crs) -> bool:
    return position is not None and isinstance(position, LatLon) == (crs is Crs.WGS84)


def _distances(asked: Sequence[Question], found: Sequence[Sequence[Position]]) -> Floats:
    width = min(DEPTH, max((len(positions) for positions in found), default=0))
    rows = np.full((len(asked), width), np.inf)
    for row, question, positions in zip(rows, asked, found, strict=True):
        if question.truth is None:
            row[:] = np.nan
        else:
            kept = list(positions[:width])
            row[: len(kept)] = metres_from(question.truth, coordinates(kept))
    return rows


def _extent(truth: Floats, crs: Crs) -> float:
    """Width plus height of the box around the truths."""
    if not len(truth):
        return float("nan")
    low, high = truth.min(axis=0, keepdims=True), truth.max(axis=0, keepdims=True)
    return float(np.abs(offsets_m(low, high, crs)).sum()) or float("nan")  # one place alone: a miss would cost nothing


def _classes(
    asked: Sequence[Question], answered: Sequence[Answered], labels: Mapping[str, str | None]
) -> tuple[tuple[str, ...], NDArray[np.intp] | None, NDArray[np.intp] | None]:
    """The class answered is that of the best candidate, or the likeliest one."""
    if not any(question.label for question in asked):
        return (), None, None
    said = [_class(answer.location, labels) for answer in answered]
    names = sorted({q.label for q in asked if q.label} | {label for label in said if label})
    number = {name: at for at, name in enumerate(names)}
    truth = np.array([number.get(question.label or "", -1) for question in asked], np.intp)
    return tuple(names), truth, np.array([number.get(label or "", -1) for label in said], np.intp)


def _class(answer: Location, labels: Mapping[str, str | None]) -> str | None:
    if answer.candidates:
        return labels.get(answer.candidates[0].path)
    return answer.choices[0].label if answer.choices else None


def _seconds(answered: Sequence[Answered]) -> dict[str, Floats]:
    stages = dict.fromkeys(stage for a in answered for stage in a.location.seconds)
    return {stage: np.array([a.location.seconds.get(stage, np.nan) for a in answered], float) for stage in stages}

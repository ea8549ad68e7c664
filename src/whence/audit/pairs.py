"""Photos of a gallery that show the same thing, by its own recipe, wherever their pins are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from whence.gallery.gallery import Gallery
from whence.locate.pipeline import Pipeline
from whence.photos.threads import one_thread_each
from whence.types import DoubleArray, Matches
from whence.verify.rerank import BY_CHANCE, verify_all

MOST = 20
"""Photos that each is held against: the most similar ones, without its own group, burst and copies."""

Rows = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """P pairs of photos that match.

    Attributes:
        first: ``(P,)`` rows of the gallery.
        second: ``(P,)`` rows of the gallery, each above that of the first.
        inliers: ``(P,)`` points that agree with one geometry.
        strength: ``(P,)``: of these points, those that are found in this photo alone: one that is matched in photos of
            n places counts 1 / n, by whichever of the two photos has less of them.
    """

    first: Rows
    second: Rows
    inliers: Rows
    strength: DoubleArray

    def __len__(self) -> int:
        return len(self.first)

    def matched(self, count: int) -> NDArray[np.bool_]:
        """``(N,)``: which of N photos match any other."""
        found = np.zeros(count, np.bool_)
        found[self.first] = found[self.second] = True
        return found

    def of(self, row: int) -> list[tuple[int, int]]:
        """What a photo matches: the other row, and the pair."""
        ones = [(int(self.second[pair]), int(pair)) for pair in np.flatnonzero(self.first == row)]
        return ones + [(int(self.first[pair]), int(pair)) for pair in np.flatnonzero(self.second == row)]


def find_pairs(
    gallery: Gallery,
    pipeline: Pipeline,
    apart: Sequence[Sequence[int]],
    workers: int,
    tell: Callable[[int], None] = lambda done: None,
) -> Pairs:
    """Holds every photo against those most similar to it. Features are stored: no file is read, and no pin looked at.

    Args:
        gallery: Opened.
        pipeline: Of its recipe.
        apart: For each photo the rows that are no evidence for it: itself, its group, burst and copies.
        workers: Threads.
        tell: Called with the number of photos that are done.
    """
    matcher, estimator = pipeline.matcher, pipeline.estimator
    found: list[tuple[int, int, Matches]] = []
    if matcher is not None and estimator is not None:
        asked = _asked(gallery, pipeline, apart)
        with ThreadPoolExecutor(workers, thread_name_prefix="whence-audit") as threads, one_thread_each:
            for row, others in enumerate(asked):
                if others:
                    features = gallery.features([row, *others])
                    told = verify_all(features[0], features[1:], matcher, estimator, threads)
                    found += [
                        (row, other, one.matches)
                        for other, one in zip(others, told, strict=True)
                        if len(one) >= BY_CHANCE
                    ]
                tell(row + 1)
    rows = np.array([(row, other) for row, other, _ in found], np.intp).reshape(-1, 2)
    inliers = np.array([len(matches) for _, _, matches in found], np.intp)
    return Pairs(rows[:, 0], rows[:, 1], inliers, _strengths(found, apart))


def _strengths(found: Sequence[tuple[int, int, Matches]], apart: Sequence[Sequence[int]]) -> DoubleArray:
    """See ``Pairs.strength``: a window that every house has says little about which house it is."""
    seen: dict[int, dict[int, set[int]]] = {}
    for row, other, matches in found:
        for mine, theirs, points in ((row, other, matches.query), (other, row, matches.database)):
            place = min(apart[theirs], default=theirs)  # all of a place share the first of its rows
            for point in points.tolist():
                seen.setdefault(mine, {}).setdefault(point, set()).add(place)
    sides = [
        [sum(1 / len(seen[mine][point]) for point in points.tolist()) for mine, points in both]
        for both in (((row, matches.query), (other, matches.database)) for row, other, matches in found)
    ]
    return np.asarray(np.array(sides, np.float64).reshape(-1, 2).min(axis=1))


def _asked(gallery: Gallery, pipeline: Pipeline, apart: Sequence[Sequence[int]]) -> list[list[int]]:
    """For each photo those after it that one of the two finds similar."""
    pipeline.retriever.prepare(gallery)
    asked: list[set[int]] = [set() for _ in range(len(gallery))]
    for row, hidden in enumerate(apart):
        allowed = np.ones(len(gallery), np.bool_)
        allowed[[row, *hidden]] = False
        if not allowed.any():
            continue
        rows, _ = pipeline.retriever.shortlist(gallery.features([row])[0], gallery.descriptors[row], allowed)
        for other in rows[:MOST].tolist():
            asked[min(row, other)].add(max(row, other))
    return [sorted(others) for others in asked]

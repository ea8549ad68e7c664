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
from whence.types import DoubleArray
from whence.verify.rerank import verify_all

MOST = 20
"""Photos that each is held against: the most similar ones, without its own group, burst and copies."""
LEAST = 12
"""Inliers of a pair that says something: as many agree with some geometry by chance."""

Rows = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """P pairs of photos that match.

    Attributes:
        first: ``(P,)`` rows of the gallery.
        second: ``(P,)`` rows of the gallery, each above that of the first.
        inliers: ``(P,)`` points that agree with one geometry.
        scale: ``(P,)``: size of things in the first photo over that in the second.
    """

    first: Rows
    second: Rows
    inliers: Rows
    scale: DoubleArray

    def __len__(self) -> int:
        return len(self.first)

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
    found: list[tuple[int, int, int, float]] = []
    if matcher is not None and estimator is not None:
        asked = _asked(gallery, pipeline, apart)
        with ThreadPoolExecutor(workers, thread_name_prefix="whence-audit") as threads, one_thread_each:
            for row, others in enumerate(asked):
                if others:
                    features = gallery.features([row, *others])
                    for other, told in zip(
                        others, verify_all(features[0], features[1:], matcher, estimator, threads), strict=True
                    ):
                        if len(told) >= LEAST:
                            found.append((row, other, len(told), told.scale))
                tell(row + 1)
    first, second, inliers, scale = (np.array(column) for column in zip(*found, strict=True)) if found else [[]] * 4
    return Pairs(np.asarray(first, np.intp), np.asarray(second, np.intp), np.asarray(inliers, np.intp), np.array(scale))


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

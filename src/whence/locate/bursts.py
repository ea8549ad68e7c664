"""Photos that are as good as one: copies of each other, and bursts with one pin. Nothing parts them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from whence.describe.looks import Looks, near_duplicates
from whence.gallery.gallery import Gallery
from whence.geo.distance import metres_from

BURST_S = 10
"""Seconds between two photos of a burst."""
_ONE_PIN = 0.04
"""Tolerances between two pins that count as one: a metre where the tolerance is 25 m."""


def superfluous(gallery: Gallery, looks: Looks) -> dict[int, int]:
    """Photos that are near duplicates of one that is kept, and that one: rows.

    Kept is who has more pixels, then whose path comes first. Every photo that goes is a near duplicate of one that
    stays and comes before it, and no two that stay are near duplicates: that is true of one choice alone, in whatever
    order the photos came.
    """
    near = near_duplicates(looks, looks)
    areas = [width * height for width, height in (photo.size for photo in gallery.photos)]
    rank = sorted(range(len(gallery)), key=lambda row: (-areas[row], row))  # rows are in the order of paths
    keeper: dict[int, int] = {}
    seen: set[int] = set()
    for row in rank:
        kept = [other for other, _ in near[row] if other in seen and other not in keeper]
        if kept:
            keeper[row] = min(kept, key=lambda other: (-areas[other], other))
        seen.add(row)
    return keeper


def bursts(gallery: Gallery, looks: Looks | None) -> dict[str, str]:
    """Content hashes of photos of a burst, and that of its first photo by path.

    Those that are in a group already are left alone. Of the others those belong together that were taken within
    ``BURST_S`` seconds of one another and have one pin, and those that are near duplicates, if looks are given.
    """
    free = np.array([photo.group is None for photo in gallery.photos], np.bool_)
    first = np.arange(len(gallery))
    alike = () if looks is None else _copies(looks, free)
    for one, other in (*_at_once(gallery, free), *alike):
        low, high = sorted((_root(first, one), _root(first, other)))
        first[high] = low
    roots = [_root(first, row) for row in range(len(gallery))]
    shared = {root for row, root in enumerate(roots) if row != root}
    hashes = [photo.content_hash for photo in gallery.photos]
    return {hashes[row]: hashes[root] for row, root in enumerate(roots) if root in shared}


def arrays_of(found: Mapping[str, str]) -> dict[str, NDArray[np.str_]]:
    """As the gallery keeps them."""
    return {"photo": np.array(list(found), np.str_), "first": np.array(list(found.values()), np.str_)}


def _root(first: NDArray[np.intp], row: int) -> int:
    while first[row] != row:
        first[row] = first[first[row]]
        row = int(first[row])
    return row


def _copies(looks: Looks, free: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    for row, others in enumerate(near_duplicates(looks, looks)):
        yield from ((row, other) for other, _ in others if other > row and free[row] and free[other])


def _at_once(gallery: Gallery, free: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    rows = np.flatnonzero(free & ~np.isnat(gallery.times))
    rows = rows[np.argsort(gallery.times[rows], kind="stable")]
    times = gallery.times[rows]
    ends = np.searchsorted(times, times + np.timedelta64(BURST_S, "s"), side="right")
    apart_m = _ONE_PIN * gallery.settings.tolerance_m
    for at, end in enumerate(ends.tolist()):
        near = rows[at + 1 : end]
        if len(near):
            away_m = metres_from(gallery.photos[rows[at]].position, gallery.coordinates[near])
            yield from ((int(rows[at]), int(row)) for row in near[away_m <= apart_m])

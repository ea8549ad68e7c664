"""Photos that are as good as one: copies of each other, and bursts with one pin. Nothing parts them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from whence.gallery.gallery import Gallery
from whence.geo.distance import offsets_m
from whence.photos.names import is_absolute

BURST_S = 10
"""Seconds between two photos of a burst."""
_ONE_PIN = 0.04
"""Tolerances between two pins that count as one: a metre where the tolerance is 25 m."""
_PAIRS = 1 << 21
"""Looked at at once."""
_DEGREE_M = 110_000.0
"""Of latitude, at least."""

Pairs = NDArray[np.intp]


def superfluous(gallery: Gallery, alike: Pairs) -> dict[int, int]:
    """Photos that are near duplicates of one that is kept, and that one: rows.

    Kept is who has more pixels, then who lies below the gallery's root (a contributed copy takes nobody's place), then
    whose path comes first. Every photo that goes is a near duplicate of one that stays and comes before it, and no two
    that stay are near duplicates: that is true of one choice alone, in whatever order the photos came.

    Args:
        gallery: Opened.
        alike: ``(P, 2)`` rows of near duplicates.
    """
    near: dict[int, list[int]] = {}
    for one, other in alike.tolist():
        near.setdefault(one, []).append(other)
        near.setdefault(other, []).append(one)
    width, height = (gallery.photos.column(name).fill_null(0).to_numpy() for name in ("width", "height"))
    areas = width.astype(np.int64) * height
    paths = gallery.photos.column("path")
    foreign = {row: is_absolute(paths[row].as_py()) for row in near}

    def order(row: int) -> tuple[int, bool, int]:
        return -areas[row], foreign[row], row  # rows are in the order of paths

    rank = sorted(near, key=order)
    keeper: dict[int, int] = {}
    seen: set[int] = set()
    for row in rank:
        kept = [other for other in near[row] if other in seen and other not in keeper]
        if kept:
            keeper[row] = min(kept, key=order)
        seen.add(row)
    return keeper


def bursts(gallery: Gallery, alike: Pairs) -> dict[str, NDArray[np.bytes_]]:
    """Content hashes of photos of a burst, and that of its first photo by path, as the gallery keeps them.

    Those that are in a group already are left alone. Of the others those belong together that were taken within
    ``BURST_S`` seconds of one another and have one pin, and those that are near duplicates.

    Args:
        gallery: Opened.
        alike: ``(P, 2)`` rows of near duplicates.
    """
    free = gallery.photos.column("group").is_null().to_numpy()
    first: dict[int, int] = {}
    for pairs in (*_at_once(gallery, free), alike[free[alike].all(axis=1)]):
        for one, other in pairs.tolist():
            low, high = sorted((_root(first, one), _root(first, other)))
            first[high] = low
    rows = sorted({*first, *first.values()})
    hashes = gallery.photos.column("hash")
    told = [[hashes[row].as_py() for row in (row, _root(first, row))] for row in rows]
    found = np.array(told, np.bytes_).reshape(-1, 2)
    return {"photo": found[:, 0], "first": found[:, 1]}


def _root(first: dict[int, int], row: int) -> int:
    while (up := first.get(row, row)) != row:
        first[row] = first.get(up, up)
        row = first[row]
    return row


def _at_once(gallery: Gallery, free: NDArray[np.bool_]) -> Iterator[Pairs]:
    """Pairs of photos that were taken within seconds, with one pin; some at a time."""
    rows = np.flatnonzero(free & ~np.isnat(gallery.times))
    rows = rows[np.argsort(gallery.times[rows], kind="stable")]
    times = gallery.times[rows]
    count = np.searchsorted(times, times + np.timedelta64(BURST_S, "s"), side="right") - np.arange(1, len(rows) + 1)
    reached = np.cumsum(count)
    start = 0
    while start < len(rows):
        before = int(reached[start - 1]) if start else 0
        end = max(int(np.searchsorted(reached, before + _PAIRS, side="right")), start + 1)
        one = np.repeat(np.arange(start, end), count[start:end])
        begun = np.repeat(reached[start:end] - count[start:end] - before, count[start:end])
        other = one + 1 + np.arange(len(one)) - begun
        yield _with_one_pin(gallery, rows[one], rows[other])
        start = end


def _with_one_pin(gallery: Gallery, one: NDArray[np.intp], other: NDArray[np.intp]) -> Pairs:
    apart_m, crs = _ONE_PIN * gallery.settings.tolerance_m, gallery.settings.crs
    where = gallery.coordinates
    per_unit = 1.0 if crs == "local" else _DEGREE_M
    near = np.abs(where[one, 0] - where[other, 0]) * per_unit <= apart_m  # most are not, and need no geodesic
    one, other = one[near], other[near]
    away_m = np.hypot(*offsets_m(where[one], where[other], crs).T)
    return np.asarray(np.column_stack([one, other])[away_m <= apart_m])

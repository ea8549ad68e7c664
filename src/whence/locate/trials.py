"""A gallery asked its own photos, each as if it and all of its place were not there."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from heapq import nsmallest

import numpy as np
import pyarrow as pa

from whence.gallery.gallery import Gallery
from whence.geo.distance import metres_from, near
from whence.geo.plane import coordinates
from whence.locate.answers import Told
from whence.locate.calibration import LEAST, LEAST_PHOTOS, Trials, mark_of
from whence.locate.locator import Locator
from whence.recipes import Recipe
from whence.types import Crs

MOST = 120
"""Photos that are asked at most, each of another place while there are enough: some 20 seconds."""
STRANGE = 4.0
"""Tolerances around a photo without which its place counts as unknown: nearer photos may well show it."""
_FEW, _SOME = 3, 24
"""Photos of a plan from which on others can tell whether it is a mirror image, and of a small one at most."""


def try_out(
    gallery: Gallery, recipe: Recipe, *, workers: int | None = None, tell: Callable[[], None] = lambda: None
) -> Trials | None:
    """What becomes of a gallery's own photos.

    Args:
        gallery: Opened.
        recipe: To ask by; its own.
        workers: Threads.
        tell: Called before each photo.

    Returns:
        None for a gallery too small to tell anything (``worth_trying``), or a recipe whose answers name no evidence.
    """
    chosen = _chosen(gallery)
    if not worth_trying(gallery.settings.crs, len(gallery), len(chosen)):
        return None
    if len(gallery) < LEAST_PHOTOS:  # a few settle what there is to settle
        chosen = chosen[:_SOME]
    locator = Locator(gallery, recipe=recipe, workers=workers, calibrated=False)
    found: list[tuple[float, ...]] = []
    marks: list[int] = []
    hashes: list[str] = []
    for row, hidden in chosen:
        tell()
        answer = locator.answer_row(row, hidden)
        position = answer.location.position
        if position is None or answer.evidence is None:
            if not found and row != chosen[0][0]:
                return None  # neither of the first two: the recipe's answers name none
            continue
        told = answer.told or Told(position, position, 0.0, 0.0)
        errors_m = metres_from(gallery.photos[row].position, coordinates([told.without, told.position]))
        found.append((*answer.evidence, *errors_m.tolist(), told.photos, told.y_down))
        marks.append(mark_of(gallery.photos[row]))
        hashes.append(gallery.photos[row].content_hash)
    if not worth_trying(gallery.settings.crs, len(gallery), len(found)):
        return None
    support, rival, error_m, refined_m, photos_fit, downs = np.array(found, np.float64).T
    asked_anew = chosen[::2] if len(gallery) >= LEAST_PHOTOS else ()
    strangers = [seen for row, hidden in asked_anew if (seen := _as_stranger(locator, row, hidden, tell)) is not None]
    grouped = gallery.photos.column("group").null_count < len(gallery)
    # Who stands between two photos of a walk is half as far from one as these are from each other.
    share = 1.0 if grouped else 0.5
    unknown = np.array(strangers, np.float64).reshape(-1, 2)
    return Trials(
        support,
        rival,
        share * error_m,
        share * refined_m,
        photos_fit,
        grouped,
        strangers=unknown,
        marks=np.array(marks, np.uint64),
        asked=np.array(hashes, np.bytes_),
        downs=downs,
        among=len(gallery),
    )


def worth_trying(crs: Crs, photos: int, trials: int) -> bool:
    """Whether trials would tell how sure answers are; or, on a plan, at least whether that is a mirror image."""
    if crs is Crs.WGS84 or photos >= LEAST_PHOTOS:
        return photos >= LEAST_PHOTOS and trials >= LEAST
    return trials >= _FEW


def _as_stranger(
    locator: Locator, row: int, hidden: Sequence[int], tell: Callable[[], None]
) -> tuple[float, float] | None:
    """Evidence for what a photo is answered while nothing within ``STRANGE`` tolerances of it is there.

    None where nothing would be left to find.
    """
    gallery = locator.gallery
    tell()
    around = near(gallery.photos[row].position, gallery.coordinates, STRANGE * gallery.settings.tolerance_m)
    gone = np.union1d(hidden, np.flatnonzero(around))
    if len(gone) == len(gallery):
        return None
    return locator.answer_row(row, gone.tolist()).evidence or (0.0, 0.0)


def _chosen(gallery: Gallery) -> list[tuple[int, list[int]]]:
    """Rows to ask, and those to hide from each: one photo of every place, in an order as good as random, then another.

    A place is a group, or a burst. Photos without a group are hidden from each other where they lie within half the
    tolerance: the next frame of a walk would make it too easy.
    """
    near_m = gallery.settings.tolerance_m / 2
    places, rank = gallery.photos.places(), gallery.photos.rank()
    order = np.lexsort((rank, places))
    starts = np.flatnonzero(np.diff(places[order], prepend=-1))
    members = np.split(order, starts[1:])
    hashes = gallery.photos.column("hash").take(pa.array(order[starts])).to_pylist()
    digests = [hashlib.blake2b(digest.encode()).digest() for digest in hashes]
    rows = [members[place].tolist() for place in nsmallest(MOST, range(len(digests)), key=digests.__getitem__)]
    grouped = gallery.photos.column("group").is_valid()
    chosen: list[tuple[int, list[int]]] = []
    for turn in range(max(map(len, rows), default=0)):
        for some in rows:
            if turn < len(some) and len(chosen) < MOST:
                row, hidden = some[turn], list(some)
                if not grouped[row].as_py():
                    around = near(gallery.photos[row].position, gallery.coordinates, near_m)
                    hidden = np.union1d(some, np.flatnonzero(around)).tolist()
                if len(hidden) < len(gallery):
                    chosen.append((row, hidden))
    return chosen

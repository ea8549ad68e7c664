"""Queries that the database knows too well: copies, near duplicates, shared groups."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from whence.describe.phash import bits_of, grey_small
from whence.errors import PhotoError
from whence.evaluate.model import Leak, Question
from whence.gallery.gallery import Gallery
from whence.photos import files
from whence.photos.decode import decode
from whence.types import Image

NEAR_BITS = 10
"""Of 64 bits of the perceptual hash, so many may differ before two photos are looked at more closely."""
ALIKE = 0.9
"""Correlation of two photos at 32 x 32 pixels from which on they are near duplicates.

Of 1,712,742 pairs of photos of different groups of a museum and a city, 6 have hashes as near as that, and none of
them correlates by 0.85. Found are all photos that were compressed anew or halved, 99 % of those made 30 % brighter,
all that lost 1 % of their sides, nine in ten that lost 2 %, a quarter to a third that lost 4 %. In a walk, a tenth
of the frames has a neighbour that passes too: the next frame is a near duplicate (benchmarks/near_duplicates.py)."""
_SIDE, _AT_ONCE = 32, 256


@dataclass(frozen=True, slots=True, eq=False)
class Looks:
    """What N photos look like at a glance. Photos that cannot be read look like nothing.

    Attributes:
        bits: ``(N, 64)`` perceptual hashes.
        small: ``(N, 1024)`` float32: grey at 32 x 32 pixels, centred, of unit length; zeros for a blank photo.
        hashes: Of the contents; empty where not read.
    """

    bits: NDArray[np.bool_]
    small: NDArray[np.float32]
    hashes: tuple[str, ...]


def looks_of_gallery(gallery: Gallery, workers: int) -> Looks:
    """From thumbnails where the gallery keeps them, else from the files."""

    def look(row: int, kept: bytes) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
        return _look(_decoded(kept) if kept else _file(gallery.file(row))[0])

    looked: list[tuple[NDArray[np.bool_], NDArray[np.float32]]] = []
    with ThreadPoolExecutor(workers) as threads:
        for start in range(0, len(gallery), _AT_ONCE):
            rows = range(start, min(start + _AT_ONCE, len(gallery)))
            looked += threads.map(look, rows, gallery.thumbnails(rows))
    return _together(looked, [photo.content_hash for photo in gallery.photos])


def looks_of_files(paths: Sequence[Path], workers: int, tell: Callable[[], None] = lambda: None) -> Looks:
    """Of photos as files.

    Args:
        paths: The files.
        workers: Threads.
        tell: Called after each.
    """

    def look(path: Path) -> tuple[tuple[NDArray[np.bool_], NDArray[np.float32]], str]:
        pixels, digest = _file(path)
        tell()
        return _look(pixels), digest

    with ThreadPoolExecutor(workers) as threads:
        found = list(threads.map(look, paths))
    return _together([look for look, _ in found], [digest for _, digest in found])


def near_duplicates(first: Looks, second: Looks) -> list[list[tuple[int, int]]]:
    """For each of the first photos, its copies and near duplicates among the second: their rows and differing bits.

    A copy that was compressed anew, resized, brightened or cropped by a little counts. Two views of one thing do not:
    hashes have to be near, and the photos alike pixel by pixel.
    """
    mine, theirs = (np.packbits(looks.bits, axis=1).view(np.uint64)[:, 0] for looks in (first, second))
    owner: dict[str, list[int]] = {}
    for row, digest in enumerate(second.hashes):
        owner.setdefault(digest, []).append(row)
    found = []
    for number, word in enumerate(mine):
        differing = np.bitwise_count(theirs ^ word)
        rows = np.flatnonzero(differing <= NEAR_BITS)
        rows = rows[second.small[rows] @ first.small[number] >= ALIKE]
        same = owner.get(first.hashes[number], []) if first.hashes[number] else []
        found.append([(int(row), int(differing[row])) for row in sorted({*rows.tolist(), *same})])
    return found


def leaks(
    asked: Sequence[Question], queries: Looks, photos: Sequence[tuple[str, str | None]], database: Looks
) -> list[Leak]:
    """Everything that ties queries to the database other than the place.

    Args:
        asked: The queries.
        queries: Their looks.
        photos: Path and group of each photo of the database.
        database: Their looks.
    """
    groups = {group for _, group in photos if group is not None}
    found = []
    for number, near in enumerate(near_duplicates(queries, database)):
        for row, bits in near:
            same = database.hashes[row] == queries.hashes[number]
            path = photos[row][0]
            found.append(Leak(number, "same file", path) if same else Leak(number, "near duplicate", path, bits))
        group = asked[number].group
        if group is not None and group in groups:
            found.append(Leak(number, "same group", group))
    return found


def _look(pixels: Image | None) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    nothing = np.zeros(_SIDE * _SIDE, np.float32)
    if pixels is None:
        return np.zeros(64, np.bool_), nothing
    grey = grey_small(pixels)
    small = grey.ravel() - grey.mean()
    length = float(np.linalg.norm(small))
    return bits_of(grey), small / length if length > _SIDE else nothing  # a grey level's noise is no picture


def _together(looked: Sequence[tuple[NDArray[np.bool_], NDArray[np.float32]]], hashes: Sequence[str]) -> Looks:
    bits = np.array([bits for bits, _ in looked], np.bool_).reshape(-1, 64)
    small = np.array([small for _, small in looked], np.float32).reshape(-1, _SIDE * _SIDE)
    return Looks(bits, small, tuple(hashes))


def _file(path: Path) -> tuple[Image | None, str]:
    try:
        data = files.read(path)
    except PhotoError:
        return None, ""
    return _decoded(data), files.content_hash(data)


def _decoded(data: bytes) -> Image | None:
    try:
        return decode(data, max_side=192).pixels
    except PhotoError:
        return None

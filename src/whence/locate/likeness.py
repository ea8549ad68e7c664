"""What photos of a gallery, and files, look like at a glance; and which of a gallery are near duplicates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from whence.describe.looks import ALIKE, NEAR_BITS, Looks, centred, glance, within
from whence.errors import PhotoError
from whence.gallery.gallery import Gallery
from whence.gallery.writer import Writer
from whence.photos import files
from whence.photos.decode import decode

LOOKS = "looks1"
"""Under which the hashes of photos, and the pairs of near duplicates, are kept."""
_AT_ONCE = 4096

Pairs = NDArray[np.intp]
"""``(P, 2)`` rows of a gallery, the smaller first."""


def looks_of_gallery(gallery: Gallery, workers: int) -> Looks:
    """As kept when the photos were indexed; where an older whence kept nothing, by thumbnails, else by the files."""
    found: list[bytes] = []
    for start in range(0, len(gallery), _AT_ONCE):
        found += _seen(gallery, np.arange(start, min(start + _AT_ONCE, len(gallery))), workers)
    return Looks.of(found, gallery.photos.column("hash").to_pylist())


def alike_photos(gallery: Gallery, writer: Writer, workers: int) -> Pairs:
    """Near duplicates among all photos of a gallery. Only photos that are new since the last time are compared."""
    hashes = gallery.photos.column("hash")
    kept = writer.kept(LOOKS)
    known = pa.array(np.asarray(kept.get("hashes", np.zeros(0, "S1"))).astype(np.str_).tolist(), pa.string())
    place = pc.index_in(hashes, value_set=known).fill_null(-1).to_numpy().astype(np.int64)
    there = place >= 0
    if there.all() and len(known) == len(gallery):
        return _again(kept, place, len(known))
    words, seen = np.zeros(len(gallery), np.uint64), there.copy()
    words[there] = np.asarray(kept.get("words", np.zeros(0)), np.uint64)[place[there]]
    for start in range(0, int((~there).sum()), _AT_ONCE):
        rows = np.flatnonzero(~there)[start : start + _AT_ONCE]
        looks = Looks.of(glances := _seen(gallery, rows, workers), [""] * len(rows))
        words[rows], seen[rows] = looks.words, [len(data) > 0 for data in glances]
    fresh, all_seen = np.flatnonzero(seen & ~there), np.flatnonzero(seen)
    everything = None if len(fresh) == len(all_seen) else words[all_seen]
    left, right, _ = within(words[fresh], everything, NEAR_BITS, workers)
    pairs = np.sort(np.column_stack([fresh[left], all_seen[right]]), axis=1)
    pairs = np.unique(pairs[pairs[:, 0] < pairs[:, 1]], axis=0)
    found = np.concatenate([_again(kept, place, len(known)), pairs[_confirmed(gallery, pairs, workers)]])
    names = np.array(hashes.to_pylist(), np.bytes_)[all_seen]
    at = np.cumsum(seen) - 1
    writer.keep(LOOKS, {"hashes": names, "words": words[all_seen], "pairs": at[found].astype(np.int32)})
    return found


def _again(kept: dict[str, NDArray[np.generic]], place: NDArray[np.int64], count: int) -> Pairs:
    """The pairs that were kept, of photos that are still there."""
    row_of = np.full(count, -1, np.intp)
    row_of[place[place >= 0]] = np.flatnonzero(place >= 0)
    pairs = row_of[np.asarray(kept.get("pairs", np.zeros((0, 2))), np.intp).reshape(-1, 2)]
    return np.sort(pairs[(pairs >= 0).all(axis=1)], axis=1)


def _confirmed(gallery: Gallery, pairs: Pairs, workers: int) -> NDArray[np.bool_]:
    """``(P,)``: which pairs are alike level by level."""
    found = np.zeros(len(pairs), np.bool_)
    for start in range(0, len(pairs), _AT_ONCE):
        part = pairs[start : start + _AT_ONCE]
        rows, place = np.unique(part, return_inverse=True)
        grey = np.stack([np.frombuffer(data, np.uint8) for data in _seen(gallery, rows, workers)])
        first, second = place.reshape(-1, 2).T
        small = centred(grey)
        found[start : start + _AT_ONCE] = (small[first] * small[second]).sum(axis=1) >= ALIKE
    return found


def _seen(gallery: Gallery, rows: NDArray[np.intp], workers: int) -> list[bytes]:
    """Grey levels of some photos; empty for those that cannot be read."""
    found = gallery.glances(rows.tolist())
    missing = [at for at, kept in enumerate(found) if not kept]
    if missing:
        thumbnails = gallery.thumbnails([int(rows[at]) for at in missing])

        def look(at: int, kept: bytes) -> bytes:
            return _glance(kept) if kept else _of_file(gallery.file(int(rows[at])))[0]

        with ThreadPoolExecutor(workers) as threads:
            for at, seen in zip(missing, threads.map(look, missing, thumbnails), strict=True):
                found[at] = seen
    return found


def looks_of_files(paths: Sequence[Path], workers: int, tell: Callable[[], None] = lambda: None) -> Looks:
    """Of photos as files.

    Args:
        paths: The files.
        workers: Threads.
        tell: Called after each.
    """

    def look(path: Path) -> tuple[bytes, str]:
        seen = _of_file(path)
        tell()
        return seen

    with ThreadPoolExecutor(workers) as threads:
        found = list(threads.map(look, paths))
    return Looks.of([seen for seen, _ in found], [digest for _, digest in found])


def _of_file(path: Path) -> tuple[bytes, str]:
    """Its looks, and the hash of its content."""
    try:
        data = files.read(path)
    except PhotoError:
        return b"", ""
    return _glance(data), files.content_hash(data)


def _glance(data: bytes) -> bytes:
    try:
        return glance(decode(data, max_side=192).pixels)
    except PhotoError:
        return b""

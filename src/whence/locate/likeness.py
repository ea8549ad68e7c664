"""What photos of a gallery, and files, look like at a glance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from whence.describe.looks import Looks, glance
from whence.errors import PhotoError
from whence.gallery.gallery import Gallery
from whence.photos import files
from whence.photos.decode import decode

_AT_ONCE = 256


def looks_of_gallery(gallery: Gallery, workers: int) -> Looks:
    """As kept when the photos were indexed; where an older whence kept nothing, by thumbnails, else by the files."""
    found = gallery.glances()
    missing = [row for row, kept in enumerate(found) if not kept]

    def look(row: int, kept: bytes) -> bytes:
        return _glance(kept) if kept else _of_file(gallery.file(row))[0]

    with ThreadPoolExecutor(workers) as threads:
        for start in range(0, len(missing), _AT_ONCE):
            rows = missing[start : start + _AT_ONCE]
            for row, seen in zip(rows, threads.map(look, rows, gallery.thumbnails(rows)), strict=True):
                found[row] = seen
    return Looks.of(found, [photo.content_hash for photo in gallery.photos])


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

"""Photos to vectors, once: they are kept for the next training with the same ones."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from whence.describe.seeing import Seeing
from whence.errors import PhotoError
from whence.photos import files
from whence.photos.decode import decode
from whence.photos.threads import one_thread_each
from whence.plugins import Describer
from whence.recipes import Recipe
from whence.types import FloatArray, LocalFeatures, Photo

SAMPLE = 3000
"""Photos that a describer learns from, at most."""
_SMALL_PX = 96
_GREY = 6
"""Largest difference between red, green and blue of a grey photo, on average."""
_DESCRIBING = ("photos", "features", "describe")
Progress = Callable[[str, int, int], None]


def described(
    recipe: Recipe, photos: Sequence[Photo], workers: int, cache: Path | None, progress: Progress
) -> tuple[Seeing, Describer, FloatArray, dict[int, str]]:
    """Vectors of photos, by a describer that has learned from them where it learns.

    Args:
        recipe: With sections ``[photos]``, ``[features]`` and ``[describe]``.
        photos: N of them.
        workers: Threads.
        cache: Folder for what was computed; None to keep nothing.
        progress: Called now and then.

    Returns:
        What sees and what describes; ``(N, D)`` vectors, zeros for photos that cannot be read; and the reasons, by row.
    """
    seeing = Seeing(recipe.sections)
    kept = None if cache is None else cache / f"vectors-{_key(recipe, seeing, photos)}.npz"
    if kept is not None and kept.is_file():
        found = _read(kept, seeing)
        if found is not None:
            return seeing, *found
    features: list[LocalFeatures | None] = []
    broken: dict[int, str] = {}

    def look(photo: Photo) -> LocalFeatures | str:
        try:
            pixels = decode(files.read(photo.path), max_side=seeing.max_side).pixels
        except PhotoError as error:
            return str(error)
        return seeing.extract(pixels)

    with one_thread_each, ThreadPoolExecutor(workers, thread_name_prefix="whence-read") as threads:
        for row, seen in enumerate(threads.map(look, photos)):
            features.append(None if isinstance(seen, str) else seen)
            if isinstance(seen, str):
                broken[row] = seen
            progress("describing", row + 1, len(photos))
        there = [seen for seen in features if seen is not None]
        describer = seeing.shipped
        if describer.learns_from and len(there) >= describer.learns_from:
            progress("learning", 0, 1)
            step = max(1, len(there) // SAMPLE)
            describer = seeing.learned(there[::step][:SAMPLE])
        vectors = np.zeros((len(photos), describer.dimension), np.float32)
        rows = [row for row in range(len(photos)) if row not in broken]
        for row, vector in zip(rows, threads.map(describer.describe, there), strict=True):
            vectors[row] = vector
    if kept is not None:
        _keep(kept, describer, vectors, broken)
    return seeing, describer, vectors, broken


def unfit(
    photos: Sequence[Photo], workers: int, progress: Progress, *, read: bool, colour_only: bool
) -> dict[int, str]:
    """Photos that cannot be used, by row, with the reasons.

    Args:
        photos: All.
        workers: Threads.
        progress: Called now and then.
        read: Whether those that cannot be read are asked for.
        colour_only: Whether grey ones cannot be used either.
    """
    if not (read or colour_only):
        return {}

    def look(photo: Photo) -> str:
        try:
            pixels = decode(files.read(photo.path), max_side=_SMALL_PX).pixels
        except PhotoError as error:
            return str(error)
        if colour_only and float(np.ptp(pixels.astype(np.int16), axis=2).mean()) < _GREY:
            return "a grey photo"
        return ""

    found = {}
    with ThreadPoolExecutor(workers, thread_name_prefix="whence-read") as threads:
        for row, reason in enumerate(threads.map(look, photos)):
            progress("reading", row + 1, len(photos))
            if reason:
                found[row] = reason
    return found


def _key(recipe: Recipe, seeing: Seeing, photos: Sequence[Photo]) -> str:
    """Changes with whatever changes the vectors."""
    digest = hashlib.blake2b(digest_size=12)
    sections = {name: recipe.sections.get(name, {}) for name in _DESCRIBING}
    digest.update(json.dumps([sections, seeing.fingerprint, seeing.shipped.fingerprint], sort_keys=True).encode())
    for photo in photos:
        digest.update(repr(str(photo.path)).encode("utf-8", "surrogatepass"))
        digest.update(repr(files.state_of(photo.path)).encode())
    return digest.hexdigest()


def _read(file: Path, seeing: Seeing) -> tuple[Describer, FloatArray, dict[int, str]] | None:
    try:
        with np.load(file, allow_pickle=False) as kept:
            arrays: dict[str, NDArray[Any]] = dict(kept)
        vectors = np.asarray(arrays.pop("vectors"), np.float32)
        broken = {int(row): reason for row, reason in json.loads(str(arrays.pop("broken"))).items()}
    except (OSError, ValueError, KeyError):
        return None  # half written: it is computed anew
    return seeing.restored(arrays) if arrays else seeing.shipped, vectors, broken


def _keep(file: Path, describer: Describer, vectors: FloatArray, broken: dict[int, str]) -> None:
    import io

    stream = io.BytesIO()
    kept: dict[str, Any] = {"vectors": vectors, "broken": np.array(json.dumps(broken)), **describer.arrays()}
    np.savez(stream, **kept)
    file.parent.mkdir(parents=True, exist_ok=True)
    files.write(file, stream.getvalue())

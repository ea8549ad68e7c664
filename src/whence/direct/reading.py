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


class Described:
    """Vectors of photos, by a describer that has learned from them where it learns.

    Attributes:
        seeing: What sees.
        describer: What describes.
        vectors: ``(N, D)``, zeros for photos that cannot be read.
        broken: The reasons, by row.
    """

    def __init__(
        self, recipe: Recipe, photos: Sequence[Photo], workers: int, cache: Path | None, progress: Progress
    ) -> None:
        """
        Args:
            recipe: With sections ``[photos]``, ``[features]`` and ``[describe]``.
            photos: N of them.
            workers: Threads.
            cache: Folder for what was computed; None to keep nothing.
            progress: Called now and then.
        """
        self.seeing = Seeing(recipe.sections)
        self._photos, self._workers, self._progress = photos, workers, progress
        self._features: list[LocalFeatures | str] = []
        self._kept = None if cache is None else cache / f"vectors-{_key(recipe, self.seeing, photos)}"
        self.describer, self.vectors, self.broken = self._by(np.zeros(len(photos), np.bool_))

    def without(self, held: NDArray[np.bool_]) -> FloatArray:
        """``(N, D')``: of all photos, by a describer that has learned from those alone that are not held out.

        What a describer has learned from, it describes otherwise than what is new to it: photos that were held out
        from the estimator alone would say too little of how it does on new ones.

        Args:
            held: ``(N,)`` which ones are.
        """
        learned = self.describer.fingerprint != self.seeing.shipped.fingerprint
        return self._by(held)[1] if learned else self.vectors

    def _by(self, held: NDArray[np.bool_]) -> tuple[Describer, FloatArray, dict[int, str]]:
        kept = self._kept
        if kept is not None:
            own = f"-{hashlib.blake2b(held.tobytes(), digest_size=6).hexdigest()}" if held.any() else ""
            kept = kept.with_name(f"{kept.name}{own}.npz")
            found = _read(kept, self.seeing) if kept.is_file() else None
            if found is not None:
                return found
        with one_thread_each, ThreadPoolExecutor(self._workers, thread_name_prefix="whence-read") as threads:
            self._look(threads)
            features = self._features
            broken = {row: seen for row, seen in enumerate(features) if isinstance(seen, str)}
            there = {row: seen for row, seen in enumerate(features) if not isinstance(seen, str)}
            known = [seen for row, seen in there.items() if not held[row]]
            describer = self.seeing.shipped
            if describer.learns_from and len(known) >= describer.learns_from:
                self._progress("learning", 0, 1)
                step = max(1, len(known) // SAMPLE)
                describer = self.seeing.learned(known[::step][:SAMPLE])
            vectors = np.zeros((len(features), describer.dimension), np.float32)
            for row, vector in zip(there, threads.map(describer.describe, there.values()), strict=True):
                vectors[row] = vector
        if kept is not None:
            _keep(kept, describer, vectors, broken)
        return describer, vectors, broken

    def _look(self, threads: ThreadPoolExecutor) -> None:
        """Sees all photos, once; of those that cannot be read, the reason."""

        def look(photo: Photo) -> LocalFeatures | str:
            try:
                pixels = decode(files.read(photo.path), max_side=self.seeing.max_side).pixels
            except PhotoError as error:
                return str(error)
            return self.seeing.extract(pixels)

        for seen in threads.map(look, self._photos[len(self._features) :]):
            self._features.append(seen)
            self._progress("describing", len(self._features), len(self._photos))


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
        with file.open("rb") as stream, np.load(stream, allow_pickle=False) as kept:
            arrays: dict[str, NDArray[Any]] = dict(kept)
        vectors = np.asarray(arrays.pop("vectors"), np.float32)
        broken = {int(row): reason for row, reason in json.loads(str(arrays.pop("broken"))).items()}
    except Exception:  # noqa: BLE001 -- zip and npy raise nearly anything for damaged bytes
        return None  # half written: it is computed anew
    return seeing.restored(arrays) if arrays else seeing.shipped, vectors, broken


def _keep(file: Path, describer: Describer, vectors: FloatArray, broken: dict[int, str]) -> None:
    import io

    stream = io.BytesIO()
    kept: dict[str, Any] = {"vectors": vectors, "broken": np.array(json.dumps(broken)), **describer.arrays()}
    np.savez(stream, **kept)
    file.parent.mkdir(parents=True, exist_ok=True)
    files.write(file, stream.getvalue())

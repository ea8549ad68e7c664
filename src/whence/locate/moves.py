"""Files that were renamed, renumbered or swapped since they were indexed: their photos go where their content went."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Set
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from whence.errors import PhotoError
from whence.gallery.known import KnownFiles
from whence.locate.reading import relative, stored_path
from whence.photos import files
from whence.photos.names import is_absolute, native

Moves = dict[str, tuple[str, tuple[int, int]]]
"""New path and state of the file, by content hash."""


def moves(listed: Iterable[Path], root: Path, known: KnownFiles, workers: int) -> Moves:
    """Stored photos whose content is no longer in their file, but in another one that the source lists.

    Only files that are new or changed, and of the size of a stored photo whose own file is gone or changed, are read.

    Args:
        listed: Files that the source names.
        root: Of the gallery.
        known: State by stored path.
        workers: Threads.
    """
    states: dict[str, tuple[int, int]] = {path: (size, mtime_ns) for path, _, size, mtime_ns in known.stored()}
    changed: list[tuple[str, Path, tuple[int, int]]] = []
    for file in listed:
        path = stored_path(file, root, known)
        try:
            state = files.stat_key(file)
        except PhotoError:
            continue
        if states.get(path) != state:
            changed.append((path, file, state))
    places = _Places(root, known.owner, states, {state[0] for _, _, state in changed})
    suspects = [one for one in changed if places.may_be_of_another(one[0], one[2][0])]
    if not suspects:
        return {}
    found: Moves = {}
    threads = ThreadPoolExecutor(workers, thread_name_prefix="whence-moves")
    try:
        for (path, _, state), digest in zip(suspects, threads.map(_digest, (s[1] for s in suspects)), strict=True):
            owner = places.owner.get(digest)
            if owner is not None and owner != path and digest not in found and places.has_lost(owner, digest):
                found[digest] = (path, state)
    finally:
        threads.shutdown(wait=True, cancel_futures=True)
    return found


def made_relative(root: Path, known: KnownFiles) -> Moves:
    """Photos that are stored by absolute paths, and lie below the root since that was set anew."""
    found: Moves = {}
    for path, digest, *state in known.stored():
        if is_absolute(path):
            below = relative(Path(native(path)), root)
            if below != path:
                found[digest] = (below, (state[0], state[1]))
    return found


class _Places:
    """Where stored photos are known to be, and whether they still are."""

    def __init__(
        self, root: Path, owner: Mapping[str, str], states: Mapping[str, tuple[int, int]], sizes: Set[int]
    ) -> None:
        """Only photos of some sizes are looked for."""
        self._root, self._states, self.owner = root, states, owner
        self._by_size: dict[int, list[str]] = defaultdict(list)
        for path, (size, _) in states.items():
            if size in sizes:
                self._by_size[size].append(path)
        self._touched: dict[str, bool] = {}

    def may_be_of_another(self, path: str, size: int) -> bool:
        return any(other != path and self._is_touched(other) for other in self._by_size.get(size, ()))

    def has_lost(self, path: str, digest: str) -> bool:
        """Whether the file at a path no longer has the content that is stored for it."""
        return self._is_touched(path) and _digest(self._file(path)) != digest

    def _is_touched(self, path: str) -> bool:
        if path not in self._touched:
            try:
                self._touched[path] = self._states[path] != files.stat_key(self._file(path))
            except PhotoError:
                self._touched[path] = True
        return self._touched[path]

    def _file(self, path: str) -> Path:
        return self._root / native(path)


def _digest(file: Path) -> str:
    """Empty for a file that cannot be read."""
    try:
        return files.content_hash(files.read(file))
    except PhotoError:
        return ""

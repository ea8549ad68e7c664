"""What a writer knows of files: a row each in columns, and an object only for those that are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import replace

import pyarrow as pa

from whence.gallery.rows import FACTS, FileState

COLUMNS = ("path", "size", "mtime_ns", "hash", "said", *FACTS)
"""Of the table of photos."""
_PLAIN = ("path", "hash", "size", "mtime_ns")
_AT_ONCE = 8192


class KnownFiles(MutableMapping[str, FileState]):
    """State by stored path: of photos as they stand in the table, of what was passed over, and of all that changed.

    Attributes:
        owner: Path by content hash, of the stored photos.
    """

    def __init__(self, rows: pa.Table | None, passed: Mapping[str, FileState]) -> None:
        """
        Args:
            rows: ``COLUMNS`` of the stored photos; None without any.
            passed: Files that were passed over.
        """
        self._rows = rows
        paths = [] if rows is None else rows["path"].to_pylist()
        hashes = [] if rows is None else rows["hash"].to_pylist()
        self._row_of: dict[str, int] = dict(zip(paths, range(len(paths)), strict=True))
        self.owner: dict[str, str] = dict(zip(hashes, paths, strict=True))
        self._passed = {path: state for path, state in passed.items() if path in self._row_of}
        self._own: dict[str, FileState] = {path: s for path, s in passed.items() if path not in self._row_of}

    @property
    def count(self) -> int:
        """Photos stored."""
        return len(self.owner)

    def __len__(self) -> int:
        return len(self._row_of) + len(self._own)

    def __iter__(self) -> Iterator[str]:
        yield from self._row_of
        yield from self._own

    def __contains__(self, path: object) -> bool:
        return path in self._own or path in self._row_of

    def __getitem__(self, path: str) -> FileState:
        if path in self._own:
            return self._own[path]
        return self._state(path, self._row_of[path])

    def __setitem__(self, path: str, state: FileState) -> None:
        self._disown(path)
        self._row_of.pop(path, None)
        self._own[path] = state
        if state.content_hash:
            self.owner[state.content_hash] = path

    def __delitem__(self, path: str) -> None:
        if path not in self:
            raise KeyError(path)
        self._disown(path)
        self._own.pop(path, None)
        self._row_of.pop(path, None)

    def is_stored(self, path: str) -> bool:
        """Whether a photo is stored at a path."""
        return path in self._row_of or (path in self._own and bool(self._own[path].content_hash))

    def stored(self) -> Iterator[tuple[str, str, int, int]]:
        """Path, content hash, size and time of change of every stored photo."""
        if self._rows is not None:
            for batch in self._rows.select(list(_PLAIN)).to_batches(max_chunksize=_AT_ONCE):
                for path, *rest in zip(*(batch[name].to_pylist() for name in _PLAIN), strict=True):
                    if path in self._row_of:
                        yield (path, *rest)
        yield from ((path, s.content_hash, s.size, s.mtime_ns) for path, s in self._own.items() if s.content_hash)

    def _disown(self, path: str) -> None:
        if path in self._own:
            digest = self._own[path].content_hash
        elif path in self._row_of:
            assert self._rows is not None
            digest = self._rows["hash"][self._row_of[path]].as_py()
        else:
            return
        if self.owner.get(digest) == path:
            del self.owner[digest]

    def _state(self, path: str, row: int) -> FileState:
        assert self._rows is not None
        found = {name: self._rows[name][row].as_py() for name in COLUMNS}
        state = FileState(
            found["size"],
            found["mtime_ns"],
            found["hash"],
            {name: found[name] for name in FACTS},
            said=found["said"] or "",
        )
        passed = self._passed.get(path)
        if passed is None or (passed.size, passed.mtime_ns) == (state.size, state.mtime_ns):
            return state  # it was passed over before it was stored
        return replace(state, passed=passed)

"""The folder that a gallery's paths are relative to, and where it is now that it was moved."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from whence.errors import InputError, PhotoError
from whence.gallery.known import KnownFiles
from whence.photos import files
from whence.photos.names import native

_LOOKED_AT = 1000
_ENOUGH = 0.5
"""Share of the photos looked at that have to be found where a root is taken to be without being told."""


def normal(folder: Path) -> str:
    """A folder as settings keep it."""
    return os.path.normpath(folder.absolute())


def check_root(root: str | os.PathLike[str] | None) -> Path | None:
    """A root that the user named.

    Raises:
        InputError: It is no folder.
    """
    if root is None:
        return None
    if not Path(root).is_dir():
        raise InputError(f"root {os.fspath(root)} is not a folder; expected the one that paths are relative to")
    return Path(root)


def moved_to(given: Path, old: Path, known: KnownFiles) -> bool:
    """Whether the folder ``given`` is the root ``old``, moved.

    It is if the old one is gone and half of its photos are here: size and time of change tell.
    """
    if not given.is_dir() or old.exists():
        return False
    looked_at = same = 0
    for path, state in _sample(known):
        looked_at += 1
        try:
            here = files.stat_key(given / path)
        except PhotoError:
            continue
        same += here == state
    return same > 0 and same >= _ENOUGH * looked_at


def check_moved(root: Path, known: KnownFiles) -> None:
    """Refuses a root below which none of the gallery's photos is found.

    Raises:
        InputError: There is none.
    """
    sample = list(_sample(known))
    if sample and not any((root / path).is_file() for path, _ in sample):
        raise InputError(f"root {root}: none of the gallery's photos is there, such as {sample[0][0]}; name another")


def _sample(known: KnownFiles) -> Iterator[tuple[str, tuple[int, int]]]:
    """Photos below the root, spread evenly: path, and size and time of change."""
    below = [(path, (size, mtime_ns)) for path, _, size, mtime_ns in known.stored() if not os.path.isabs(native(path))]  # noqa: PTH117
    for path, state in below[:: max(1, len(below) // _LOOKED_AT)]:
        yield native(path), state

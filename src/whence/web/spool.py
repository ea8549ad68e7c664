"""Folders of photos that wait: of one server each, and gone with it, however it ended."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from filelock import FileLock

from whence.photos import files

_PREFIX = "whence-jobs-"
_LOCK = ".lock"
_YOUNG_S = 10.0
"""A folder may be without its lock for so long, while its server begins."""


class Spool:
    """A folder among the system's temporary ones, locked while its server lives.

    The name says the process, for people; the lock tells whether it lives, in other containers too.
    """

    def __init__(self) -> None:
        """Makes it, and removes those of this user's servers that were killed."""
        _tidy(Path(tempfile.gettempdir()))
        self.root = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))
        self._lock = FileLock(self.root / _LOCK)
        self._lock.acquire(timeout=_YOUNG_S)

    def folder(self) -> Path:
        """A new one inside."""
        return Path(tempfile.mkdtemp(dir=self.root))

    def close(self) -> None:
        """Leaves nothing behind. May be called again."""
        self._lock.release()
        shutil.rmtree(self.root, ignore_errors=True)


def _tidy(temporary: Path) -> None:
    for folder in temporary.glob(f"{_PREFIX}*"):
        with suppress(OSError):
            told = folder.lstat()
            ours = not hasattr(os, "getuid") or told.st_uid == os.getuid()
            if not ours or not folder.is_dir() or folder.is_symlink() or time.time() - told.st_mtime < _YOUNG_S:
                continue
            if not (folder / _LOCK).is_file():
                continue
            if held := files.hold(folder / _LOCK):
                with held:
                    pass
                shutil.rmtree(folder, ignore_errors=True)

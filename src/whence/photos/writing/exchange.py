"""Files exchanged for new versions, or made, at once: whoever looks sees the one or the other, whole."""

from __future__ import annotations

import os
import shutil
import stat
from contextlib import suppress
from pathlib import Path

from whence.errors import PhotoError
from whence.photos import files


def exchange(target: Path, before: str, new: bytes) -> None:
    """The new version takes the file's place, with its owner, times, permissions and, on Linux, extended attributes.

    Other names of the file, which are hard links to it, keep the old version.

    Args:
        target: The file itself, not a link to it.
        before: Content hash of what was read; the file is left alone if it is another by now.
        new: Its content from now on.

    Raises:
        PhotoError: It is write-protected, or has changed.
        OSError: It cannot be written. As with the other, nothing has changed.
    """
    state = target.stat()
    if is_protected(state):
        raise PhotoError(f"{target.name} is write-protected")
    part = files.part_of(target)
    try:
        _flushed(part, new)
        if hasattr(os, "chown"):
            with suppress(OSError):  # not the owner; then it is the writer's file
                os.chown(part, state.st_uid, state.st_gid)
        shutil.copystat(target, part)
        if files.content_hash(files.read(target)) != before:
            raise PhotoError(f"{target.name} has changed meanwhile")
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    _settle(target.parent)


def create(path: Path, data: bytes) -> None:
    """Makes a file that is not there.

    Raises:
        OSError: It cannot be written.
    """
    part = files.part_of(path)
    try:
        _flushed(part, data)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    _settle(path.parent)


def is_protected(state: os.stat_result) -> bool:
    """Whether the owner of a file took the right to write it from everybody, himself included."""
    return not state.st_mode & stat.S_IWUSR


def is_there(path: Path) -> bool:
    """Whether there is something of this name, be it a link that leads nowhere.

    Raises:
        OSError: Nobody can say; the name may be too long.
    """
    try:
        path.lstat()
    except FileNotFoundError:
        return False
    return True


def _flushed(path: Path, data: bytes) -> None:
    with path.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def _settle(parent: Path) -> None:
    """The new name, too, is on the disk; where a system does not let folders be opened, that is its own affair."""
    try:
        descriptor = os.open(parent, os.O_RDONLY)
    except OSError:
        return
    with suppress(OSError):
        os.fsync(descriptor)
    os.close(descriptor)

"""Bytes of a file, with a reason in words when there are none; and files written whole or not at all."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from whence.errors import InputError, PhotoError

MAX_BYTES = 2 * 1024**3
"""No photo is larger; a video with a photo's name may be."""


def read(path: Path) -> bytes:
    """All bytes of a regular file, at least one.

    Raises:
        PhotoError: There are none to read. The message is a short reason without the path.
    """
    size = _regular(_stat(path))
    if size > MAX_BYTES:
        raise PhotoError(f"the file has {size / 1e9:.1f} GB, more than the {MAX_BYTES / 1e9:.1f} GB allowed")
    try:
        data = _bytes(path)
    except OSError as error:
        raise PhotoError(reason(error)) from error
    except MemoryError as error:
        raise PhotoError("not enough memory to read the file") from error
    if not data:
        raise PhotoError("the file is empty")
    return data


def write(path: Path, data: bytes) -> None:
    """Writes a file that appears complete or not at all; what stood there before stays until then.

    Raises:
        OSError: It cannot be written.
    """
    if path.exists() and not path.is_file():  # a pipe, a terminal
        path.write_bytes(data)
        return
    target = Path(os.path.realpath(path))  # a link stays a link
    part = part_of(target)
    try:
        part.write_bytes(data)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def part_of(path: Path) -> Path:
    """Where a file is written before it takes its place: a short name, however long the file's own is."""
    return path.with_name(f".{content_hash(os.fsencode(path.name))[:16]}.{os.getpid()}.part")


def hold(lock: Path) -> AbstractContextManager[object] | None:
    """Makes this process the only one that works where a file of this name stands, until the context ends.

    Returns:
        None where another process does.

    Raises:
        OSError: The file cannot be made.
    """
    from filelock import FileLock, Timeout

    try:
        return FileLock(lock, timeout=0).acquire()
    except Timeout:
        return None


@contextmanager
def alone(out: Path, lock: str, busy: Exception) -> Iterator[None]:
    """Makes this process the only one that writes its results to a folder, which is made if it is not there.

    Args:
        out: The folder.
        lock: Name of the file that says so.
        busy: Raised where another process is at work.

    Raises:
        InputError: The folder cannot be written.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        held = hold(out / lock)
    except OSError as error:
        raise InputError(f"--out {out} cannot be written: {error.strerror or error}") from error
    if held is None:
        raise busy
    with held:
        yield


def content_hash(data: bytes) -> str:
    """BLAKE2b of the bytes: 32 hexadecimal digits. Equal for copies under other names, and only for them."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def state_of(path: Path) -> tuple[int, int] | None:
    """``stat_key``; None where there is no such file."""
    try:
        return stat_key(path)
    except PhotoError:
        return None


def stat_key(path: Path) -> tuple[int, int]:
    """Size in bytes and time of change in nanoseconds: a file that keeps both is taken to be unchanged.

    A time that 64 bits cannot hold, before 1677 or after 2262, comes as the nearest that they can.

    Raises:
        PhotoError: The file is not there, or cannot be looked at.
    """
    found = _stat(path)
    return found.st_size, min(max(found.st_mtime_ns, -(2**63)), 2**63 - 1)


def kind(path: Path) -> str:
    """What is at a path: ``folder``, ``file``, or ``other`` for pipes and devices.

    Raises:
        InputError: Nothing, or nothing that may be looked at; the message names the path.
    """
    try:
        mode = _stat(path).st_mode
    except PhotoError as error:
        raise InputError(f"{path}: {error}") from error
    return "folder" if stat.S_ISDIR(mode) else "file" if stat.S_ISREG(mode) else "other"


def reason(error: OSError) -> str:
    """Words for an error of the operating system."""
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return "no such file or folder"
    if isinstance(error, PermissionError):
        return "no permission to read it"
    return f"it cannot be read ({error.strerror or type(error).__name__})"


def _bytes(path: Path) -> bytes:
    """The content of what was a regular file a moment ago; a pipe in its place is not waited for."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    with open(os.open(path, flags), "rb") as file:  # noqa: PTH123 - of a descriptor
        _regular(os.fstat(file.fileno()))
        return file.read()


def _regular(found: os.stat_result) -> int:
    """Size in bytes. Looks before anything is opened: opening a pipe without a writer would wait for ever."""
    if stat.S_ISDIR(found.st_mode):
        raise PhotoError("it is a folder")
    if not stat.S_ISREG(found.st_mode):
        raise PhotoError("it is not a regular file")
    return found.st_size


def _stat(path: Path) -> os.stat_result:
    try:
        return path.stat()
    except OSError as error:
        raise PhotoError(reason(error)) from error
    except ValueError as error:  # a NUL, or a character that the file system cannot spell
        raise PhotoError("the path is not a valid file name") from error

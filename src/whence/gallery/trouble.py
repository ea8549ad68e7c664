"""Interruptions and full disks while a gallery is written."""

from __future__ import annotations

import errno
import os
import re
import signal
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from whence.errors import GalleryError, WhenceError

_FULL = {39, 112} if os.name == "nt" else {errno.ENOSPC, errno.EDQUOT}
_REFUSED = {5, 19} if os.name == "nt" else {errno.EACCES, errno.EPERM, errno.EROFS}
_NUMBER = re.compile(r"\(os error (\d+)\)")
_OPTIONS = re.compile(r"(?<=\w)\?[\w%.-]+=[^\s)\"']*")
_PLACE_IN_SOURCE = re.compile(r",? *\S+\.rs:\d+(:\d+)?")


@contextmanager
def unbroken() -> Iterator[list[Any]]:
    """Holds Ctrl-C back until a transaction is through.

    LanceDB works in a thread of its own: if the waiting were broken off, the transaction might still be completed after
    the lock is given away. Yields a list that is no longer empty once the user has asked to stop; it may be watched.
    """
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield []  # only the main thread is interrupted
        return
    asked: list[Any] = []
    signal.signal(signal.SIGINT, lambda *given: asked.append(given))
    try:
        yield asked
    finally:
        signal.signal(signal.SIGINT, before)
        if asked:
            before(*asked[0])


@contextmanager
def damage_told(folder: object) -> Iterator[None]:
    """What LanceDB makes of damaged files, in words.

    Raises:
        GalleryError: With what to do.
    """
    try:
        yield
    except WhenceError:
        raise
    except Exception as error:
        if not is_of_library(error):
            raise
        raise GalleryError(
            f"the gallery {folder} is damaged or cannot be read: {told(error)}; whence repair {folder} says what is "
            "left"
        ) from error


def is_of_library(error: BaseException) -> bool:
    """Whether LanceDB raised it, which raises nearly anything for files that are damaged."""
    if "lance" in str(error).lower() or type(error).__name__ == "RustPanic":
        return True
    last = list(traceback.walk_tb(error.__traceback__))[-1:]
    return any(frame.f_globals.get("__name__", "").partition(".")[0] in ("lance", "lancedb") for frame, _ in last)


def full_disk(error: BaseException) -> bool:
    """Whether an error says that a disk is full."""
    return _number(error) in _FULL


def refused(error: BaseException) -> str:
    """What the operating system says of files that may not be read or written; empty for another error."""
    number = _number(error)
    return os.strerror(number) if number in _REFUSED else ""


def _number(error: BaseException) -> int:
    """Of the operating system, which LanceDB passes on as text; 0 if it has none."""
    if not isinstance(error, OSError | RuntimeError):
        return 0
    if isinstance(error, OSError) and error.errno:
        return error.errno
    found = _NUMBER.search(str(error))
    return int(found[1]) if found else 0


def told(error: Exception, length: int = 200) -> str:
    """An error of LanceDB on one line, without places in its source code or what addresses are signed with."""
    first = next(iter(str(error).splitlines()), type(error).__name__)
    return _PLACE_IN_SOURCE.sub("", _OPTIONS.sub("", first))[:length]

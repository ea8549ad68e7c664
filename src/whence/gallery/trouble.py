"""Interruptions and full disks while a gallery is written."""

from __future__ import annotations

import errno
import os
import re
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_FULL = {39, 112} if os.name == "nt" else {errno.ENOSPC, errno.EDQUOT}
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


def full_disk(error: BaseException) -> bool:
    """Whether an error says that a disk is full. LanceDB passes errors of the operating system on as text."""
    if not isinstance(error, OSError | RuntimeError):
        return False
    found = _NUMBER.search(str(error))
    return (isinstance(error, OSError) and error.errno in _FULL) or (found is not None and int(found[1]) in _FULL)


def told(error: Exception, length: int = 200) -> str:
    """An error of LanceDB on one line, without places in its source code or what addresses are signed with."""
    first = next(iter(str(error).splitlines()), type(error).__name__)
    return _PLACE_IN_SOURCE.sub("", _OPTIONS.sub("", first))[:length]

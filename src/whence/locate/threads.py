"""One thread for each photo: OpenCV and BLAS leave parallel work to us.

Whole photos side by side use the cores better than parts of one. And a matrix product that is shared among threads is
rounded otherwise than one that is not, so that answers would depend on what else runs.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import TYPE_CHECKING

import cv2

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

_lock = threading.Lock()
_users = 0
_limits = ExitStack()


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Limits the libraries' own threads to one while any thread of ours is inside.

    The limits belong to the whole process, and two that overlap must not restore them under each other: the first one
    in sets them, the last one out restores them.
    """
    global _users
    with _lock:
        if _users == 0:
            _limits.callback(cv2.setNumThreads, cv2.getNumThreads())
            cv2.setNumThreads(1)
            _limits.enter_context(_threadpools().limit(limits=1))
        _users += 1
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if _users == 0:
                _limits.close()


@cache
def _threadpools() -> ThreadpoolController:
    """Looked up once: finding the loaded BLAS libraries takes milliseconds."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()

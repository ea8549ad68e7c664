"""One thread for each photo: OpenCV and BLAS leave parallel work to us.

Whole photos side by side use the cores better than parts of one. And a matrix product that is shared among threads is
rounded otherwise than one that is not, so that answers would depend on what else runs.
"""

from __future__ import annotations

from contextlib import ExitStack
from functools import cache
from typing import TYPE_CHECKING

import cv2

from whence.photos.shared import Shared

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController


def _limit(undo: ExitStack) -> None:
    undo.callback(cv2.setNumThreads, cv2.getNumThreads())
    cv2.setNumThreads(1)
    undo.enter_context(_threadpools().limit(limits=1))


one_thread_each = Shared(_limit)
"""Limits the libraries' own threads to one while any thread of ours is inside."""


@cache
def _threadpools() -> ThreadpoolController:
    """Looked up once: finding the loaded BLAS libraries takes milliseconds."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()

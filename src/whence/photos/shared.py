"""Settings of the whole process that threads need for a while."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack


class Shared:
    """A context that is entered by the first thread in and left by the last one out.

    Warning filters and the thread limits of libraries belong to the whole process. If each thread saved and restored
    them, two that overlap would leave them changed for good.

    Args:
        enter: Makes the settings, and puts what undoes them on the stack.
    """

    def __init__(self, enter: Callable[[ExitStack], object]) -> None:
        self._enter = enter
        self._lock = threading.Lock()
        self._users = 0
        self._undo = ExitStack()

    def __enter__(self) -> None:
        with self._lock:
            if self._users == 0:
                with ExitStack() as undo:  # undoes what was made if the rest fails
                    self._enter(undo)
                    self._undo = undo.pop_all()
            self._users += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._users -= 1
            if self._users == 0:
                self._undo.close()

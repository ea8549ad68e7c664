"""Lines of JSON that are appended as work is done, so that a run that was killed goes on where it stood."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from whence.errors import InputError


class Journal:
    """One file of JSON lines. A last line that was cut short by a kill is dropped. Safe to call from many threads.

    Args:
        path: The file; made when something is added.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._lock = path, threading.Lock()
        self._mend()

    def lines(self) -> Iterator[dict[str, Any]]:
        """All that was added, oldest first; what cannot be read is passed over."""
        if not self._path.is_file():
            return
        with self._path.open(encoding="utf-8", errors="replace") as file:
            for line in file:
                try:
                    found = json.loads(line)
                except (ValueError, RecursionError):
                    continue
                if isinstance(found, dict):
                    yield found

    def add(self, entry: dict[str, Any]) -> None:
        """Appends an entry, and gives it to the operating system before coming back.

        Raises:
            InputError: It cannot be written.
        """
        line = json.dumps(entry, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace") + b"\n"
        try:
            with self._lock, self._path.open("ab") as file:
                file.write(line)
        except OSError as error:
            raise InputError(f"{self._path} cannot be written: {error.strerror or error}") from error

    def _mend(self) -> None:
        """Cuts off a line without an end, to which the next one would be glued."""
        try:
            with self._path.open("r+b") as file:
                size = file.seek(0, os.SEEK_END)
                if not size:
                    return
                file.seek(max(0, size - 1))
                if file.read(1) == b"\n":
                    return
                file.seek(0)
                file.truncate(file.read().rfind(b"\n") + 1)
        except FileNotFoundError:
            return
        except OSError as error:
            raise InputError(f"{self._path} cannot be written: {error.strerror or error}") from error

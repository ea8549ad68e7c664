"""How often a server is asked, and how long to wait when it has had enough."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


class StoppedError(Exception):
    """The run was interrupted; nobody is told."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Patience with servers.

    Attributes:
        tries: Of one request.
        first_s: Mean wait before the second try; doubles from try to try.
        longest_s: No wait of our own choosing is longer.
        patience_s: A server that wants a longer wait than this ends the run.
        told_s: Waits from here on are told to the user.
    """

    tries: int = 6
    first_s: float = 1.0
    longest_s: float = 60.0
    patience_s: float = 900.0
    told_s: float = 10.0

    def wait_s(self, failures: int) -> float:
        """Exponential, with jitter, so that workers that failed together do not come back together."""
        return min(self.longest_s, self.first_s * 2.0 ** (failures - 1)) * random.uniform(0.5, 1.5)


class Gate:
    """Lets requests to one server through, so many a second, from whatever thread.

    Args:
        per_second: Requests.
        stop: Set when the run is to end.
    """

    def __init__(self, per_second: float, stop: threading.Event) -> None:
        self._interval_s, self._stop = 1.0 / per_second, stop
        self._lock, self._next, self._held = threading.Lock(), 0.0, 0.0

    def enter(self) -> None:
        """Waits for one's turn.

        Raises:
            StoppedError: The run ended meanwhile.
        """
        with self._lock:
            turn = max(self._next, self._held, time.monotonic())
            self._next = turn + self._interval_s
        while (left := max(turn, self._held) - time.monotonic()) > 0:
            pause(left, self._stop)
        if self._stop.is_set():
            raise StoppedError

    def hold(self, seconds: float) -> None:
        """Lets nobody through for a while."""
        with self._lock:
            self._held = max(self._held, time.monotonic() + seconds)


def pause(seconds: float, stop: threading.Event) -> None:
    """Sleeps.

    Raises:
        StoppedError: The run ended meanwhile.
    """
    if stop.wait(seconds):
        raise StoppedError


def retry_after_s(header: str | None) -> float | None:
    """Seconds of a ``Retry-After``, which may be a date; None where there is none that can be read."""
    text = (header or "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        when = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    return max(0.0, (when.replace(tzinfo=when.tzinfo or UTC) - datetime.now(UTC)).total_seconds())

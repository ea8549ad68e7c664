"""How much at a time: requests of one client, photos that wait, bytes of one request."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from whence.web.problems import ProblemError

_CLIENTS = 10_000


class Rate:
    """A bucket of tokens for each client: bursts are let through, a steady stream no faster than so many a minute."""

    def __init__(self, per_minute: int) -> None:
        self._per_second, self._most = per_minute / 60, float(per_minute)
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, client: str, count: int = 1) -> None:
        """Lets ``count`` photos of a client through.

        Raises:
            ProblemError: 429, with the seconds to wait.
        """
        left, now = self._left(client), time.monotonic()
        self._buckets.pop(client, None)
        wanted = min(float(count), self._most)  # a batch larger than a minute's worth takes all there is
        allowed = left >= wanted
        self._buckets[client] = (left - wanted if allowed else left, now)
        while len(self._buckets) > _CLIENTS:
            self._buckets.popitem(last=False)
        if not allowed:
            raise self._too_many(wanted - left)

    def check(self, client: str, count: int = 1) -> None:
        """Refuses what ``take`` would, before it is read.

        Raises:
            ProblemError: 429, with the seconds to wait.
        """
        if (left := self._left(client)) < (wanted := min(float(count), self._most)):
            raise self._too_many(wanted - left)

    def _left(self, client: str) -> float:
        now = time.monotonic()
        left, last = self._buckets.get(client, (self._most, now))
        return min(self._most, left + (now - last) * self._per_second)

    def _too_many(self, missing: float) -> ProblemError:
        wait_s = missing / self._per_second
        return ProblemError(429, "too-many-requests", "too many photos in a short time", retry_after_s=wait_s)


class Gate:
    """So many at work, and so many that wait for them; the rest is told to come back."""

    def __init__(self, at_work: int, waiting: int) -> None:
        self._slots = asyncio.Semaphore(at_work)
        self._most = at_work + waiting
        self.inside = 0

    def check_room(self, coming: int = 0) -> None:
        """Whether one more may come in, while others are on their way.

        Raises:
            ProblemError: 503, with the seconds to wait.
        """
        if self.inside + coming >= self._most:
            raise ProblemError(503, "busy", "too many photos are waiting", retry_after_s=2.0)

    @asynccontextmanager
    async def enter(self, *, patient: bool = False) -> AsyncIterator[None]:
        """A place at work.

        Args:
            patient: Wait however many do: for work that was accepted already.

        Raises:
            ProblemError: 503, with the seconds to wait.
        """
        if not patient:
            self.check_room()
        self.inside += 1
        try:
            async with self._slots:
                yield
        finally:
            self.inside -= 1

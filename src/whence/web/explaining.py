"""Answers whose evidence is to be looked at: kept in memory for a while, by their ids, and a few of them only.

Nothing of a photo is written anywhere. Who does not know the id, which nobody guesses, does not see the answer.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from whence.errors import WhenceError
from whence.web.problems import ProblemError
from whence.web.service import Answered

KEPT = 32
KEEP_S = 900.0
WAITING, DONE, FAILED = "waiting", "done", "failed"
Answering = Callable[[Callable[[str], None]], Awaitable[Answered]]
_log = logging.getLogger(__name__)


@dataclass(eq=False)
class Explanation:
    """One photo, from when it is asked.

    Attributes:
        name: What its sender calls the photo.
        id: Names it, and is not to be guessed.
        stage: ``waiting``, ``read``, ``describe``, ``search``, ``done`` or ``failed``.
        answer: Once it is done.
        error: In words, where it failed.
        created: Seconds of the monotonic clock.
    """

    name: str
    id: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    stage: str = WAITING
    answer: Answered | None = None
    error: str | None = None
    created: float = field(default_factory=time.monotonic)

    @property
    def is_over(self) -> bool:
        return self.stage in (DONE, FAILED)


class Explanations:
    """Those at work, and the newest that are done. Of one event loop."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, Explanation] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, name: str, answering: Answering) -> Explanation:
        """Answers a photo in the background."""
        found = Explanation(name)
        self._known[found.id] = found
        task = asyncio.get_running_loop().create_task(_work(found, answering))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self._forget()
        return found

    def get(self, id: str) -> Explanation:
        """One that is known.

        Raises:
            ProblemError: 404.
        """
        self._forget()
        if id not in self._known:
            raise ProblemError(404, "no-explanation", "no such answer; its evidence is kept for a while only")
        return self._known[id]

    def done(self, id: str) -> Answered:
        """What came out.

        Raises:
            ProblemError: 404; 409 before it is done, or where it failed.
        """
        found = self.get(id)
        if found.answer is None:
            raise ProblemError(409, "not-done", found.error or "the photo is not answered yet; ask again")
        return found.answer

    def forget(self, id: str) -> None:
        """Drops one, whether or not it is done."""
        del self._known[self.get(id).id]

    async def close(self) -> None:
        """Waits for what is at work."""
        self._known.clear()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _forget(self) -> None:
        now = time.monotonic()
        over = [found for found in self._known.values() if found.is_over]
        old = [found for found in over if now - found.created > KEEP_S]
        for found in {*old, *over[: max(0, len(over) - KEPT)]}:
            del self._known[found.id]


async def _work(found: Explanation, answering: Answering) -> None:
    def begun(stage: str) -> None:
        found.stage = stage

    try:
        found.answer = await answering(begun)
        found.stage = DONE
    except (WhenceError, ProblemError) as error:
        found.error, found.stage = str(error), FAILED
    except Exception:  # noqa: BLE001 -- the photo failed, not the server
        _log.exception("a photo could not be answered")
        found.error, found.stage = "the server failed; its log says why", FAILED

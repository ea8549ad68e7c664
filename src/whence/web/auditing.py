"""The audit of the gallery in the background: one at a time, and what came of the newest."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from enum import StrEnum

from anyio import to_thread

from whence.audit.auditing import audit
from whence.audit.formats import summary
from whence.audit.model import Suspect, Witness
from whence.errors import WhenceError
from whence.gallery.gallery import Gallery
from whence.gallery.photo import GalleryPhoto
from whence.web.problems import ProblemError, words
from whence.web.service import Service

_log = logging.getLogger(__name__)
_WITNESSES = 6
"""Of one suspect that are told of: those that say most."""


class State(StrEnum):
    """Of the audit."""

    NONE = "none"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """A photo whose pin may be wrong, whatever becomes of the gallery."""

    photo: GalleryPhoto
    suspect: Suspect
    witnesses: tuple[tuple[GalleryPhoto, Witness], ...]


class _StoppedError(Exception):
    """Nobody wants this audit any more."""


class Audits:
    """Of one server and one event loop.

    Attributes:
        state: ``none`` before the first.
        stage: What is done, in words.
        done: Of the stage, out of ``total``.
        total: The same.
        error: In words, where it failed.
        said: What came out, in lines.
        finished: Seconds since 1970; None before.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._task: asyncio.Task[None] | None = None
        self._reset(State.NONE)

    def begin(self) -> None:
        """Looks for wrong pins, if nobody does so already.

        Raises:
            ProblemError: 503 while the one before is on its way out.
        """
        if self._task is not None and not self._task.done():
            if self._stopped:
                raise ProblemError(503, "busy", "the audit before this one is being stopped", retry_after_s=2.0)
            return
        self._reset(State.RUNNING)
        self._task = asyncio.get_running_loop().create_task(self._work())

    @property
    def findings(self) -> list[Finding]:
        """Of photos that are still there, the likeliest first."""
        gallery = self._service.gallery
        return [one for one in self._found if gallery.row_of(one.photo.content_hash) is not None]

    def stop(self) -> None:
        """Ends the one at work, and forgets what was found."""
        self._reset(State.NONE)
        self._stopped = True

    async def close(self) -> None:
        """Waits for the one at work to end."""
        self.stop()
        if self._task is not None:
            await asyncio.wait([self._task])

    def _reset(self, state: State) -> None:
        self.state, self.stage, self.done, self.total = state, "", 0, 0
        self.error: str | None = None
        self.said: list[str] = []
        self._found: list[Finding] = []
        self.finished: float | None = None
        self._stopped = False

    async def _work(self) -> None:
        try:
            said, findings = await to_thread.run_sync(self._service.read, self._audited)
        except _StoppedError:
            return
        except Exception as error:  # noqa: BLE001 -- the audit failed, not the server
            if not isinstance(error, WhenceError):
                _log.exception("the audit failed")
            if not self._stopped:
                self.error, self.state, self.finished = words(error), State.FAILED, time.time()
            return
        if not self._stopped:
            self.said, self._found, self.state, self.finished = said, findings, State.DONE, time.time()

    def _audited(self, gallery: Gallery) -> tuple[list[str], list[Finding]]:
        found = audit(gallery, workers=self._service.options.workers, progress=self._tell)
        return summary(found), [_finding(suspect, gallery) for suspect in found.suspects]

    def _tell(self, stage: str, done: int, total: int) -> None:
        if self._stopped:
            raise _StoppedError
        self.stage, self.done, self.total = stage, done, total


def _finding(suspect: Suspect, gallery: Gallery) -> Finding:
    telling = sorted(suspect.witnesses, key=lambda witness: -abs(witness.weight))[:_WITNESSES]
    photos = gallery.photos
    return Finding(photos[suspect.row], suspect, tuple((photos[one.row], one) for one in telling))

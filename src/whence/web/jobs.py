"""Batches of photos, answered one after the other in the background."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import shutil
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from whence.web.problems import ProblemError
from whence.web.spool import Spool

_log = logging.getLogger(__name__)
Answering = Callable[[str, Path], Awaitable[dict[str, Any]]]
Failing = Callable[[str, Exception], dict[str, Any]]
KEPT = 10_000
"""Answers of batches that are done; the oldest batches are forgotten first. 150 MB or so."""


class State(StrEnum):
    """Of a batch."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"


@dataclass(eq=False)
class Job:
    """One batch.

    Attributes:
        photos: Names and files of the photos; the files go when they are answered.
        folder: Of the files.
        id: Names it, and is not to be guessed.
        state: How far it is.
        answers: So far, as JSON types, in the order of the photos.
        created: Seconds since 1970.
        finished: The same; None before.
    """

    photos: list[tuple[str, Path]]
    folder: Path
    id: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    state: State = State.QUEUED
    answers: list[dict[str, Any]] = field(default_factory=list)
    created: float = field(default_factory=time.time)
    finished: float | None = None

    @property
    def is_over(self) -> bool:
        return self.state in (State.DONE, State.CANCELLED)


class Jobs:
    """Batches that wait, the one at work, and those whose results are kept. Of one event loop."""

    def __init__(self, answering: Answering, failing: Failing, waiting: int, keep_s: float) -> None:
        """
        Args:
            answering: Answers a photo, of its name and file.
            failing: What the answer is where that raises.
            waiting: Batches that may wait.
            keep_s: Seconds that results are kept.
        """
        self._failing = failing
        self._answering, self._waiting, self._keep_s = answering, waiting, keep_s
        self._known: dict[str, Job] = {}
        self._queue: asyncio.Queue[Job] = asyncio.Queue()
        self._worker: asyncio.Task[None] | None = None
        self._spool = Spool()

    def check_room(self) -> None:
        """Refuses a batch while too many wait, before its photos are read.

        Raises:
            ProblemError: 503.
        """
        self._forget()
        if sum(not job.is_over for job in self._known.values()) >= self._waiting:
            raise ProblemError(503, "busy", "too many batches are waiting", retry_after_s=30.0)

    def folder(self) -> Path:
        """A new one, for the photos of a batch."""
        return self._spool.folder()

    def add(self, photos: list[tuple[str, Path]], folder: Path) -> Job:
        """A new batch, to be answered when those before it are.

        Raises:
            ProblemError: 503.
        """
        self.check_room()
        job = Job(photos, folder)
        self._known[job.id] = job
        self._queue.put_nowait(job)
        if self._worker is None or self._worker.done():
            self._worker = asyncio.get_running_loop().create_task(self._work())
        return job

    def get(self, id: str) -> Job:
        """A batch that is known.

        Raises:
            ProblemError: 404.
        """
        self._forget()
        if id not in self._known:
            raise ProblemError(404, "no-job", "no such batch; results are kept for a while only")
        return self._known[id]

    def cancel(self, id: str) -> Job:
        """Stops a batch after the photo at work, and forgets it."""
        job = self.get(id)
        if not job.is_over:
            self._end(job, State.CANCELLED)
        self._known.pop(id, None)
        return job

    async def close(self) -> None:
        """Stops everything and leaves no photo behind."""
        for job in self._known.values():
            if not job.is_over:
                job.state = State.CANCELLED
        try:
            if self._worker is not None:
                self._worker.cancel()
                await asyncio.wait([self._worker])
        finally:
            self.remove()

    def remove(self) -> None:
        """Leaves no photo behind. May be called again."""
        self._spool.close()

    async def _work(self) -> None:
        while not self._queue.empty():
            job = self._queue.get_nowait()
            if job.is_over:
                continue
            job.state = State.RUNNING
            for name, path in job.photos:
                answer = await self._answered(name, path)
                with contextlib.suppress(OSError):
                    path.unlink(missing_ok=True)
                if job.state is not State.RUNNING:  # cancelled meanwhile
                    break
                job.answers.append(answer)
            else:
                self._end(job, State.DONE)

    async def _answered(self, name: str, path: Path) -> dict[str, Any]:
        """Whatever goes wrong with one photo is its answer; the rest goes on."""
        try:
            return await self._answering(name, path)
        except Exception as error:  # noqa: BLE001 -- of any library, and nothing that ends the worker
            _log.exception("a photo of a batch failed")
            return self._failing(name, error)

    def _end(self, job: Job, state: State) -> None:
        job.state, job.finished = state, time.time()
        shutil.rmtree(job.folder, ignore_errors=True)
        done = sorted((one for one in self._known.values() if one.finished), key=lambda one: one.finished or 0.0)
        kept = sum(len(one.answers) for one in done)
        for oldest in done[:-1]:
            if kept <= KEPT:
                break
            kept -= len(oldest.answers)
            del self._known[oldest.id]

    def _forget(self) -> None:
        now = time.time()
        for job in [job for job in self._known.values() if job.finished and now - job.finished > self._keep_s]:
            del self._known[job.id]

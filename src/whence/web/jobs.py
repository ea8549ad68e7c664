"""Batches of photos, answered one after the other in the background."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from whence.web.problems import ProblemError

Answering = Callable[[str, Path], Awaitable[dict[str, Any]]]


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

    def __init__(self, answering: Answering, waiting: int, keep_s: float) -> None:
        self._answering, self._waiting, self._keep_s = answering, waiting, keep_s
        self._known: dict[str, Job] = {}
        self._queue: asyncio.Queue[Job] = asyncio.Queue()
        self._worker: asyncio.Task[None] | None = None
        self.root = Path(tempfile.mkdtemp(prefix="whence-jobs-"))

    def check_room(self) -> None:
        """Refuses a batch while too many wait, before its photos are read.

        Raises:
            ProblemError: 503.
        """
        self._forget()
        if sum(not job.is_over for job in self._known.values()) >= self._waiting:
            raise ProblemError(503, "busy", "too many batches are waiting", retry_after_s=30.0)

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
        del self._known[id]
        return job

    async def close(self) -> None:
        """Stops everything and leaves no photo behind."""
        for job in self._known.values():
            if not job.is_over:
                job.state = State.CANCELLED
        if self._worker is not None:
            self._worker.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._worker
        shutil.rmtree(self.root, ignore_errors=True)

    async def _work(self) -> None:
        while not self._queue.empty():
            job = self._queue.get_nowait()
            if job.is_over:
                continue
            job.state = State.RUNNING
            for name, path in job.photos:
                answer = await self._answering(name, path)
                path.unlink(missing_ok=True)
                if job.state is not State.RUNNING:  # cancelled meanwhile
                    break
                job.answers.append(answer)
            else:
                self._end(job, State.DONE)

    def _end(self, job: Job, state: State) -> None:
        job.state, job.finished = state, time.time()
        shutil.rmtree(job.folder, ignore_errors=True)

    def _forget(self) -> None:
        now = time.time()
        for job in [job for job in self._known.values() if job.finished and now - job.finished > self._keep_s]:
            del self._known[job.id]

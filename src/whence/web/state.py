"""What all requests share."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from anyio import to_thread
from fastapi import Request, UploadFile

from whence.gallery.where import Where
from whence.web.auditing import Audits
from whence.web.contributions import Contributions
from whence.web.explaining import Explanation, Explanations
from whence.web.guard import is_token, token_of
from whence.web.jobs import Jobs
from whence.web.limits import Gate, Rate
from whence.web.metrics import Metrics
from whence.web.options import ServeOptions
from whence.web.problems import ProblemError
from whence.web.service import Answered, Service
from whence.web.writing import Accepted, Tagged


@dataclass(eq=False)
class State:
    """Of one server.

    Attributes:
        service: Answers photos.
        options: Of the server.
        gate: How many photos are at work at a time.
        rate: How many one client may ask.
        metrics: What was counted.
        jobs: Batches.
        audits: Looks for wrong pins.
        explanations: Answers whose evidence can be looked at.
        contributions: Photos that others brought; None where none are taken.
    """

    service: Service
    options: ServeOptions
    gate: Gate
    rate: Rate
    metrics: Metrics
    jobs: Jobs
    audits: Audits
    explanations: Explanations = field(default_factory=Explanations)
    contributions: Contributions | None = None

    @classmethod
    def of(cls, service: Service, options: ServeOptions) -> State:
        """Of a server that begins."""
        gate = Gate(options.workers, options.waiting)
        metrics = Metrics(lambda: len(service.gallery), lambda: gate.inside, lambda: service.decoders_lost)

        async def answered(name: str, path: Path) -> dict[str, Any]:
            async with gate.enter(patient=True):
                told = await to_thread.run_sync(service.one_of_many, name, path)
            metrics.answered(told)
            return told

        jobs = Jobs(answered, service.failed, options.jobs, options.keep_s)
        state = cls(service, options, gate, Rate(options.per_minute), metrics, jobs, Audits(service))
        if options.contributions is not None:
            state.contributions = Contributions(
                options.contributions,
                service.gallery.folder,
                service.reader,
                most_mb=options.contributions_mb,
                workers=options.workers,
                grown=service.grown,
            )
        return state

    async def answer(self, name: str, photo: UploadFile, where: Where | None = None) -> dict[str, Any]:
        """One photo at once, if there is room; it is in memory only while it is at work.

        Raises:
            ProblemError: There is none.
            PhotoError: It is no photo that can be used.
        """
        async with self.gate.enter():
            data = await photo.read()
            found = await to_thread.run_sync(lambda: self.service.answer(name, data, where))
        told = self.service.told(found)
        self.metrics.answered(told)
        return told

    async def tag(self, name: str, photo: UploadFile, accepted: Accepted) -> Tagged | None:
        """A photo with a position that somebody accepted; None where it has one.

        Raises:
            ProblemError: There is no room.
            PhotoError: It is no photo that can be used.
        """
        async with self.gate.enter():
            data = await photo.read()
            return await to_thread.run_sync(self.service.tagged, name, data, accepted)

    def explain(self, name: str, photo: UploadFile, where: Where | None = None) -> Explanation:
        """Begins to answer one photo, if there is room, and keeps the evidence for a while.

        Raises:
            ProblemError: There is none.
        """
        self.gate.check_room()
        held, photo.file = photo.file, io.BytesIO()  # the request closes its files when it is over

        async def answering(begun: Callable[[str], None]) -> Answered:
            with held:
                async with self.gate.enter(patient=True):
                    data = await to_thread.run_sync(held.read)
                    found = await to_thread.run_sync(lambda: self.service.answer(name, data, where, begun))
            self.metrics.answered(self.service.told(found))
            return found

        return self.explanations.begin(name, answering)


def state_of(request: Request) -> State:
    """Of the server that a request came to."""
    return cast(State, request.app.state.whence)


def client_of(request: Request) -> str:
    """Who asks, for limits: the address."""
    return request.client.host if request.client else ""


def check_reviewer(request: Request) -> None:
    """Lets those through who decide what belongs to the gallery.

    Raises:
        ProblemError: 403.
    """
    token = state_of(request).options.review_token
    if token is not None and not is_token(token_of(request.headers), token):
        raise ProblemError(403, "not-reviewer", "only reviewers decide on that; show the reviewer's token")

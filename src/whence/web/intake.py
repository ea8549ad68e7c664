"""What comes in: refused before its body is read where there is no room for it, and let go where it does not come.

A plain ASGI layer inside the guard. It counts what was refused too, and lets no error of the inside out.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from whence.web.problems import ProblemError

if TYPE_CHECKING:
    from whence.web.state import State

_log = logging.getLogger(__name__)
_API = "/api/"
ONE = ("/api/v1/locate", "/api/v1/explanations", "/api/v1/tagged", "/api/v1/contributions")
BATCH = "/api/v1/jobs"


class Intake:
    """Around an application."""

    def __init__(self, app: ASGIApp, state: State) -> None:
        self._app, self._state = app, state
        self._reading: Counter[str] = Counter()
        self._coming = 0
        """Photos for the queue that are being read."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 0

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            with self._admitted(scope) as body:
                await self._app(scope, body.over(receive), watched)
        except ProblemError as problem:
            if status:
                raise
            await problem.response()(scope, receive, watched)
        except ClientDisconnect:  # nobody is there to be told
            return
        except Exception:
            _log.exception("%s %s failed", scope["method"], scope["path"])
            if status:
                raise
            await ProblemError(500, "internal", "the server failed; its log says why").response()(
                scope, receive, watched
            )
        if status >= 400 and scope["path"].startswith(_API):
            self._state.metrics.refused(status)

    @contextmanager
    def _admitted(self, scope: Scope) -> Iterator[_Body]:
        """Room for a body while it is read.

        Raises:
            ProblemError: There is none.
        """
        headers, options = Headers(scope=scope), self._state.options
        body = _Body(options.body_idle_s, options.body_grace_s, options.body_kb_per_s * 1024)
        if "transfer-encoding" not in headers and headers.get("content-length", "0") == "0":
            yield body
            return
        client = scope["client"][0] if scope.get("client") else ""
        self._check(scope, client)
        one = _is_one(scope)
        self._reading[client] += 1
        self._coming += one

        def done() -> None:
            self._coming -= one
            self._reading[client] -= 1
            if not self._reading[client]:
                del self._reading[client]

        body.done = done
        try:
            yield body
        finally:
            body.finish()

    def _check(self, scope: Scope, client: str) -> None:
        state, path = self._state, scope["path"].rstrip("/")
        if scope["method"] == "POST" and path in (*ONE, BATCH):
            state.rate.check(client)
            if path == BATCH:
                state.jobs.check_room()
            else:
                state.gate.check_room(self._coming)
        most = state.options.uploads
        if self._reading.total() >= most or self._reading[client] >= max(1, most // 2):
            raise ProblemError(503, "busy", "too many requests are being read", retry_after_s=2.0)


def _is_one(scope: Scope) -> bool:
    """Whether it brings a photo for the queue."""
    return scope["method"] == "POST" and scope["path"].rstrip("/") in ONE


def _nothing() -> None:
    pass


class _Body:
    """One body on its way in, against the clock."""

    def __init__(self, idle_s: float, grace_s: float, per_second: float) -> None:
        self._idle_s, self._left_s, self._per_second = idle_s, grace_s, per_second
        self._whole = False
        self.done: Callable[[], None] = _nothing

    def finish(self) -> None:
        """Gives the place of a body back, once."""
        self._whole, done, self.done = True, self.done, _nothing
        done()

    def over(self, receive: Receive) -> Receive:
        """``receive`` that waits for a body no longer than is fair; only waiting counts, not what is done with it."""

        async def timed() -> Message:
            if self._whole:  # the next message tells that the client went, whenever that is
                return await receive()
            start = time.monotonic()
            try:
                async with asyncio.timeout(max(0.0, min(self._idle_s, self._left_s))):
                    message = await receive()
            except TimeoutError:
                raise ProblemError(408, "too-slow", "the request does not come, or too slowly; send it again") from None
            self._left_s -= time.monotonic() - start
            self._left_s += len(message.get("body", b"")) / self._per_second
            if not message.get("more_body", False):
                self.finish()
            return message

        return timed

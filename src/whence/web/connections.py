"""Connections that say nothing: ended after a while, and the oldest of them sooner where there are many."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

HEAD_S = 10.0
"""Seconds that the head of a request may take, from the start or from the answer before."""
HEAD_BYTES = 256 * 1024
"""Of the head of a first request; far more than any has, and what one read may bring of a body."""
SILENT = 256
"""Connections without a request that are kept open at a time."""


class Connection(AutoHTTPProtocol):  # type: ignore[misc,valid-type,unused-ignore]  # one of two, by what is installed
    """uvicorn's, which itself waits for the first request as long as the client likes."""

    _timer: asyncio.TimerHandle | None = None
    _since = 0.0
    _came = 0

    def connection_made(self, transport: Any) -> None:
        """See asyncio; makes room for a new one."""
        super().connection_made(transport)
        self._wait()
        silent = [one for one in self.connections if isinstance(one, Connection) and one.is_silent]
        if len(silent) > SILENT:
            min(silent, key=lambda one: one._since).transport.abort()

    def data_received(self, data: bytes) -> None:
        """See asyncio."""
        super().data_received(data)
        if self.cycle is None:
            self._came += len(data)
            if self._came > HEAD_BYTES and self.is_silent:
                self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio."""
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """See uvicorn."""
        super().on_response_complete()
        self._wait()

    @property
    def is_silent(self) -> bool:
        """Whether it has no request at work."""
        at_work = self.cycle is not None and not self.cycle.response_complete
        return not at_work and not self.transport.is_closing() and self.transport.get_protocol() is self

    def _wait(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._since = self.loop.time()
        self._timer = self.loop.call_later(HEAD_S, self._late)

    def _late(self) -> None:
        if self.is_silent:
            self.transport.close()

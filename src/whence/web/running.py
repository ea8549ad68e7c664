"""A server at an address, until it is stopped."""

from __future__ import annotations

import socket
from collections.abc import Callable

import uvicorn

from whence.errors import InputError
from whence.gallery.gallery import Gallery
from whence.web.app import make_app
from whence.web.connections import Connection
from whence.web.options import ServeOptions
from whence.web.page.mounting import mount
from whence.web.page.plan import Plan
from whence.web.service import Service

_GRACE_S = 5


def serve(
    gallery: Gallery,
    options: ServeOptions,
    *,
    places: bool,
    begun: Callable[[str], None],
    plan: Plan | None = None,
) -> None:
    """Answers requests until interrupted.

    Args:
        gallery: Opened.
        options: Of the server.
        places: Name the nearest town in answers.
        begun: Called with the server's address once it can be reached.
        plan: Under the dots of the map.

    Raises:
        InputError: The address cannot be used.
    """
    listening = _bound(options)
    host, port = listening.getsockname()[:2]
    service = Service(gallery, options, places=places)
    app = make_app(service)
    mount(app, plan)
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,  # who asked what is nobody's business
        server_header=False,
        http=Connection,
        timeout_graceful_shutdown=_GRACE_S,
    )
    server = _Server(
        config, lambda: begun(f"http://{f'[{host}]' if ':' in host else host}:{port}/"), app.state.whence.jobs.remove
    )
    try:
        server.run([listening])
    finally:
        app.state.whence.jobs.remove()
        service.close()
        listening.close()


class _Server(uvicorn.Server):
    """Says when it can be reached, and tidies up."""

    def __init__(self, config: uvicorn.Config, begun: Callable[[], None], ended: Callable[[], None]) -> None:
        super().__init__(config)
        self._begun, self._ended = begun, ended

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._begun()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().shutdown(sockets)
        finally:
            self._ended()  # a second Ctrl-C leaves the application no time, and the process goes with the signal


def _bound(options: ServeOptions) -> socket.socket:
    try:
        family, *_, address = socket.getaddrinfo(options.host, options.port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
        except OSError:
            listening.close()
            raise
    except OSError as error:
        raise InputError(
            f"cannot listen at {options.host}:{options.port}: {error.strerror or error}; choose another --host, --port"
        ) from error
    listening.set_inheritable(True)
    return listening

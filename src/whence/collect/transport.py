"""urllib3, told where it may connect to. Imported only when something is collected."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import weakref

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError as HTTPError

from whence.collect.addresses import connect

STALL_S = 30.0
"""A server that says nothing for so long is given up."""


class Sockets:
    """The connections of one run, so that they can be ended from another thread."""

    def __init__(self) -> None:
        self._open: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._lock = threading.Lock()

    def add(self, made: socket.socket) -> None:
        """Remembers a connection for as long as it lives."""
        with self._lock:
            self._open.add(made)

    def end(self) -> None:
        """Ends all of them; who reads from one gets an error at once."""
        with self._lock:
            for made in list(self._open):
                with contextlib.suppress(OSError):
                    made.shutdown(socket.SHUT_RDWR)


def manager(*, anywhere: bool, sockets: Sockets) -> urllib3.PoolManager:
    """A pool of connections.

    Args:
        anywhere: To private addresses too.
        sockets: Where connections are noted.
    """

    def opened(connection: HTTPConnection) -> socket.socket:
        return connect(connection.host, connection.port or 80, STALL_S, anywhere=anywhere, note=sockets.add)

    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return opened(self)

    class Secure(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return opened(self)

        def connect(self) -> None:
            super().connect()
            if isinstance(self.sock, socket.socket):
                sockets.add(self.sock)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    made = urllib3.PoolManager(num_pools=16, maxsize=16, ssl_context=_context(), retries=False)
    made.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}
    return made


def _context() -> ssl.SSLContext:
    """The system's certificates; where it has none, as Python on macOS, those of certifi."""
    context = ssl.create_default_context()
    if not context.cert_store_stats()["x509_ca"]:
        import certifi

        context.load_verify_locations(certifi.where())
    return context

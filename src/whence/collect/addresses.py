"""Which addresses may be spoken to: what others name in their answers must not lead into the user's own network."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from whence.errors import CollectError

_PORTS = {"http": 80, "https": 443}
_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host and port: whom one speaks to."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> Origin:
        """Of an address.

        Raises:
            CollectError: It is no address of the web, or holds a password.
        """
        try:
            parts = urlsplit(url)
            scheme, host, port = parts.scheme, parts.hostname, parts.port
            user = parts.username or parts.password
        except ValueError:
            scheme, host, port, user = "", None, None, None
        if scheme not in _PORTS or not host or user or not url.isprintable() or " " in url:
            raise CollectError(f"{shown(url)} is no address that may be asked; expected http:// or https:// and a host")
        return cls(scheme, host.rstrip("."), port or _PORTS[scheme])


def shown(url: str) -> str:
    """An address for a message: without what follows ``?``, which may hold keys, and not too long."""
    plain = url.split("?")[0].split("#")[0]
    name = plain if "@" not in plain else plain.split("://")[0] + "://***@" + plain.rsplit("@", 1)[1]
    return ascii(name)[1:-1][:160]


def public(address: str) -> bool:
    """Whether a numeric address is one of the public internet: not loopback, private, link-local, shared or reserved.

    >>> public("8.8.8.8"), public("192.168.1.1"), public("::ffff:127.0.0.1"), public("169.254.169.254")
    (True, False, False, False)
    """
    try:
        found = ipaddress.ip_address(address.split("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo or (None, None))[1]
        if found in _TRANSLATED:
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if inner is not None:
            found = inner
    return found.is_global and not found.is_multicast and not found.is_reserved


class ForbiddenError(Exception):
    """A host has no address that may be spoken to."""


def connect(
    host: str, port: int, timeout_s: float, *, anywhere: bool, note: Callable[[socket.socket], None]
) -> socket.socket:
    """A connection to a host, whose addresses are looked up once and judged before anything is sent there.

    Args:
        host: Name or number.
        port: TCP.
        timeout_s: For each address.
        anywhere: Private addresses too.
        note: Called with each socket before it connects.

    Raises:
        ForbiddenError: All its addresses are private.
        OSError: No such host, or it cannot be reached.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    allowed = [entry for entry in found if anywhere or public(str(entry[4][0]))]
    if not allowed:
        raise ForbiddenError(f"{host} is an address of this computer or its network")
    failure: OSError = OSError("no address")
    for family, kind, protocol, _, address in allowed:
        made = socket.socket(family, kind, protocol)
        try:
            note(made)
            made.settimeout(timeout_s)
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            made.connect(address)
        except OSError as error:
            made.close()
            failure = error
        else:
            return made
    raise failure

"""Requests: paced, repeated where that helps, never to where they must not go, with answers of bounded size."""

from __future__ import annotations

import json
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode, urljoin

import whence
from whence.collect.addresses import ForbiddenError, Origin, shown
from whence.collect.keys import Secret
from whence.collect.pacing import Gate, Pace, StoppedError, pause, retry_after_s
from whence.errors import CollectError, InputError, MissingExtraError

if TYPE_CHECKING:
    from urllib3.response import BaseHTTPResponse

T = TypeVar("T")

_HOPS = 5
_MOST_JSON = 64 * 2**20
_CHUNK = 2**16
_MOVED = (301, 302, 303, 307, 308)
LATER = (408, 425, 429, 500, 502, 503, 504)
"""Statuses that may pass."""
_PICTURES_PER_S = 5.0
"""From hosts that only give pictures."""


class RestError(CollectError):
    """A server wants to be left alone for longer than is waited."""


class AgainError(Exception):
    """A request failed in a way that may pass.

    Args:
        reason: In words.
        wait_s: What the server asked for; None to choose.
    """

    def __init__(self, reason: str, wait_s: float | None = None) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


@dataclass(frozen=True, slots=True)
class Reply:
    """What a service answered.

    Attributes:
        status: Of HTTP.
        data: The JSON; None where it was none.
    """

    status: int
    data: Any


class Client:
    """All requests of one run.

    Args:
        base: Address of the service.
        own: Whether the user named that address himself: it may then lie in his own network.
        per_second: Requests to the service.
        contact: Whom operators may write to; goes into the User-Agent.
        secret: The user's key. Requests that carry it never leave the service's own host.
        pace: Patience.
        notice: Called with what the user may want to know, from whatever thread.

    Raises:
        InputError: The contact cannot go into a header.
        MissingExtraError: The HTTP library is not installed.
    """

    def __init__(
        self,
        base: str,
        *,
        own: bool = False,
        per_second: float = 1.0,
        contact: str = "",
        secret: Secret | None = None,
        pace: Pace | None = None,
        notice: Callable[[str], None] | None = None,
    ) -> None:
        try:
            from whence.collect import transport
        except ImportError as error:
            raise MissingExtraError("collected photos", "collect") from error
        if contact and not re.fullmatch(r"[ -~]{3,200}", contact):
            raise InputError("--contact: expected a mail address or a page, in plain characters")
        self._base, self._secret = Origin.of(base), secret
        self._per_second, self.pace, self._notice = per_second, pace or Pace(), notice or (lambda words: None)
        self.stop = threading.Event()
        self._sockets = transport.Sockets()
        self._public = transport.manager(anywhere=False, sockets=self._sockets)
        self._private = transport.manager(anywhere=True, sockets=self._sockets) if own else None
        self._failure: type[Exception] = transport.HTTPError
        self._stall_s = transport.STALL_S
        self._gates: dict[str, Gate] = {}
        self._lock = threading.Lock()
        self._agent = f"whence/{whence.__version__} (photo geolocalisation; {contact or 'no contact given'}) urllib3"
        self.requests = 0

    def end(self) -> None:
        """Ends all requests, from whatever thread; they raise ``StoppedError``."""
        self.stop.set()
        self._sockets.end()

    def ask(
        self,
        url: str,
        parameters: Mapping[str, str],
        *,
        post: bool = False,
        headers: Mapping[str, str] | None = None,
        later: Callable[[Reply], bool] = lambda reply: False,
        bear: Callable[[Reply], bool] = lambda reply: False,
    ) -> Reply:
        """JSON of the service.

        Args:
            url: Its address, without parameters.
            parameters: What to ask.
            post: Sends them as a form: keys then stand in no address, which servers and proxies write down.
            headers: Beside the usual ones.
            later: Which answers mean that the service has no time right now, beside the statuses that say so.
            bear: Which refusals the caller wants to see.

        Raises:
            CollectError: It refuses, cannot be reached, or gives no JSON.
            StoppedError: The run ended.
        """
        if self._secret is not None and Origin.of(url) != self._base:
            raise CollectError(f"{self._base.host} names {shown(url)}; requests with a key do not go there")
        query = urlencode(parameters)
        sent = {"Accept": "application/json", "Accept-Encoding": "gzip", **(headers or {})}
        body = query.encode() if post else None
        if post:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        address = url if post or not query else f"{url}{'&' if '?' in url else '?'}{query}"

        def once() -> Reply:
            with self.opened(address, sent, body=body, secret=self._secret is not None) as answer:
                text = self._text(answer)
                reply = Reply(answer.status, _parsed(text))
                if bear(reply):
                    return reply
                wait_s = retry_after_s(answer.headers.get("Retry-After"))
            if reply.status in LATER or later(reply):
                raise AgainError(self._refused(url, reply), wait_s)
            if reply.status != 200 or reply.data is None:
                raise CollectError(self._refused(url, reply))
            return reply

        return self.persist(url, once)

    def persist(self, url: str, once: Callable[[], T]) -> T:
        """Does something until it works, with longer and longer waits.

        Raises:
            CollectError: It does not.
            StoppedError: The run ended.
        """
        for failures in range(1, self.pace.tries + 1):
            try:
                return once()
            except AgainError as error:
                reason, asked = str(error), error.wait_s
            if self.stop.is_set():
                raise StoppedError
            if asked is not None and asked > self.pace.patience_s:
                minutes = -(-asked // 60)
                raise RestError(f"{reason}, and wants to be left alone for {minutes:.0f} minutes; run it again then")
            if failures == self.pace.tries:
                break
            wait_s = self.pace.wait_s(failures) if asked is None else asked
            if wait_s >= self.pace.told_s:
                self._notice(f"{reason}; waiting {wait_s:.0f} s")
            if asked is None:
                pause(wait_s, self.stop)
            else:
                self._gate(Origin.of(url)).hold(asked)
        raise CollectError(f"{reason} ({self.pace.tries} tries)")

    @contextmanager
    def opened(
        self, url: str, headers: Mapping[str, str], *, body: bytes | None = None, secret: bool = False
    ) -> Iterator[BaseHTTPResponse]:
        """The answer to a request, redirects followed, with its body still to be read.

        Args:
            url: Whom to ask.
            headers: Beside the User-Agent.
            body: Of a form; None to get.
            secret: Whether the request carries a key, and must not go to another host.

        Raises:
            AgainError: The server cannot be reached, or the answer breaks off.
            CollectError: The address leads to where it must not.
            StoppedError: The run ended.
        """
        answer = self._followed(url, headers, body, secret)
        try:
            yield answer
        except (self._failure, OSError) as error:
            if self.stop.is_set():
                raise StoppedError from None
            raise AgainError(f"{Origin.of(url).host}: {_words(error)}") from None
        finally:
            answer.close()

    def _followed(self, url: str, headers: Mapping[str, str], body: bytes | None, secret: bool) -> BaseHTTPResponse:
        origin, before = Origin.of(url), self._base
        for _ in range(_HOPS + 1):
            answer = self._once(url, origin, headers, body, trusted=before == self._base)
            target = answer.headers.get("Location")
            if answer.status not in _MOVED or target is None:
                return answer
            answer.close()
            before, url = origin, urljoin(url, target)
            origin = Origin.of(url)
            if origin.scheme == "http" and before.scheme == "https":
                raise CollectError(f"{before.host} leads to {shown(url)}, which is not encrypted")
            if secret and origin != before:
                raise CollectError(f"{before.host} leads to {origin.host}; requests with a key do not go there")
            if body is not None and answer.status not in (307, 308):
                raise CollectError(f"{before.host} leads elsewhere, {shown(url)}; name the service's address by --base")
        raise CollectError(f"{before.host} leads from address to address without end")

    def _once(
        self, url: str, origin: Origin, headers: Mapping[str, str], body: bytes | None, *, trusted: bool
    ) -> BaseHTTPResponse:
        self._gate(origin).enter()
        with self._lock:
            self.requests += 1
        private = self._private if trusted and origin == self._base else None
        try:
            answer: BaseHTTPResponse = (private or self._public).request(
                "GET" if body is None else "POST",
                url,
                body=body,
                headers={"User-Agent": self._agent, **headers},
                redirect=False,
                retries=False,
                preload_content=False,
                timeout=self._stall_s,
            )
        except ForbiddenError as error:
            raise CollectError(f"{shown(url)} must not be asked: {error}") from None
        except (self._failure, OSError) as error:
            if self.stop.is_set():
                raise StoppedError from None
            words = f"{origin.host}: {_words(error)}"
            if _for_good(error):
                raise CollectError(words) from None
            raise AgainError(words) from None
        except ValueError:
            raise CollectError(f"{shown(url)} is no address that may be asked") from None
        return answer

    def _gate(self, origin: Origin) -> Gate:
        with self._lock:
            per_second = self._per_second if origin.host == self._base.host else _PICTURES_PER_S
            return self._gates.setdefault(origin.host, Gate(per_second, self.stop))

    def _text(self, answer: BaseHTTPResponse) -> bytes:
        parts, size = [], 0
        while part := answer.read1(_CHUNK, decode_content=True):
            size += len(part)
            if size > _MOST_JSON:
                raise CollectError(f"{self._base.host} answers with more than {_MOST_JSON >> 20} MB")
            if self.stop.is_set():
                raise StoppedError
            parts.append(part)
        return b"".join(parts)

    def _refused(self, url: str, reply: Reply) -> str:
        if reply.status == 200 and reply.data is None:
            return f"{shown(url)} does not answer in JSON"
        said = _said(reply.data)
        words = f"{Origin.of(url).host} says {reply.status}" + (f": {said}" if said else "")
        return self._secret.masked(words) if self._secret else words


def _parsed(text: bytes) -> Any:
    try:
        return json.loads(text, parse_constant=lambda name: None)
    except (ValueError, RecursionError):
        return None


def _said(data: Any) -> str:
    """What an answer says went wrong, in one line."""
    for name in ("error", "message", "info", "detail", "description"):
        if isinstance(data, dict) and name in data:
            inner = data[name]
            return _said(inner) if isinstance(inner, dict) else " ".join(str(inner).split())[:160]
    return ""


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error, and what it came from."""
    link: BaseException | None = error
    while link is not None:
        yield link
        link = link.__cause__ or link.__context__


def _for_good(error: Exception) -> bool:
    """Whether the same would happen again: no such host, or a certificate that is not good."""
    return any(
        isinstance(link, ssl.SSLCertVerificationError)
        or (isinstance(link, socket.gaierror) and link.errno == socket.EAI_NONAME)
        for link in _chain(error)
    )


def _words(error: Exception) -> str:
    """A reason without addresses, which the libraries' own words hold."""
    for link in _chain(error):
        if isinstance(link, OSError) and link.strerror:
            return str(link.strerror)
    name = type(error).__name__
    if "Timeout" in name:
        return "no answer in time"
    return {"IncompleteRead": "the answer breaks off", "ProtocolError": "the connection broke off"}.get(name, name)

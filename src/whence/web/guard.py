"""Who may ask: the right name of the server, the right token, no page of somebody else; and headers of safety.

A plain ASGI layer around everything, so that nothing is read of a request that is refused.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from whence.web.options import MEGABYTE, ServeOptions
from whence.web.problems import ProblemError

COOKIE = "whence_token"
API = "/api/"
LOGIN = "/login"
"""The form that takes the token, and sets the cookie."""
_OPEN = frozenset({"/api/v1/health/live", "/api/v1/health/ready", LOGIN})
"""They tell nothing but that the server is there."""
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "geolocation=(), microphone=()",
}
_API_CSP = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"


class Guard:
    """Around an application."""

    def __init__(
        self,
        app: ASGIApp,
        options: ServeOptions,
        page_csp: str,
        refused: Callable[[int], None] = lambda status: None,
    ) -> None:
        """
        Args:
            app: To guard.
            options: Of the server.
            page_csp: Content security policy of what is not the interface for programs.
            refused: Called with the status of each request for the interface that is refused here.
        """
        self._app, self._options, self._page_csp, self._refused = app, options, page_csp, refused
        self._names = _LOCAL | {options.host.lower(), *options.hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        try:
            self._check_host(headers)
            self._check_token(scope, headers)
            self._check_origin(scope, headers)
            most = self._most_bytes(scope)
            if int(headers.get("content-length") or 0) > most:
                raise _too_large(most)
        except ProblemError as problem:
            await self._refuse(problem, scope, receive, send)
            return
        except ValueError:
            await self._refuse(ProblemError(400, "bad-request", "Content-Length is no number"), scope, receive, send)
            return
        if scope["type"] == "websocket":
            await self._app(scope, receive, send)
            return
        await self._app(scope, self._limited(receive, most), self._dressed(scope, send))

    def _check_host(self, headers: Headers) -> None:
        """Another name than ours in the address: a page elsewhere whose name was made to lead here (DNS rebinding)."""
        if self._options.host in ("0.0.0.0", "::") and not self._options.hosts:
            return
        name = _host(headers.get("host", ""))
        if name not in self._names:
            raise ProblemError(
                421, "wrong-host", f"this server is not {name or 'nameless'}; start it with --allow-host"
            )

    def _check_token(self, scope: Scope, headers: Headers) -> None:
        tokens = self._options.tokens
        if tokens and scope["path"] not in _OPEN and not is_token(token_of(headers), *tokens):
            raise ProblemError(401, "no-token", "a token is needed: Authorization: Bearer ...")

    def _check_origin(self, scope: Scope, headers: Headers) -> None:
        """What changes something, or opens a socket, may not come from a page of another server."""
        if scope["type"] == "http" and scope["method"] in _SAFE:
            return
        origin = headers.get("origin")
        site = headers.get("sec-fetch-site", "")
        foreign = site not in ("", "same-origin", "none")
        if origin is not None and origin != "null":
            foreign = foreign or urlsplit(origin).netloc.lower() != headers.get("host", "").lower()
        if foreign or origin == "null":
            raise ProblemError(403, "cross-site", "requests from pages of other servers are refused")

    def _most_bytes(self, scope: Scope) -> int:
        batch = scope["path"].rstrip("/") == "/api/v1/jobs"
        return (self._options.batch_mb if batch else self._options.upload_mb) * MEGABYTE

    def _dressed(self, scope: Scope, send: Send) -> Send:
        """Answers with the headers of safety."""
        policy = _API_CSP if scope["path"].startswith(API) else self._page_csp

        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Content-Security-Policy", policy)
                if scope["path"].startswith(API):
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        return dressed

    def _limited(self, receive: Receive, most: int) -> Receive:
        """Counts what comes in, whatever was announced, and lets go where it is too much."""
        came = 0

        async def counted() -> Message:
            nonlocal came
            message = await receive()
            came += len(message.get("body", b""))
            if came > most:
                raise _too_large(most)
            return message

        return counted

    async def _refuse(self, problem: ProblemError, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 4000 + problem.status, "reason": problem.kind})
            return
        if scope["path"].startswith(API):
            self._refused(problem.status)
        answer: Response = problem.response()
        page = not scope["path"].startswith(API) and scope["method"] == "GET"
        if problem.status == 401 and page and "text/html" in Headers(scope=scope).get("accept", ""):
            answer = RedirectResponse(scope.get("root_path", "") + LOGIN, 303)
        await answer(scope, receive, self._dressed(scope, send))


def token_of(headers: Headers) -> str:
    """What a request shows; empty if that is nothing."""
    said = headers.get("authorization", "")
    return said[7:] if said[:7].lower() == "bearer " else _cookie(headers.get("cookie", ""))


def is_token(given: str, *tokens: str) -> bool:
    """Whether it is one of them; takes as long whatever is given."""
    shown = given.encode("utf-8", "surrogateescape")
    return sum(hmac.compare_digest(shown, token.encode()) for token in tokens) > 0


def _too_large(most: int) -> ProblemError:
    return ProblemError(413, "too-large", f"the request is larger than the {most // MEGABYTE} MB allowed")


def _host(said: str) -> str:
    """The name in a Host header, without the port."""
    said = said.strip().lower()
    if said.startswith("["):
        return said[1:].partition("]")[0]
    return said.partition(":")[0]


def _cookie(said: str) -> str:
    try:
        found = SimpleCookie(said).get(COOKIE)
    except CookieError:
        return ""
    return "" if found is None else found.value

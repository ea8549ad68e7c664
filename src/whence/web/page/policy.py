"""What the browser lets the page do: its own scripts run, named by a number that nobody guesses, and nothing else."""

from __future__ import annotations

import re
import secrets

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_SCRIPT = re.compile(rb"<script(?=[\s>])")
_CSP = (
    "default-src 'none'; script-src 'self'{nonce}; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob: https://tile.openstreetmap.org; font-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
STATIC_CSP = _CSP.format(nonce="")
"""Of what comes with a page. Styles may be inline: Quasar, Vue and Leaflet set them on elements, and NiceGUI adds some
by script. Nothing comes from elsewhere, tiles excepted, and no text becomes script: all components draw by functions,
since the templates of Vue would have to be compiled (``unsafe-eval``)."""


class Nonced:
    """Around NiceGUI: its pages start by scripts within, each of which gets the number of its page."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http" or "text/html" not in Headers(scope=scope).get("accept", ""):
            await self._app(scope, receive, send)
            return
        plain = [pair for pair in scope["headers"] if pair[0] != b"accept-encoding"]
        begun: list[Message] = []
        parts: list[bytes] = []

        async def held(message: Message) -> None:
            if message["type"] == "http.response.start":
                if _is_page(message):
                    begun.append(message)
                    return
            elif begun:
                parts.append(message.get("body", b""))
                if not message.get("more_body", False):
                    await _sent(begun[0], b"".join(parts), send)
                return
            await send(message)

        await self._app({**scope, "headers": plain}, receive, held)


def _is_page(message: Message) -> bool:
    return Headers(raw=message["headers"]).get("content-type", "").startswith("text/html")


async def _sent(start: Message, page: bytes, send: Send) -> None:
    nonce = secrets.token_urlsafe(16)
    page = _SCRIPT.sub(f'<script nonce="{nonce}"'.encode(), page)
    headers = MutableHeaders(scope=start)
    headers["Content-Length"] = str(len(page))
    headers["Content-Security-Policy"] = _CSP.format(nonce=f" 'nonce-{nonce}'")
    await send(start)
    await send({"type": "http.response.body", "body": page})

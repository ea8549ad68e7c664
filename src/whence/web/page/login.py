"""The form that takes the token, for browsers: they cannot send it otherwise."""

from __future__ import annotations

from importlib.resources import files
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from whence.present.page import text
from whence.web.guard import COOKIE, LOGIN, is_token
from whence.web.state import client_of, state_of

router = APIRouter()
_CSP = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
_DAYS = 30
_LONGEST = 4096


@router.get(LOGIN)
async def form(request: Request) -> Response:
    """Asks for the token, where there is one."""
    options = state_of(request).options
    return _form("") if options.token or options.review_token else _home(request)


@router.post(LOGIN)
async def enter(request: Request, token: Annotated[str, Form(max_length=_LONGEST)] = "") -> Response:
    """Lets those in who know it."""
    state = state_of(request)
    tokens = [one for one in (state.options.token, state.options.review_token) if one]
    if not tokens:
        return _home(request)
    state.rate.take(client_of(request))
    if not is_token(token.strip(), *tokens):
        return _form("That is not the token. Whoever started the server knows it.", 401)
    answer = _home(request)
    answer.set_cookie(
        COOKIE,
        token.strip(),
        max_age=_DAYS * 86400,
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )
    return answer


def _home(request: Request) -> Response:
    return RedirectResponse(request.scope.get("root_path", "") + "/", 303)


def _form(problem: str, status: int = 200) -> HTMLResponse:
    page = files("whence.web.page").joinpath("login.html").read_text(encoding="utf-8")
    said = f'<p id="problem" role="alert">{text(problem)}</p>' if problem else ""
    # Without any referrer browsers would send the form as from nowhere, and what comes from nowhere is refused.
    headers = {"Content-Security-Policy": _CSP, "Cache-Control": "no-store", "Referrer-Policy": "same-origin"}
    return HTMLResponse(page.replace("<!-- problem -->", said), status, headers)

"""Errors as problem details (RFC 9457): one shape for all that can go wrong."""

from __future__ import annotations

import math
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from whence.errors import GalleryError, InputError, PhotoError

MEDIA_TYPE = "application/problem+json"
_PREFIX = "urn:whence:problem:"
SCHEMA: dict[str, Any] = {
    "title": "Problem",
    "description": "What went wrong (RFC 9457).",
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "description": "Tells problems of one status apart; see the operation."},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string", "description": "For people: what was given, what was expected, what to do."},
    },
}


class ProblemError(Exception):
    """An answer other than the one asked for.

    Args:
        status: Of HTTP.
        kind: Last part of its type.
        detail: For the person at the keyboard.
        retry_after_s: When to try again; None where that would not help.
    """

    def __init__(self, status: int, kind: str, detail: str, retry_after_s: float | None = None) -> None:
        super().__init__(detail)
        self.status, self.kind, self.detail, self.retry_after_s = status, kind, detail, retry_after_s

    def body(self) -> dict[str, Any]:
        """As JSON types."""
        title = HTTPStatus(self.status).phrase
        return {"type": _PREFIX + self.kind, "title": title, "status": self.status, "detail": self.detail}

    def headers(self) -> dict[str, str]:
        """Beside the body."""
        found = {} if self.retry_after_s is None else {"Retry-After": str(max(1, math.ceil(self.retry_after_s)))}
        if self.status == 401:
            found["WWW-Authenticate"] = "Bearer"
        return found

    def response(self) -> JSONResponse:
        """To be sent."""
        return JSONResponse(self.body(), self.status, self.headers(), MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Lets an application answer all errors as problems."""
    app.add_exception_handler(ProblemError, _problem)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    for kind in (PhotoError, InputError, GalleryError):
        app.add_exception_handler(kind, _ours)
    app.add_exception_handler(Exception, _unexpected)


async def _problem(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ProblemError)
    return error.response()


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    kind = {404: "not-found", 405: "method-not-allowed", 400: "bad-request"}.get(error.status_code, "http")
    answer = ProblemError(error.status_code, kind, str(error.detail)).response()
    answer.headers.update(error.headers or {})
    return answer


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    said = [f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in error.errors()[:3]]
    return ProblemError(422, "invalid-request", "; ".join(said)).response()


async def _ours(request: Request, error: Exception) -> JSONResponse:
    if isinstance(error, PhotoError):
        return ProblemError(422, "unusable-photo", str(error)).response()
    if isinstance(error, InputError):
        return ProblemError(422, "invalid-request", str(error)).response()
    return ProblemError(503, "gallery", str(error), retry_after_s=10.0).response()


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    """Nothing of the inside leaves the server; its log has it."""
    return ProblemError(500, "internal", "the server failed; its log says why").response()

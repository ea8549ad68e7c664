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


class ProblemError(HTTPException):
    """An answer other than the one asked for. Of a kind that FastAPI lets through while it reads a body.

    Args:
        status: Of HTTP.
        kind: Last part of its type.
        detail: For the person at the keyboard.
        retry_after_s: When to try again; None where that would not help.
    """

    def __init__(self, status: int, kind: str, detail: str, retry_after_s: float | None = None) -> None:
        super().__init__(status, _clean(detail))
        self.status, self.kind, self.retry_after_s = status, kind, retry_after_s

    def body(self) -> dict[str, Any]:
        """As JSON types."""
        title = HTTPStatus(self.status).phrase
        return {"type": _PREFIX + self.kind, "title": title, "status": self.status, "detail": self.detail}

    def more_headers(self) -> dict[str, str]:
        """Beside the body."""
        found = {} if self.retry_after_s is None else {"Retry-After": str(max(1, math.ceil(self.retry_after_s)))}
        if self.status == 401:
            found["WWW-Authenticate"] = "Bearer"
        if self.status == 408:
            found["Connection"] = "close"
        return found

    def response(self) -> JSONResponse:
        """To be sent."""
        return JSONResponse(self.body(), self.status, self.more_headers(), MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Lets an application answer all errors as problems."""
    app.add_exception_handler(ProblemError, _problem)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    for kind in (PhotoError, InputError, GalleryError):
        app.add_exception_handler(kind, _ours)


async def _problem(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ProblemError)
    return error.response()


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    if isinstance(error.__cause__, OSError):  # while the body was written to a temporary file
        return no_room().response()
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
        return ProblemError(422, "unusable-photo", words(error)).response()
    if isinstance(error, InputError):
        return ProblemError(422, "invalid-request", words(error)).response()
    return ProblemError(503, "gallery", words(error), retry_after_s=10.0).response()


def words(error: Exception) -> str:
    """What may be said of an error: errors of the gallery name folders of the server."""
    if isinstance(error, InputError):
        return _clean(str(error))
    if isinstance(error, GalleryError):
        return "the gallery cannot be read now; try again in a while"
    return "the server failed; its log says why"


def no_room() -> ProblemError:
    """For an upload that cannot be kept."""
    return ProblemError(507, "no-room", "the server has no room for the upload now; send less, or try again later")


def _clean(said: str) -> str:
    """Without the halves of characters, which no answer can carry."""
    return said.encode("utf-8", "replace").decode()

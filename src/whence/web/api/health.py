"""For supervisors and Prometheus."""

from __future__ import annotations

from anyio import to_thread
from fastapi import APIRouter, Request, Response

from whence.web.api.shapes import Health, Responses, problems
from whence.web.metrics import CONTENT_TYPE
from whence.web.problems import ProblemError
from whence.web.state import state_of

router = APIRouter(tags=["health"])
_TEXT: Responses = {200: {"description": "In the format of Prometheus.", "content": {"text/plain": {}}}}


_ASKED = {status: told for status, told in problems(503).items() if status not in (401, 403)}


@router.get("/health/live", responses={status: told for status, told in _ASKED.items() if status != 503})
async def live() -> Health:
    """The server runs."""
    return Health()


@router.get("/health/ready", responses=_ASKED)
async def ready(request: Request) -> Health:
    """The gallery can be read."""
    if not await to_thread.run_sync(state_of(request).service.is_ready):
        raise ProblemError(503, "gallery", "the gallery cannot be read now; try again in a while", retry_after_s=10.0)
    return Health()


@router.get("/metrics", responses=_TEXT | problems(), response_class=Response)
async def metrics(request: Request) -> Response:
    """Figures of the server."""
    return Response(state_of(request).metrics.text(), media_type=CONTENT_TYPE)

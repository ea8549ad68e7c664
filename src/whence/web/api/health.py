"""For supervisors and Prometheus."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from whence.web.api.shapes import Health, Responses, problems
from whence.web.metrics import CONTENT_TYPE
from whence.web.state import state_of

router = APIRouter(tags=["health"])
_TEXT: Responses = {200: {"description": "In the format of Prometheus.", "content": {"text/plain": {}}}}


@router.get("/health/live")
async def live() -> Health:
    """The server runs."""
    return Health()


@router.get("/health/ready")
async def ready() -> Health:
    """The gallery is open: it was before anything could be asked."""
    return Health()


@router.get("/metrics", responses=_TEXT | problems(), response_class=Response)
async def metrics(request: Request) -> Response:
    """Figures of the server."""
    return Response(state_of(request).metrics.text(), media_type=CONTENT_TYPE)

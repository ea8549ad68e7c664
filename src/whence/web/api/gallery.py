"""The gallery: what it holds, its photos by place and time, their thumbnails."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from anyio import to_thread
from fastapi import APIRouter, Query, Request, Response

from whence.gallery.gallery import Gallery
from whence.gallery.summary import summary
from whence.locate.tried import expected_of
from whence.web.api.conditions import conditions
from whence.web.api.shapes import Expected, GalleryFacts, PhotoFacts, PhotoList, Point, Responses, problems
from whence.web.problems import ProblemError
from whence.web.state import state_of

router = APIRouter(prefix="/gallery", tags=["gallery"])
_PICTURE: Responses = {200: {"description": "A small picture.", "content": {"image/jpeg": {}}}}


@router.get("", responses=problems(503))
async def facts(request: Request) -> GalleryFacts:
    """What the gallery holds, and what to expect of it."""
    service = state_of(request).service
    return await to_thread.run_sync(service.read, _facts)


def _facts(gallery: Gallery) -> GalleryFacts:
    found, expected = summary(gallery), expected_of(gallery)
    return GalleryFacts(
        photos=found["photos"],
        coordinates=found["coordinates"],
        extent=found["extent"],
        tolerance_m=found["tolerance_m"],
        recipe=found["recipe"],
        expected=None if expected is None else _expected(expected),
    )


def _expected(found: dict[str, Any]) -> Expected:
    return Expected(
        asked=found["asked"],
        share_right=found["within_tolerance"],
        share_unsure=found["unsure"],
        strangers=found["strangers"],
        strangers_located=found["strangers_located"],
    )


@router.get("/photos", responses=problems(422, 503))
async def photos(
    request: Request,
    near: Annotated[str | None, Query(description="Around A,B (latitude,longitude or x,y).")] = None,
    radius_m: Annotated[float | None, Query(description="So many metres around `near`.")] = None,
    bbox: Annotated[str | None, Query(description="In S,W,N,E or x_min,y_min,x_max,y_max.")] = None,
    since: Annotated[str | None, Query(description="Of this ISO date or time or later.")] = None,
    until: Annotated[str | None, Query(description="Of this ISO date or time or earlier.")] = None,
    start: Annotated[int, Query(ge=0, description="Leave out so many.")] = 0,
    limit: Annotated[int, Query(ge=1, le=1000, description="At most so many.")] = 100,
) -> PhotoList:
    """Photos that meet all conditions."""
    state = state_of(request)
    gallery = state.service.gallery
    where = conditions(near, radius_m, bbox, since, until)
    rows = np.flatnonzero(gallery.allowed(where)) if where else np.arange(len(gallery))
    some = rows[start : start + limit].tolist()
    return PhotoList(total=len(rows), photos=[_photo(gallery, row, state.options.private) for row in some])


@router.get("/photos/{id}", responses=problems(404, 503))
async def photo(request: Request, id: str) -> PhotoFacts:
    """One photo."""
    state = state_of(request)
    return _photo(state.service.gallery, _row(state.service.gallery, id), state.options.private)


@router.get("/photos/{id}/thumbnail", responses=_PICTURE | problems(404, 503), response_class=Response)
async def thumbnail(request: Request, id: str) -> Response:
    """A small picture of a photo, without what its file says of it."""
    service = state_of(request).service
    data = await to_thread.run_sync(service.read, lambda gallery: gallery.thumbnails([_row(gallery, id)])[0])
    if not data:
        raise ProblemError(404, "no-thumbnail", "the gallery keeps no small pictures")
    return Response(data, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=86400, immutable"})


def _row(gallery: Gallery, id: str) -> int:
    row = gallery.by_hash.get(id)
    if row is None:
        raise ProblemError(404, "no-photo", "no such photo in the gallery")
    return row


def _photo(gallery: Gallery, row: int, private: bool) -> PhotoFacts:
    found, time = gallery.photos[row], gallery.times[row]
    return PhotoFacts(
        id=found.content_hash,
        path=None if private else found.path,
        position=Point.of(found.position),
        heading_deg=found.heading_deg,
        time=None if np.isnat(time) else str(time.astype("datetime64[s]")),
        group=None if private else found.group,
        position_source=found.position_source,
    )

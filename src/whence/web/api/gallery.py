"""The gallery: what it holds, its photos by place and time, their thumbnails."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any

import numpy as np
from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Query, Request, Response

from whence.gallery.gallery import Gallery
from whence.gallery.summary import summary
from whence.locate.evidence import pixels_of
from whence.locate.tried import expected_of
from whence.present.page import jpeg, shrunk
from whence.types import Crs
from whence.web.api.conditions import conditions
from whence.web.api.shapes import Expected, GalleryFacts, MapPoints, PhotoFacts, PhotoList, Point, Responses, problems
from whence.web.problems import ProblemError
from whence.web.state import check_reviewer, state_of

router = APIRouter(prefix="/gallery", tags=["gallery"])
_SCREEN = 1600
"""Longest side of a picture, in pixels."""
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
    return _photo(state.service.gallery, row_of(state.service.gallery, id), state.options.private)


@router.delete("/photos/{id}", status_code=204, responses=problems(404, 409, 503))
async def remove(request: Request, id: str) -> None:
    """Takes a photo out of the gallery, where the server allows changes; its file stays as it is."""
    check_reviewer(request)
    await to_thread.run_sync(state_of(request).service.remove, id)


@router.get("/photos/{id}/thumbnail", responses=_PICTURE | problems(404, 503), response_class=Response)
async def thumbnail(request: Request, id: str) -> Response:
    """A small picture of a photo, without what its file says of it."""
    service = state_of(request).service
    data = await to_thread.run_sync(service.read, lambda gallery: gallery.thumbnails([row_of(gallery, id)])[0])
    if not data:
        raise ProblemError(404, "no-thumbnail", "the gallery keeps no small pictures")
    return Response(data, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=86400, immutable"})


@router.get("/photos/{id}/picture", responses=_PICTURE | problems(404, 503), response_class=Response)
async def picture(request: Request, id: str) -> Response:
    """A photo at the size of a screen, without what its file says of it; its thumbnail where the file is gone."""
    state = state_of(request)
    if state.options.private:
        raise ProblemError(404, "no-picture", "this server shows no photos of its gallery")
    data = await to_thread.run_sync(
        state.service.read, lambda gallery: _picture(gallery, row_of(gallery, id)), limiter=_at_once()
    )
    if data is None:
        raise ProblemError(404, "no-picture", "the photo's file is gone, and the gallery keeps no small pictures")
    return Response(data, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=86400, immutable"})


def _picture(gallery: Gallery, row: int) -> bytes | None:
    pixels = pixels_of(gallery, row)
    return None if pixels is None else jpeg(shrunk(pixels, _SCREEN))


@cache
def _at_once() -> CapacityLimiter:
    """Whole photos decoded at a time; made when it is asked for, since it belongs to an event loop."""
    return CapacityLimiter(2)


@router.get("/map", responses=problems(503))
async def map_points(request: Request) -> MapPoints:
    """Where all photos were taken, in little space: for maps of them."""
    return await to_thread.run_sync(_map_points, state_of(request).service.gallery)


def _map_points(gallery: Gallery) -> MapPoints:
    names = sorted({photo.position_source for photo in gallery.photos})
    number = {name: place for place, name in enumerate(names)}
    decimals = 6 if gallery.settings.crs is Crs.WGS84 else 2
    seconds = gallery.times.astype("datetime64[s]")
    known = ~np.isnat(seconds)
    stamps = np.where(known, seconds.astype(np.int64), 0).tolist()
    return MapPoints(
        points=np.round(gallery.coordinates, decimals).ravel().tolist(),
        times=[stamp if is_known else None for stamp, is_known in zip(stamps, known.tolist(), strict=True)],
        sources=[number[photo.position_source] for photo in gallery.photos],
        names=names,
    )


def row_of(gallery: Gallery, id: str) -> int:
    """Of a photo.

    Raises:
        ProblemError: 404.
    """
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

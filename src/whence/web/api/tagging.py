"""Photos given back with a position in their metadata, as somebody accepted it."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form, Request, Response, UploadFile

from whence.web.api.locating import name_of
from whence.web.api.shapes import Responses, problems
from whence.web.problems import ProblemError
from whence.web.state import client_of, state_of
from whence.web.writing import SIDECAR, TYPES, Accepted

router = APIRouter(tags=["locate"])
_FILE: Responses = {
    200: {
        "description": "The photo with the position, all else as it was; or an XMP sidecar to be put beside it.",
        "content": {kind: {} for kind in (*TYPES.values(), SIDECAR)},
        "headers": {
            "Whence-Reason": {
                "description": "Why it is a sidecar, where it is one.",
                "schema": {"type": "string"},
            }
        },
    }
}


@router.post("/tagged", responses=_FILE | problems(408, 409, 422, 429, 503, 507), response_class=Response)
async def tagged(
    request: Request,
    photo: UploadFile,
    lat: Annotated[float, Form(ge=-90, le=90, description="Latitude in degrees, WGS84.")],
    lon: Annotated[float, Form(ge=-180, le=180, description="Longitude in degrees.")],
    radius_m: Annotated[float, Form(ge=0, le=3e7, description="Nine of ten such positions lie within it.")] = 0.0,
    confidence: Annotated[float, Form(ge=0, le=1)] = 0.0,
    heading_deg: Annotated[float | None, Form(ge=0, le=360, description="Of the view, from north.")] = None,
) -> Response:
    """Writes a position into a copy of a photo: picture data stay bit-identical, and nothing is kept here.

    A photo that says itself where it was taken is refused (409). JPEG, PNG and WebP are written to; for all else, and
    for what cannot be written to safely, the answer is an XMP sidecar.
    """
    state = state_of(request)
    state.rate.take(client_of(request))
    accepted = Accepted(lat, lon, radius_m, confidence, heading_deg)
    done = await state.tag(name_of(photo.filename), photo, accepted)
    if done is None:
        raise ProblemError(409, "has-position", "the photo says itself where it was taken; it stays as it is")
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(done.name, safe='')}"}
    if done.reason:
        headers["Whence-Reason"] = done.reason.encode("ascii", "replace").decode()
    return Response(done.data, media_type=done.kind, headers=headers)

"""Photos to positions: one at once, or many as a batch."""

from __future__ import annotations

import shutil
import unicodedata
from itertools import count
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, UploadFile
from fastapi.responses import JSONResponse

from whence.web.api.conditions import Bbox, Near, RadiusM, Since, Until, conditions
from whence.web.api.shapes import JobFacts, Responses, problems
from whence.web.jobs import Job
from whence.web.problems import ProblemError, no_room
from whence.web.receiving import FIELD, received
from whence.web.state import client_of, state_of

router = APIRouter(tags=["locate"])
_ANSWER: Responses = {
    200: {
        "description": "The answer.",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Location"}}},
    }
}
_ANSWERS: Responses = {
    200: {
        "description": "Answers so far, in the order of the photos.",
        "content": {
            "application/json": {"schema": {"type": "array", "items": {"$ref": "#/components/schemas/Location"}}}
        },
    }
}
_PHOTOS = {"type": "array", "minItems": 1, "items": {"type": "string", "format": "binary"}}
_FORM = {"type": "object", "required": [FIELD], "properties": {FIELD: _PHOTOS}}
_BATCH: dict[str, Any] = {
    "requestBody": {"required": True, "content": {"multipart/form-data": {"schema": _FORM}}},
}
"""Written down here, since the request is read by ourselves, as it comes."""
_NAME = 200
"""Characters of a photo's name that are kept."""


@router.post("/locate", responses=_ANSWER | problems(408, 422, 429, 503, 507), response_model=None)
async def locate(
    request: Request,
    photo: UploadFile,
    near: Near = None,
    radius_m: RadiusM = None,
    bbox: Bbox = None,
    since: Since = None,
    until: Until = None,
) -> JSONResponse:
    """Where a photo was taken. Its own position is not looked at, and it is not kept."""
    state = state_of(request)
    state.rate.take(client_of(request))
    where = conditions(near, radius_m, bbox, since, until)
    answer = await state.answer(name_of(photo.filename), photo, where)
    return JSONResponse(answer)


@router.post("/jobs", status_code=202, responses=problems(408, 422, 429, 503, 507), openapi_extra=_BATCH)
async def add_job(request: Request) -> JobFacts:
    """Begins a batch: many photos, answered one after the other in the background."""
    state, client, names = state_of(request), client_of(request), count(1)

    def named(said: str) -> str:
        state.rate.check(client, next(names))  # before the rest is read
        return name_of(said)

    try:
        folder = state.jobs.folder()
    except OSError as error:
        raise no_room() from error
    try:
        photos = await received(request, folder, state.options.batch_photos, named)
        state.rate.take(client, len(photos))
        return facts_of(state.jobs.add(photos, folder))
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


@router.get("/jobs/{id}", responses=problems(404))
async def job(request: Request, id: str) -> JobFacts:
    """How far a batch is."""
    return facts_of(state_of(request).jobs.get(id))


@router.get("/jobs/{id}/results", responses=_ANSWERS | problems(404, 422), response_model=None)
async def results(
    request: Request,
    id: str,
    start: Annotated[int, Query(ge=0, description="Leave out so many answers that are known already.")] = 0,
) -> JSONResponse:
    """Answers of a batch so far."""
    found = state_of(request).jobs.get(id)
    return JSONResponse(found.answers[start:])


@router.delete("/jobs/{id}", responses=problems(404))
async def cancel(request: Request, id: str) -> JobFacts:
    """Stops a batch, and forgets it with all its answers."""
    return facts_of(state_of(request).jobs.cancel(id))


def facts_of(job: Job) -> JobFacts:
    """For its owner."""
    return JobFacts(id=job.id, state=job.state.value, total=len(job.photos), done=len(job.answers), created=job.created)


def name_of(said: str | None) -> str:
    """What the sender calls a photo, without folders and control characters; it names nothing on this computer."""
    name = (said or "photo").replace("\\", "/").rpartition("/")[2]
    if not name or len(name) > 10 * _NAME:
        raise ProblemError(422, "invalid-request", "the photo needs a name of a reasonable length")
    return "".join("?" if unicodedata.category(one) in ("Cc", "Cs") else one for one in name[:_NAME])

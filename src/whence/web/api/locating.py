"""Photos to positions: one at once, or many as a batch."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Form, Query, Request, UploadFile
from fastapi.responses import JSONResponse

from whence.errors import InputError
from whence.gallery.where import Where
from whence.web.api.shapes import JobFacts, Responses, problems
from whence.web.jobs import Job
from whence.web.problems import ProblemError
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
_NAME = 200
"""Characters of a photo's name that are kept."""


@router.post("/locate", responses=_ANSWER | problems(422, 429, 503), response_model=None)
async def locate(
    request: Request,
    photo: UploadFile,
    near: Annotated[str | None, Form(description="Look only around A,B (latitude,longitude or x,y).")] = None,
    radius_m: Annotated[float | None, Form(description="So many metres around `near`.")] = None,
    bbox: Annotated[str | None, Form(description="Look only in S,W,N,E or x_min,y_min,x_max,y_max.")] = None,
    since: Annotated[str | None, Form(description="Only photos of this ISO date or time or later.")] = None,
    until: Annotated[str | None, Form(description="Only photos of this ISO date or time or earlier.")] = None,
) -> JSONResponse:
    """Where a photo was taken. Its own position is not looked at, and it is not kept."""
    state = state_of(request)
    state.rate.take(client_of(request))
    where = Where.parse(near, None, radius_m, bbox, since, until)
    answer = await state.answer(name_of(photo), await photo.read(), where)
    return JSONResponse(answer)


@router.post("/jobs", status_code=202, responses=problems(422, 429, 503))
async def add_job(request: Request, photos: list[UploadFile]) -> JobFacts:
    """Begins a batch: many photos, answered one after the other in the background."""
    state = state_of(request)
    if len(photos) > state.options.batch_photos:
        raise InputError(f"{len(photos)} photos, more than the {state.options.batch_photos} of a batch; send several")
    state.rate.take(client_of(request), len(photos))
    state.jobs.check_room()
    folder = Path(tempfile.mkdtemp(dir=state.jobs.root))
    try:
        kept = []
        for number, photo in enumerate(photos):
            path = folder / f"{number:06d}"
            await to_thread.run_sync(_keep, photo, path)
            kept.append((name_of(photo), path))
        job = state.jobs.add(kept, folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return facts_of(job)


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


def name_of(photo: UploadFile) -> str:
    """What the sender calls a photo, without folders; it names nothing on this computer."""
    name = (photo.filename or "photo").replace("\\", "/").rpartition("/")[2]
    if not name or len(name) > 10 * _NAME:
        raise ProblemError(422, "invalid-request", "the photo needs a name of a reasonable length")
    return name[:_NAME]


def _keep(photo: UploadFile, path: Path) -> None:
    with path.open("wb") as stream:
        shutil.copyfileobj(photo.file, stream)

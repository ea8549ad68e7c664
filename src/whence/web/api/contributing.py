"""Photos that others bring, and the queue of those that a reviewer decides on."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Form, Query, Request, Response, UploadFile

from whence.gallery.gallery import Gallery
from whence.gallery.quarantine import Contribution
from whence.locate.placing import placed
from whence.photos.checks import position_problem
from whence.photos.exif import ExifFacts
from whence.present.page import jpeg
from whence.types import XY, Crs, LatLon, Photo, Position
from whence.web.api.shapes import ContributionFacts, ContributionList, Decision, Point, Responses, Witness, problems
from whence.web.contributions import Contributions
from whence.web.problems import ProblemError
from whence.web.state import State, check_reviewer, client_of, state_of

router = APIRouter(prefix="/contributions", tags=["contribute"])
PIN = "pin"
"""``Photo.position_source`` of a position that a person put on the map."""
_PICTURE: Responses = {200: {"description": "The photo, without what its file says.", "content": {"image/jpeg": {}}}}
_COPY = re.compile(r"(near duplicate of) (?!a photo|another).+")
_Number = Annotated[float | None, Form(allow_inf_nan=False)]


@router.post("", status_code=202, responses=problems(404, 408, 413, 422, 429, 503, 507))
async def contribute(
    request: Request,
    photo: UploadFile,
    lat: _Number = None,
    lon: _Number = None,
    x: _Number = None,
    y: _Number = None,
) -> ContributionFacts:
    """Brings a photo, with a position of its own or one that is said. It is judged in the background."""
    state, taken = state_of(request), _taken(request)
    state.rate.take(client_of(request))
    pin = _pin(lat, lon, x, y, state.service.gallery.settings.crs)
    async with state.gate.enter():
        data = await photo.read()
        decoded = await to_thread.run_sync(state.service.decoded, data)
    known = _placed(pin, decoded.exif, state.service.gallery.settings.crs)
    return await to_thread.run_sync(lambda: _facts(state, [taken.add(known, data)])[0])


@router.get("", responses=problems(403, 404, 503))
async def queue(
    request: Request,
    start: Annotated[int, Query(ge=0, description="Leave out so many.")] = 0,
    limit: Annotated[int, Query(ge=1, le=1000, description="At most so many.")] = 100,
) -> ContributionList:
    """For reviewers: what waits for a decision, the oldest first."""
    state, taken = state_of(request), _taken(request)
    check_reviewer(request)

    def listed() -> ContributionList:
        found = taken.queue()
        return ContributionList(total=len(found), contributions=_facts(state, found[start : start + limit]))

    return await to_thread.run_sync(listed)


@router.get("/{id}", responses=problems(404, 503))
async def contribution(request: Request, id: str) -> ContributionFacts:
    """What became of a photo; its id is known to those who have it."""
    state, taken = state_of(request), _taken(request)
    return await to_thread.run_sync(lambda: _facts(state, [taken.get(id)])[0])


@router.get("/{id}/picture", responses=_PICTURE | problems(403, 404, 422, 503), response_class=Response)
async def picture(request: Request, id: str) -> Response:
    """For reviewers: a photo that waits for a decision."""
    state, taken = state_of(request), _taken(request)
    check_reviewer(request)
    data = await to_thread.run_sync(taken.file, id)
    decoded = await to_thread.run_sync(state.service.decoded, data)
    return Response(await to_thread.run_sync(jpeg, decoded.pixels), media_type="image/jpeg")


@router.post("/{id}/decision", status_code=202, responses=problems(403, 404, 409, 422, 503, 507))
async def decide(request: Request, id: str, decision: Decision) -> ContributionFacts:
    """For reviewers: admits a photo, which is then indexed in the background, or refuses and deletes it."""
    state, taken = state_of(request), _taken(request)
    check_reviewer(request)
    return await to_thread.run_sync(
        lambda: _facts(state, [taken.decide(id, decision.version, admit=decision.admit)])[0]
    )


def _taken(request: Request) -> Contributions:
    found = state_of(request).contributions
    if found is None:
        raise ProblemError(404, "no-contributions", "this server takes no contributions; start it with --contributions")
    return found


def _pin(lat: float | None, lon: float | None, x: float | None, y: float | None, crs: Crs) -> Position | None:
    """What is said of where a photo was taken."""
    said = {"lat": lat, "lon": lon, "x": x, "y": y}
    wanted = ("lat", "lon") if crs is Crs.WGS84 else ("x", "y")
    given = {name: value for name, value in said.items() if value is not None}
    if not given:
        return None
    if set(given) != set(wanted):
        raise ProblemError(422, "invalid-request", f"this gallery's positions are {wanted[0]} and {wanted[1]}")
    pair = (given[wanted[0]], given[wanted[1]])
    position = LatLon(*pair) if crs is Crs.WGS84 else XY(*pair)
    if problem := position_problem(position):
        raise ProblemError(422, "invalid-request", problem)
    return position


def _placed(pin: Position | None, exif: ExifFacts, crs: Crs) -> Photo:
    photo = Photo(Path(), "", position=pin, position_source=PIN if pin else "")
    known, problem = placed(photo, exif)
    if known.position is None:
        raise ProblemError(422, "no-position", f"{problem}; say where it was taken")
    if isinstance(known.position, LatLon) is not (crs is Crs.WGS84):
        raise ProblemError(422, "no-position", "this gallery lies on a plane of its own; say where it was taken there")
    return known


def _facts(state: State, some: Sequence[Contribution]) -> list[ContributionFacts]:
    gallery, private = state.service.gallery, state.options.private
    wanted = {path for one in some for path in one.witnesses}
    rows = {photo.path: row for row, photo in enumerate(gallery.photos) if photo.path in wanted} if wanted else {}
    return [
        ContributionFacts(
            id=one.id,
            version=one.version,
            verdict=one.verdict.value,
            reason=_reason(one, private),
            position=Point.of(one.position),
            position_source=one.facts.get("position_source", ""),
            time=one.facts.get("time"),
            heading_deg=one.facts.get("heading_deg"),
            off_m=one.off_m,
            witnesses=[_witness(gallery, rows[path], private) for path in one.witnesses if path in rows],
        )
        for one in some
    ]


def _witness(gallery: Gallery, row: int, private: bool) -> Witness:
    photo = gallery.photos[row]
    return Witness(id=photo.content_hash, path=None if private else photo.path, position=Point.of(photo.position))


def _reason(one: Contribution, private: bool) -> str:
    """In words, without the paths of this computer."""
    said = one.reason
    for path in sorted(one.witnesses, key=len, reverse=True):
        known = path.replace("\\", "/").rpartition("/")[2]
        said = said.replace(path, "a photo of the gallery" if private else known)
    folder = re.escape(os.path.dirname(one.path))  # noqa: PTH120 -- as text
    said = re.sub(rf"{folder}[/\\]\S+", "another contribution", said)
    return _COPY.sub(r"\1 a photo of the gallery", said) if private else said

"""Answers with what they rest on: matched points, the photo as it was looked at, the page that explains it."""

from __future__ import annotations

from anyio import to_thread
from fastapi import APIRouter, Request, Response, UploadFile

from whence.gallery.gallery import Gallery
from whence.locate.evidence import evidence_of
from whence.present.evidence import Evidence, MatchView
from whence.present.explain import explanation_page
from whence.present.page import jpeg
from whence.present.sections import Surroundings
from whence.web.api.conditions import Near, RadiusM, Since, Until, conditions
from whence.web.api.locating import name_of
from whence.web.api.shapes import ExplanationFacts, Frame, Match, Responses, problems
from whence.web.explaining import Explanation
from whence.web.problems import ProblemError
from whence.web.service import Answered, Service
from whence.web.state import client_of, state_of

router = APIRouter(prefix="/explanations", tags=["locate"])
_PICTURE: Responses = {200: {"description": "The photo, without what its file says.", "content": {"image/jpeg": {}}}}
_PAGE: Responses = {200: {"description": "A page, whole in one file.", "content": {"text/html": {}}}}
_SHOWN = 8
"""Candidates with points."""
_EXPLAINED = 3
"""Candidates on a page."""


@router.post("", status_code=202, responses=problems(422, 429, 503))
async def add_explanation(
    request: Request,
    photo: UploadFile,
    near: Near = None,
    radius_m: RadiusM = None,
    since: Since = None,
    until: Until = None,
) -> ExplanationFacts:
    """Begins to find out where a photo was taken, and keeps the evidence in memory for a quarter of an hour at most."""
    state = state_of(request)
    state.rate.take(client_of(request))
    where = conditions(near, radius_m, None, since, until)
    found = state.explain(name_of(photo.filename), photo, where)
    return ExplanationFacts(id=found.id, stage="waiting")


@router.get("/{id}", responses=problems(404, 409, 503))
async def explanation(request: Request, id: str) -> ExplanationFacts:
    """How far it is; once it is done, the answer and the points that matched."""
    state = state_of(request)
    found = state.explanations.get(id)
    return await to_thread.run_sync(_facts, state.service, found)


@router.get("/{id}/photo", responses=_PICTURE | problems(404, 409), response_class=Response)
async def photo(request: Request, id: str) -> Response:
    """The photo as it was looked at."""
    query = state_of(request).explanations.done(id).answer.query
    if query is None or query.pixels is None:
        raise ProblemError(404, "no-picture", "the photo's pixels were not kept")
    return Response(await to_thread.run_sync(jpeg, query.pixels), media_type="image/jpeg")


@router.get("/{id}/page", responses=_PAGE | problems(404, 409), response_class=Response)
async def page(request: Request, id: str) -> Response:
    """A page that explains the answer, to be kept."""
    state = state_of(request)
    made = await to_thread.run_sync(_page, state.service, state.explanations.done(id))
    named = {"Content-Disposition": 'attachment; filename="explanation.html"'}
    return Response(made, media_type="text/html; charset=utf-8", headers=named)


@router.delete("/{id}", status_code=204, responses=problems(404))
async def forget(request: Request, id: str) -> None:
    """Drops the answer and its evidence."""
    state_of(request).explanations.forget(id)


def _facts(service: Service, found: Explanation) -> ExplanationFacts:
    done, stage = found.answer, found.stage
    if done is None:
        stage = "search" if stage == "done" else stage
        return ExplanationFacts.model_validate({"id": found.id, "stage": stage, "error": found.error})
    query = done.answer.query
    return ExplanationFacts(
        id=found.id,
        stage="done",
        answer=service.told(done),
        frame=None if query is None else Frame(width=query.features.width, height=query.features.height),
        matches=[] if service.options.private else service.read(lambda gallery: _matches(service, done, gallery)),
    )


def _matches(service: Service, done: Answered, gallery: Gallery) -> list[Match]:
    answer = service.now(done, gallery)
    if answer.query is None:
        return []
    rows = answer.rows[:_SHOWN]
    found = []
    for row, verification, features in zip(rows, answer.verifications, gallery.features(rows), strict=False):
        here = answer.query.features.keypoints[verification.matches.query, :2].round(1).tolist()
        there = features.keypoints[verification.matches.database, :2].round(1).tolist()
        points = [(*first, *second) for first, second in zip(here, there, strict=True)]
        id = gallery.photos[row].content_hash
        found.append(Match(id=id, width=features.width, height=features.height, points=points))
    return found


def _page(service: Service, done: Answered) -> str:
    locator, private = service.locator, service.options.private
    gallery, answer = locator.gallery, service.now(done, locator.gallery)
    query, matched = evidence_of(answer, locator, _EXPLAINED)
    evidence = Evidence(query, answer.location, [MatchView(*parts) for parts in matched])
    around = Surroundings(gallery.coordinates, gallery.settings.tolerance_m, private)
    return explanation_page([evidence], title="Where was it taken?", around=around)

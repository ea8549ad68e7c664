"""Wrong pins: the audit of the gallery in the background, what it found, and two photos of it side by side."""

from __future__ import annotations

from functools import cache
from typing import Annotated

import numpy as np
from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Query, Request

from whence.locate.locator import Locator
from whence.verify.rerank import verify
from whence.web.api.gallery import row_of
from whence.web.api.shapes import AuditFacts, Found, FoundList, Frame, PairFacts, Point, Seen, problems
from whence.web.auditing import Audits, Finding
from whence.web.problems import ProblemError
from whence.web.state import state_of

router = APIRouter(prefix="/gallery", tags=["gallery"])


@router.get("/audit", responses=problems())
async def audit(request: Request) -> AuditFacts:
    """How far the audit of the gallery is, and what it says on the whole."""
    return _facts(state_of(request).audits)


@router.post("/audit", status_code=202, responses=problems(503))
async def begin(request: Request) -> AuditFacts:
    """Begins to look for wrong pins: photos that match others far away, and pins that are odd. Changes nothing."""
    audits = state_of(request).audits
    audits.begin()
    return _facts(audits)


@router.delete("/audit", status_code=204, responses=problems())
async def stop(request: Request) -> None:
    """Stops the audit, and forgets what it found."""
    state_of(request).audits.stop()


@router.get("/audit/findings", responses=problems(422))
async def findings(
    request: Request,
    start: Annotated[int, Query(ge=0, description="Leave out so many.")] = 0,
    limit: Annotated[int, Query(ge=1, le=1000, description="At most so many.")] = 200,
) -> FoundList:
    """Photos whose pins may be wrong, the likeliest first."""
    state = state_of(request)
    found = state.audits.findings
    some = [_found(one, state.options.private) for one in found[start : start + limit]]
    return FoundList(total=len(found), findings=some)


@router.get("/photos/{id}/matches/{other}", responses=problems(404, 503))
async def pair(request: Request, id: str, other: str) -> PairFacts:
    """Points that are found in both of two photos, and agree on how the two were taken."""
    state = state_of(request)
    if state.options.private:
        raise ProblemError(404, "no-picture", "this server shows no photos of its gallery")
    return await to_thread.run_sync(state.service.ask, lambda locator: _pair(locator, id, other), limiter=_at_once())


def _pair(locator: Locator, id: str, other: str) -> PairFacts:
    gallery, pipeline = locator.gallery, locator.pipeline
    mine, theirs = gallery.features([row_of(gallery, id), row_of(gallery, other)])
    points: list[tuple[float, float, float, float]] = []
    if pipeline.matcher is not None:
        matches = verify(mine, theirs, pipeline.matcher, pipeline.estimator).matches
        both = np.hstack([mine.keypoints[matches.query, :2], theirs.keypoints[matches.database, :2]])
        points = [tuple(four) for four in both.astype(float).round(1).tolist()]
    return PairFacts(
        here=Frame(width=mine.width, height=mine.height),
        there=Frame(width=theirs.width, height=theirs.height),
        points=points,
    )


@cache
def _at_once() -> CapacityLimiter:
    """Pairs matched at a time; made when it is asked for, since it belongs to an event loop."""
    return CapacityLimiter(2)


def _facts(audits: Audits) -> AuditFacts:
    return AuditFacts(
        state=audits.state.value,
        stage=audits.stage,
        done=audits.done,
        total=audits.total,
        error=audits.error,
        said=audits.said,
        findings=len(audits.findings),
        finished=audits.finished,
    )


def _found(one: Finding, private: bool) -> Found:
    suspect = one.suspect
    witnesses = [
        Seen(
            id=photo.content_hash,
            path=None if private else photo.path,
            position=Point.of(photo.position),
            inliers=witness.inliers,
            apart_m=round(witness.apart_m, 2),
            against=witness.weight > 0,
        )
        for photo, witness in one.witnesses
    ]
    return Found(
        id=one.photo.content_hash,
        path=None if private else one.photo.path,
        position=Point.of(suspect.position),
        probability=round(suspect.probability, 4),
        suggested=None if suspect.suggested is None else Point.of(suspect.suggested),
        off_m=None if suspect.off_m is None else round(suspect.off_m, 2),
        radius_m=None if suspect.radius_m is None else round(suspect.radius_m, 2),
        confidence=None if suspect.confidence is None else round(suspect.confidence, 4),
        kinds=list(suspect.kinds),
        why=[clue.words for clue in suspect.clues],
        witnesses=witnesses,
    )

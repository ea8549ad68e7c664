"""Shapes of what goes in and out, as the description of the interface (OpenAPI) has them."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from whence.present.answers import schema as location_schema
from whence.types import XY, LatLon, Position
from whence.web.problems import MEDIA_TYPE, SCHEMA

Responses = dict[int | str, dict[str, Any]]


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Point(_Shape):
    """Latitude and longitude in degrees, or x and y in metres of the gallery's own plane."""

    lat: float | None = None
    lon: float | None = None
    x: float | None = None
    y: float | None = None

    @classmethod
    def of(cls, position: Position) -> Point:
        """As the gallery has it."""
        if isinstance(position, LatLon):
            return cls(lat=round(position.lat, 7), lon=round(position.lon, 7))
        assert isinstance(position, XY)
        return cls(x=round(position.x, 3), y=round(position.y, 3))


class GalleryFacts(_Shape):
    """What the gallery holds."""

    photos: int
    coordinates: Literal["wgs84", "local"]
    extent: dict[str, float] = Field(description="Least and greatest coordinates; empty for an empty gallery.")
    tolerance_m: float = Field(description="Errors up to this count as right: what confidence is the probability of.")
    recipe: str
    expected: Expected | None = Field(description="What the gallery found out by asking itself its own photos.")


class Expected(_Shape):
    """Of photos as the gallery has them, from places that it shows."""

    asked: int
    share_right: float = Field(description="Whose error was at most the tolerance.")
    share_unsure: float
    strangers: int = Field(description="Photos asked as if nothing around them were in the gallery.")
    strangers_located: int


class PhotoFacts(_Shape):
    """One photo of the gallery."""

    id: str = Field(description="Of its content; its thumbnail is at /gallery/photos/{id}/thumbnail.")
    path: str | None = Field(description="Null where paths are private.")
    position: Point
    heading_deg: float | None
    time: str | None = Field(description="ISO 8601: UTC where the photo's zone is known, else the camera's clock.")
    group: str | None
    position_source: str


class PhotoList(_Shape):
    """Some photos of the gallery, and how many there are in all that meet the conditions."""

    total: int
    photos: list[PhotoFacts]


class JobFacts(_Shape):
    """How far a batch is."""

    id: str
    state: Literal["queued", "running", "done", "cancelled"]
    total: int
    done: int
    created: float = Field(description="Seconds since 1970.")


class Witness(_Shape):
    """A photo of the gallery that a contribution was held against."""

    id: str
    path: str | None = Field(description="Null where paths are private.")
    position: Point


class ContributionFacts(_Shape):
    """What became of a photo that somebody brought."""

    id: str = Field(description="Of its content.")
    version: str = Field(description="Of what is said of it; a decision names it.")
    verdict: Literal["waiting", "review", "admit", "admitted", "refused"] = Field(
        description="`waiting` to be judged, `review` by a person, `admit`: about to be indexed."
    )
    reason: str = Field(description="In words; empty while it waits.")
    position: Point
    position_source: str
    time: str | None
    heading_deg: float | None
    off_m: float | None = Field(description="From where the gallery locates it to its pin; null where it cannot tell.")
    witnesses: list[Witness]


class ContributionList(_Shape):
    """Some of those that wait for a decision, and how many do in all."""

    total: int
    contributions: list[ContributionFacts]


class Decision(_Shape):
    """Of a reviewer, on what is said of a photo in one version."""

    admit: bool
    version: str


class Match(_Shape):
    """Points of the photo that were found in a photo of the gallery, and agree on how the two were taken."""

    id: str = Field(description="Of the gallery photo; its picture is at /gallery/photos/{id}/picture.")
    width: int = Field(description="Of the gallery photo, in the pixels of the points.")
    height: int
    points: list[tuple[float, float, float, float]] = Field(description="x, y in the photo and x, y in the gallery's.")


class Frame(_Shape):
    """Size of the photo in the pixels of the points: as it was looked at, turned where that was needed."""

    width: int
    height: int


class PairFacts(_Shape):
    """Two photos of the gallery, and what was found in both."""

    here: Frame
    there: Frame
    points: list[tuple[float, float, float, float]] = Field(description="x, y in the first and x, y in the second.")


class AuditFacts(_Shape):
    """How far an audit is, and what it says on the whole."""

    state: Literal["none", "running", "done", "failed"]
    stage: str = Field(description="What is done, in words.")
    done: int
    total: int
    error: str | None = Field(description="In words, where it failed.")
    said: list[str] = Field(description="What came out, in lines.")
    findings: int
    finished: float | None = Field(description="Seconds since 1970.")


class Seen(_Shape):
    """A photo that matches one whose pin may be wrong."""

    id: str
    path: str | None = Field(description="Null where paths are private.")
    position: Point
    inliers: int = Field(description="Points that agree with one geometry.")
    apart_m: float = Field(description="Between the two pins.")
    against: bool = Field(description="Whether it speaks against the pin.")


class Found(_Shape):
    """A photo whose pin may be wrong."""

    id: str
    path: str | None = Field(description="Null where paths are private.")
    position: Point
    probability: float = Field(description="That the pin is wrong.")
    suggested: Point | None = Field(description="Where it was taken by all that is known.")
    off_m: float | None = Field(description="From the pin to the suggestion.")
    radius_m: float | None = Field(description="Of the suggestion: nine of ten truths are meant to lie inside.")
    confidence: float | None
    kinds: list[str]
    why: list[str] = Field(description="What speaks against the pin, in words, the heaviest first.")
    witnesses: list[Seen]


class FoundList(_Shape):
    """Some of the photos whose pins may be wrong, and how many there are in all."""

    total: int
    findings: list[Found]


class ExplanationFacts(_Shape):
    """How far an answer is, and what it rests on."""

    id: str
    stage: Literal["waiting", "read", "describe", "search", "done", "failed"]
    answer: dict[str, Any] | None = Field(default=None, description="See Location; null before it is done.")
    error: str | None = Field(default=None, description="In words, where it failed.")
    frame: Frame | None = None
    matches: list[Match] = Field(default=[], description="Of the best candidates, in their order.")


class MapPoints(_Shape):
    """All photos of the gallery, in the order of /gallery/photos."""

    points: list[float] = Field(description="Latitude and longitude, or x and y, of one after the other.")
    times: list[int | None] = Field(description="Seconds since 1970, UTC or the camera's clock.")
    sources: list[int] = Field(description="Places in `names` of what said where each was taken.")
    names: list[str]


class Settled(_Shape):
    """An answer as somebody accepted it, perhaps after putting its position right."""

    path: str = Field(max_length=1000)
    status: Literal["located", "unsure"] = "located"
    position: Point
    radius_m: float | None = Field(default=None, ge=0, le=3e7)
    confidence: float = Field(default=0.0, ge=0, le=1)
    heading_deg: float | None = Field(default=None, ge=0, le=360)
    place: str | None = Field(default=None, max_length=300)


class Health(_Shape):
    """The server is there."""

    status: Literal["ok"] = "ok"


def problems(*statuses: int) -> Responses:
    """How an operation may go wrong."""
    words = {
        400: "The request cannot be read.",
        401: "No token, or a wrong one.",
        403: "It comes from a page of another server, or asks for changes that the server does not allow.",
        404: "There is no such thing.",
        408: "It does not come, or too slowly.",
        409: "It is not done yet, or does not fit what is there.",
        413: "More bytes than allowed.",
        421: "The server is not known by that name.",
        422: "The photo, or a parameter, cannot be used.",
        429: "Too many photos in a short time.",
        503: "Too many photos are waiting, or the gallery cannot be read.",
        507: "There is no room for it.",
    }
    ref = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {
        status: {"description": words[status], "content": {MEDIA_TYPE: ref}}
        for status in (400, 401, 403, 413, 421, *statuses)
    }


def definitions() -> dict[str, Any]:
    """Components that the routes refer to: an answer, with ids of its candidates, and problems."""
    answer = location_schema()
    parts = answer.pop("$defs")
    answer.pop("$schema")
    parts["candidate"]["properties"]["id"] = {
        "description": "Of the gallery photo; its thumbnail is at /gallery/photos/{id}/thumbnail.",
        "type": "string",
    }
    parts["candidate"]["required"].append("id")
    named = {f"Location_{name}": _moved(part) for name, part in parts.items()}
    return {"Location": _moved(answer), "Problem": SCHEMA, **named}


def _moved(part: Any) -> Any:
    """References to ``#/$defs/x`` as references to components."""
    if isinstance(part, dict):
        return {
            key: value.replace("#/$defs/", "#/components/schemas/Location_") if key == "$ref" else _moved(value)
            for key, value in part.items()
        }
    return [_moved(item) for item in part] if isinstance(part, list) else part

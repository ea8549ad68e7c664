"""The section of a page about one photo: verdict, facts, map and matches."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np

from whence.geo.distance import offset
from whence.geo.plane import Plane, coordinates
from whence.present import page, words
from whence.present.answers import hide_paths, settled
from whence.present.evidence import Evidence, MatchView
from whence.present.mapsketch import Mark, Scene, draw, scene
from whence.present.matchpicture import counts, match_picture
from whence.types import Candidate, DoubleArray, Image, LatLon, Location, Position

QUERY_PIXELS = 900
LINES = 60
MAP_SIZE = (540, 400)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all sections of a page share.

    Attributes:
        gallery: ``(N, 2)`` coordinates of the gallery photos, for the maps.
        tolerance_m: The error that ``confidence`` speaks of.
        private: Neither name nor show gallery photos.
    """

    gallery: DoubleArray = field(default_factory=lambda: np.empty((0, 2)))
    tolerance_m: float | None = None
    private: bool = False


def anchor(index: int) -> str:
    """The id of the section about one photo; links point to ``#`` and this."""
    return f"photo-{index}"


def told(evidence: Evidence, around: Surroundings) -> Evidence:
    """The evidence as a page may tell it: with an answer in order, and without names and pictures that are private."""
    if not around.private:
        return replace(evidence, location=settled(evidence.location))
    matches = [
        replace(view, photo=None, candidate=replace(view.candidate, path="", group=None)) for view in evidence.matches
    ]
    return replace(evidence, location=settled(hide_paths(evidence.location)), matches=matches)


def error_m(evidence: Evidence) -> float | None:
    """Distance from the answer to the truth, where both are known."""
    position = settled(evidence.location).position
    if position is None or evidence.truth is None:
        return None
    metres, _ = offset(position, evidence.truth)
    return metres if math.isfinite(metres) else None


def evidence_section(evidence: Evidence, index: int, around: Surroundings, *, level: int = 2) -> str:
    """An article about one photo, its heading at ``level``."""
    evidence = told(evidence, around)
    location = evidence.location
    return "\n".join(
        [
            f'<article id="{anchor(index)}">',
            f"<header><h{level}>{page.text(location.path)}</h{level}>{page.badge(location.status)}</header>",
            f'<p class="verdict">{page.text(words.verdict(location))}</p>',
            f'<div class="pair"><div>{_query(evidence)}{_facts(evidence, around)}</div>',
            f"{_sketch(evidence, around)}</div>",
            _attention(evidence),
            _choices(location, level + 1),
            "" if location.choices and not location.candidates else _matches(evidence, level + 1),
            _candidates(location),
            "</article>",
        ]
    )


def candidate_facts(candidate: Candidate, answer: Position | None) -> list[tuple[str, str]]:
    """What is known of a candidate, in plain words."""
    return [
        ("Position", words.place(candidate.position)),
        ("From the answer", distance(answer, candidate.position)),
        ("Group", words.printable(candidate.group or "")),
        ("Similarity", f"{candidate.similarity:.3f}" if math.isfinite(candidate.similarity) else ""),
        ("Before re-ranking", f"rank {candidate.retrieval_rank + 1}"),
    ]


def distance(start: Position | None, end: Position | None) -> str:
    """How far ``end`` lies from ``start``, and in which direction; empty where one is unknown."""
    if start is None or end is None:
        return ""
    metres, bearing_deg = offset(start, end)
    if not math.isfinite(metres):
        return ""
    if metres < 0.5 or not isinstance(start, LatLon):
        return words.length(metres)
    return f"{words.length(metres)} {words.direction(bearing_deg)}"


def answer_facts(evidence: Evidence) -> list[tuple[str, str]]:
    """What is known of an answer besides verdict and confidence, in plain words."""
    location, error = evidence.location, error_m(evidence)
    off = "" if error is None else words.length(error)
    if error is not None and location.radius_m is not None:
        off += f" ({'inside' if error <= location.radius_m else 'outside'} the circle)"
    return [
        ("Looking", words.heading(location.heading_deg)),
        ("Turned", words.turn(location.turned_deg)),
        ("True place", words.place(evidence.truth) if evidence.truth is not None else ""),
        ("Error", off),
        ("Same content as", ", ".join(words.shown_path(path) for path in location.duplicate_of)),
        ("Time", words.duration(location.seconds)),
    ]


def _query(evidence: Evidence) -> str:
    if evidence.query is None:
        return '<p class="quiet">The photo could not be read.</p>'
    alt = f"The photo that was looked for: {words.printable(evidence.location.path)}"
    return page.figure(page.picture(page.shrunk(evidence.query, QUERY_PIXELS), alt), "The photo that was looked for")


def _facts(evidence: Evidence, around: Surroundings) -> str:
    location = evidence.location
    rows = [(name, page.text(value)) for name, value in answer_facts(evidence)]
    if location.position is None:
        return page.facts(rows)
    meaning = "" if around.tolerance_m is None else f" to be within {words.length(around.tolerance_m)}"
    confidence = f"{page.bar(location.confidence, location.status)}{meaning}"
    circle = f"{words.length(location.radius_m)}: 9 of 10 such circles hold the true place" if location.radius_m else ""
    return page.facts([("Confidence", confidence), ("Radius", circle), *rows])


def answer_scene(evidence: Evidence, around: Surroundings) -> Scene | None:
    """The map of one answer, in metres around it; None without a position."""
    location = evidence.location
    if location.position is None:
        return None
    plane = Plane.around([location.position])
    truth = None if evidence.truth is None or error_m(evidence) is None else plane.point(evidence.truth)
    mark = Mark(plane.point(location.position), location.radius_m, location.status, words.verdict(location), truth)
    spots = coordinates([candidate.position for candidate in location.candidates])
    warm = plane.metres(coordinates([place for place, _ in evidence.heat]))
    heat = np.column_stack([warm, [weight for _, weight in evidence.heat]]) if evidence.heat else ()
    return scene(plane.metres(around.gallery), [mark], plane.metres(spots), heat=heat)


def upwards(position: Position | None) -> str:
    """What the arrow of a map is labelled: a plane of its own need not lie north up."""
    return "N" if isinstance(position, LatLon) else "y"


def _sketch(evidence: Evidence, around: Surroundings) -> str:
    location, known = evidence.location, answer_scene(evidence, around)
    if known is None:
        return ""
    title = f"Map of the answer for {words.printable(location.path)}: {words.verdict(location)}"
    up = upwards(location.position)
    return f"<figure>{draw(known, size=MAP_SIZE, fit='answers', title=title, up=up)}</figure>"


def _matches(evidence: Evidence, level: int) -> str:
    if not evidence.matches or evidence.query is None:
        return '<p class="quiet">There are no matching photos to show.</p>'
    answer = evidence.location.position
    cards = "\n".join(_match(evidence.query, view, rank, answer) for rank, view in enumerate(evidence.matches, 1))
    return f'<h{level}>Best matches</h{level}>\n<div class="matches">\n{cards}\n</div>'


def _match(query: Image, view: MatchView, rank: int, answer: Position | None) -> str:
    name, number = words.shown_path(view.candidate.path), len(view.query_points)
    drawn = match_picture(query, view, lines=LINES, caption=False, height=340, max_width=1100)
    alt = f"The photo beside gallery photo {name}, with {number} matching points joined by lines"
    rows = candidate_facts(view.candidate, answer)
    caption = f"<b>{rank}. {page.text(name)}</b><br>{counts(number, 0 if view.photo is None else min(number, LINES))}"
    caption += page.facts([(label, page.text(value)) for label, value in rows])
    return page.figure(page.picture(drawn, alt), caption)


def _attention(evidence: Evidence) -> str:
    """What of the photo spoke for the likeliest class."""
    if evidence.query is None or evidence.attention is None:
        return ""
    from whence.present.attention import attention_picture

    drawn = page.shrunk(attention_picture(evidence.query, evidence.attention), QUERY_PIXELS)
    alt = f"What of the photo spoke for the answer: {words.printable(evidence.location.path)}"
    return page.figure(page.picture(drawn, alt), "What spoke for the answer (Grad-CAM): yellow most, blue least")


def _choices(location: Location, level: int) -> str:
    if not location.choices:
        return ""
    rows = [
        {
            "": words.printable(choice.label or ""),
            "Probability": words.percent(choice.probability),
            "Around": words.place(choice.position) if choice.position is not None else "",
            "From the answer": distance(location.position, choice.position),
        }
        for choice in location.choices
    ]
    who = "a trained model takes for possible beforehand" if location.candidates else "it takes for possible"
    return f"<h{level}>What {who}</h{level}>\n{page.table(rows, numbers=('Probability',))}"


def _candidates(location: Location) -> str:
    if not location.candidates:
        return ""
    rows = [
        {"Photo": words.shown_path(candidate.path), "Inliers": str(candidate.inliers)}
        | dict(candidate_facts(candidate, location.position))
        for candidate in location.candidates
    ]
    listed = page.table(rows, numbers=("Inliers", "Similarity"))
    return f"<details><summary>All {len(rows)} candidates</summary>{listed}</details>"

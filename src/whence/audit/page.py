"""An audit as a page: the map, and every suspect beside the photos that it matches, with the matches drawn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from whence.audit.formats import summary
from whence.audit.model import Audit, Suspect, Witness
from whence.geo.plane import Plane, coordinates
from whence.locate.evidence import pixels_of
from whence.locate.pipeline import Pipeline, recipe_of
from whence.present import page
from whence.present.evidence import MatchView
from whence.present.mapsketch import Mark, map_sketch
from whence.present.matchpicture import match_picture
from whence.present.words import length, percent, place, short_name
from whence.types import Candidate, Crs, Image, Status
from whence.verify.rerank import verify

_SHOWN = 3
"""Witnesses shown beside a suspect."""
_SIDE = 640
"""Longer side of a photo on the page, in pixels."""
_PICTURED = 60
"""Suspects shown with pictures: a page of more is heavy to load. All are in the list."""
_WORDS = {
    "located": "where it belongs",
    "unsure: best guess": "pin; place not known",
    "true place": "pin",
    "candidate, with its rank": "photo that matches it",
}
FOOTER = (
    "<footer><p>Made by whence from the photos of one gallery and their pins. A suspect is a photo to look at, not "
    "one that is proven wrong: what looks alike may stand in two places. Nothing was changed.</p></footer>"
)


def audit_page(audit: Audit, least: float) -> str:
    """The HTML of an audit.

    Args:
        audit: To show.
        least: Probability from which on a pin is called wrong.
    """
    told = "".join(f"<p>{page.text(line)}.</p>" for line in summary(audit, least))
    if not audit.suspects:
        return page.document("Are the pins right?", f'<div class="lead">{told}</div>', FOOTER)
    sections = [_section(number, suspect, audit) for number, suspect in enumerate(audit.suspects[:_PICTURED])]
    return page.document("Are the pins right?", f'<div class="lead">{told}</div>', _overview(audit), *sections, FOOTER)


def _overview(audit: Audit) -> str:
    rows = [
        {
            "photo": suspect.path,
            "pin wrong": percent(suspect.probability),
            "off": length(suspect.off_m),
            "why": suspect.words,
        }
        for suspect in audit.suspects
    ]
    return (
        f"{page.figure(_map(audit, audit.suspects), 'Pins of suspects, and where these photos belong')}"
        + page.table(rows, ("pin wrong", "off"))
    )


def _map(audit: Audit, suspects: Sequence[Suspect], witnesses: Sequence[Witness] = ()) -> str:
    gallery = audit.gallery
    kept = [suspect.suggested or suspect.position for suspect in suspects]
    plane = Plane.around(kept)
    marks = [
        Mark(
            plane.point(suspect.suggested or suspect.position),
            suspect.radius_m if len(suspects) == 1 else None,
            Status.LOCATED if suspect.suggested else Status.UNSURE,
            short_name(suspect.path),
            truth=plane.point(suspect.position) if suspect.suggested else None,
            href=f"#suspect-{suspect.row}" if len(suspects) > 1 else None,
        )
        for suspect in suspects
    ]
    others = [gallery.photos[witness.row].position for witness in witnesses]
    return map_sketch(
        database=plane.metres(gallery.coordinates),
        answers=marks,
        candidates=plane.metres(coordinates(others)) if others else (),
        size=(640, 420),
        fit="answers",
        title="Pins and where the photos belong",
        words=_WORDS,
        up="N" if gallery.settings.crs is Crs.WGS84 else "y",
    )


def _section(number: int, suspect: Suspect, audit: Audit) -> str:
    clues = "".join(f"<li>{page.text(clue.words)}</li>" for clue in suspect.clues)
    facts = page.facts(
        [
            ("Pin wrong", page.bar(suspect.probability, Status.UNSURE)),
            ("Pin", page.text(place(suspect.position))),
            ("Suggested", page.text(place(suspect.suggested)) if suspect.suggested else ""),
            ("Off by", page.text(length(suspect.off_m)) if suspect.off_m is not None else ""),
            ("Radius", page.text(length(suspect.radius_m)) if suspect.radius_m is not None else ""),
            ("Sure of it", page.text(percent(suspect.confidence)) if suspect.confidence is not None else ""),
        ]
    )
    shown = sorted(suspect.witnesses, key=lambda witness: -abs(witness.weight))[:_SHOWN]
    return (
        f'<section id="suspect-{suspect.row}"><h2>{number + 1}. {page.text(suspect.path)}</h2>{facts}<ul>{clues}</ul>'
        f"{_pictures(suspect, shown, audit)}{page.figure(_map(audit, [suspect], shown), 'Photos that match, numbered')}"
        "</section>"
    )


def _pictures(suspect: Suspect, shown: Sequence[Witness], audit: Audit) -> str:
    gallery = audit.gallery
    own = pixels_of(gallery, suspect.row)
    if own is None:
        return ""
    own = page.shrunk(own, _SIDE)
    if not shown:
        return page.figure(page.picture(own, suspect.path), "Matches no other photo")
    pipeline = Pipeline(recipe_of(gallery.settings))
    found = []
    for rank, witness in enumerate(shown, 1):
        view = _view(own, suspect.row, witness, audit, pipeline)
        path = gallery.photos[witness.row].path
        says = "speaks against the pin" if witness.weight > 0 else "agrees with the pin"
        caption = f"{rank}. {page.text(path)}: {length(witness.apart_m)} from the pin, {says}"
        found.append(page.figure(page.picture(match_picture(own, view, max_width=1000), path), caption))
    return "".join(found)


def _view(own: Image, row: int, witness: Witness, audit: Audit, pipeline: Pipeline) -> MatchView:
    """Both photos and their inliers, matched once more."""
    gallery = audit.gallery
    other = pixels_of(gallery, witness.row)
    other = None if other is None else page.shrunk(other, _SIDE)
    mine, theirs = gallery.features([row, witness.row])
    points = np.zeros((2, 0, 2))
    if pipeline.matcher is not None:
        matches = verify(mine, theirs, pipeline.matcher, pipeline.estimator).matches
        points = np.stack([mine.keypoints[matches.query, :2], theirs.keypoints[matches.database, :2]]).astype(float)
    sizes = [(mine, own), (theirs, other)]
    scaled = [
        part if photo is None else (part + 0.5) * (photo.shape[1] / max(features.width, 1)) - 0.5
        for part, (features, photo) in zip(points, sizes, strict=True)
    ]
    photo = gallery.photos[witness.row]
    candidate = Candidate(photo.path, photo.position, 0.0, witness.inliers, 0, photo.group)
    return MatchView(other, candidate, scaled[0], scaled[1])

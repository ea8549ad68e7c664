"""The audit of a gallery: what is odd about its pins, what its photos say of each other, and where suspects belong."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from whence.audit.judging import Verdicts, judge
from whence.audit.model import Audit, Clue, Expected, Kind, Suspect, Witness
from whence.audit.pairs import Pairs, find_pairs
from whence.audit.plausible import clues
from whence.audit.trying import Scale, try_out
from whence.describe.looks import near_duplicates
from whence.errors import InputError
from whence.gallery.gallery import Gallery
from whence.geo.distance import offset
from whence.locate.likeness import looks_of_gallery
from whence.locate.locator import Locator
from whence.present.words import length
from whence.types import DoubleArray, Status

DOUBTFUL = 0.2
"""Probability of a wrong pin from which on a photo is a suspect."""
_TELLING = 0.5
"""Weight of a pair from which on it is named as a clue."""
_AHEAD_DEG = 30.0
"""So near to the direction of view a pin lies ahead of the camera."""


def audit(
    gallery: Gallery,
    *,
    most: int = 200,
    workers: int | None = None,
    progress: Callable[[str, int, int], None] = lambda stage, done, total: None,
) -> Audit:
    """Looks for wrong pins among the photos of a gallery. Nothing is changed, and no photo is decoded.

    Args:
        gallery: Opened.
        most: Suspects at most, the likeliest.
        workers: Threads; None for one per core.
        progress: Called now and then with what is done, how far it is, and of how much.

    Raises:
        InputError: A number out of range, or an empty gallery.
        ModelMismatchError: This whence describes photos otherwise than the one that made the gallery.
    """
    threads = workers or os.cpu_count() or 1
    if threads < 1 or most < 1:
        raise InputError(f"workers {workers}, most {most}: expected at least 1")
    locator = Locator(gallery, workers=threads)  # says what is wrong with an empty gallery, or another model
    apart = kept_apart(gallery, threads)
    notes: list[str] = []
    if locator.pipeline.estimator is None:
        notes.append(f"recipe {gallery.settings.recipe} verifies nothing: pins were not held against what photos show")

    def tell(done: int) -> None:
        progress("comparing", done, len(gallery))

    pairs = find_pairs(gallery, locator.pipeline, apart, threads, tell)
    odd, missing = clues(gallery)
    verdicts, told = judged_by(gallery, pairs, odd)
    chosen = np.argsort(-verdicts.probability, kind="stable")[:most]
    suspects = []
    chosen = chosen[verdicts.probability[chosen] >= DOUBTFUL]
    for done, row in enumerate(chosen.tolist(), 1):
        progress("looking for suspects' places", done, len(chosen))
        suspects.append(suspect_of(row, gallery, locator, pairs, verdicts, odd, apart))
    return Audit(
        gallery,
        tuple(suspects),
        verdicts.probability,
        int(pairs.matched(len(gallery)).sum()),
        told,
        (*notes, *missing),
    )


def judged_by(gallery: Gallery, pairs: Pairs, odd: Sequence[Clue]) -> tuple[Verdicts, Expected | None]:
    """What pairs and clues say together, and what to expect of it."""
    settings, places = gallery.settings, places_of(gallery)
    extra = np.zeros(len(gallery))
    for clue in odd:
        extra[clue.row] += clue.weight

    def judged(pins: DoubleArray) -> Verdicts:
        return judge(pairs, pins, settings.crs, settings.tolerance_m, places, extra)

    own = judged(gallery.coordinates)
    matched, least_m = pairs.matched(len(gallery)), 2 * settings.tolerance_m
    scale, told = try_out(judged, own, gallery.coordinates, settings.crs, places, matched, least_m, extra)
    probability = np.where(matched, scale.probability(own.evidence, extra), Scale().probability(own.evidence, extra))
    return replace(own, probability=probability), told


def places_of(gallery: Gallery) -> list[object]:
    """Of each photo: its group or burst; itself where it has none."""
    return [photo.place or row for row, photo in enumerate(gallery.photos)]


def kept_apart(gallery: Gallery, workers: int) -> list[list[int]]:
    """For each photo those that are no evidence for or against its pin: its group, its burst, its copies."""
    members: dict[object, list[int]] = {}
    places = places_of(gallery)
    for row, place in enumerate(places):
        members.setdefault(place, []).append(row)
    looks = looks_of_gallery(gallery, workers)
    copies = near_duplicates(looks, looks)
    return [sorted({row, *members[place], *(other for other, _ in copies[row])}) for row, place in enumerate(places)]


def suspect_of(
    row: int,
    gallery: Gallery,
    locator: Locator,
    pairs: Pairs,
    verdicts: Verdicts,
    odd: Sequence[Clue],
    apart: Sequence[Sequence[int]],
) -> Suspect:
    """All that is known of one photo whose pin may be wrong."""
    photo = gallery.photos[row]
    witnesses = [
        Witness(
            other,
            int(pairs.inliers[pair]),
            float(verdicts.apart_m[pair]),
            float(verdicts.weight[pair] * (1 - verdicts.probability[other])),
        )
        for other, pair in pairs.of(row)
    ]
    witnesses.sort(key=lambda witness: -witness.weight)
    found = [clue for clue in odd if clue.row == row]
    against = [witness for witness in witnesses if witness.weight >= _TELLING]
    if against:
        nearest = length(min(witness.apart_m for witness in against))
        several = f"matches {len(against)} photos {nearest} away or farther"
        words = several if len(against) > 1 else f"matches a photo {nearest} away"
        found.append(Clue(row, Kind.MATCHES, sum(witness.weight for witness in against), words))
    elif not found and verdicts.probability[row] >= DOUBTFUL:
        found.append(Clue(row, Kind.MATCHES, 0.0, "its place is matched less near its pin than elsewhere"))
    found.sort(key=lambda clue: -clue.weight)
    suspect = Suspect(
        row,
        photo.path,
        photo.position,
        float(verdicts.probability[row]),
        tuple(found),
        tuple(witnesses),
    )
    return _placed(suspect, gallery, locator, verdicts, apart)


def _placed(
    suspect: Suspect, gallery: Gallery, locator: Locator, verdicts: Verdicts, apart: Sequence[Sequence[int]]
) -> Suspect:
    """With where the photo belongs: as the gallery locates it without its place and other suspects."""
    hidden = {*apart[suspect.row], *np.flatnonzero(verdicts.probability >= 0.5).tolist()}
    by_clue = next((clue.suggested for clue in suspect.clues if clue.suggested is not None), None)
    if len(hidden) < len(gallery) and locator.pipeline.estimator is not None:
        told = locator.answer_row(suspect.row, sorted(hidden)).location
        if told.status is Status.LOCATED and told.position is not None:
            off_m, bearing_deg = offset(told.position, suspect.position)
            found = replace(
                suspect,
                suggested=told.position,
                radius_m=told.radius_m,
                confidence=told.confidence,
                off_m=off_m,
            )
            heading = told.heading_deg
            if heading is None or off_m <= max(told.radius_m or 0.0, gallery.settings.tolerance_m):
                return found
            if abs((bearing_deg - heading + 180) % 360 - 180) <= _AHEAD_DEG:
                words = f"the pin lies {length(off_m)} ahead of the camera: it may mark what the photo shows"
                return replace(found, clues=(*found.clues, Clue(suspect.row, Kind.SUBJECT, 0.0, words)))
            return found
    if by_clue is None:
        return suspect
    return replace(suspect, suggested=by_clue, off_m=offset(by_clue, suspect.position)[0])

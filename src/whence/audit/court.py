"""Judges one contribution after the other, by its pin alone, by copies of it, and by what it shows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from whence.audit.model import Kind
from whence.audit.plausible import NULL_DEG, middle_of, outlier
from whence.describe.looks import Looks, glance, near_duplicates
from whence.errors import PhotoError
from whence.gallery.gallery import Gallery
from whence.gallery.quarantine import Contribution, Verdict
from whence.geo.distance import metres_from, offset
from whence.locate.answers import Answer
from whence.locate.likeness import looks_of_gallery
from whence.locate.locator import Locator
from whence.locate.reading import Reader
from whence.photos import files
from whence.present.words import counted, length
from whence.types import Crs, LatLon, Position, Status
from whence.verify.rerank import BY_CHANCE

SURE = 0.8
"""Confidence of an answer elsewhere from which on a photo is refused, not reviewed."""
CHANGED = "the file was changed since it was brought; bring it again"
UNREAD = "not read: "
"""Before reasons that are of the file as it was, not of the photo: brought again, it is judged again."""
_OUTSIDE = 20.0
"""Radii of the gallery's middle, which holds nine tenths of it, beyond which a pin is too far to be taken unseen."""


def as_brought(one: Contribution) -> bytes:
    """Its file.

    Raises:
        PhotoError: It cannot be read, or is no longer the one that was brought.
    """
    data = files.read(Path(one.path))
    if files.content_hash(data) != one.id:
        raise PhotoError(CHANGED)
    return data


class Court:
    """Judges contributions against one gallery."""

    def __init__(self, gallery: Gallery, workers: int, reader: Reader) -> None:
        self._gallery, self._reader = gallery, reader
        self._locator = Locator(gallery, workers=workers) if len(gallery) else None
        self._looks = looks_of_gallery(gallery, workers)
        self._middle = middle_of(gallery) if len(gallery) else None
        self._seen: list[Looks] = []

    def judge(self, one: Contribution) -> Contribution:
        """With its verdict."""
        gallery, pin = self._gallery, one.position
        if isinstance(pin, LatLon) is not (gallery.settings.crs is Crs.WGS84):
            return _told(one, Verdict.REFUSED, "its position is of another kind than the gallery's")
        try:
            data = as_brought(one)
        except PhotoError as error:
            return _told(one, Verdict.REFUSED, f"{UNREAD}{error}")
        if (row := gallery.row_of(one.id)) is not None:
            same = gallery.photos[row].path
            return _told(one, Verdict.REFUSED, f"same content as {same}", witnesses=(same,))
        if self._locator is None:
            return _told(one, Verdict.REVIEW, "the gallery is empty: there is nothing to hold it against")
        try:
            decoded = self._reader.decode(data, self._locator.max_side)
        except PhotoError as error:
            return _told(one, Verdict.REFUSED, f"{UNREAD}{error}")
        looks = Looks.of([glance(decoded.pixels)], [one.id])
        found = self._copy(one, pin, looks) or self._odd(one, pin)
        found = found or self._by_sight(one, self._locator.answer_decoded(one.path, decoded, one.id))
        if found.verdict is not Verdict.REFUSED:
            self._seen.append(looks)
        return found

    def _copy(self, one: Contribution, pin: Position, looks: Looks) -> Contribution | None:
        if any(near_duplicates(looks, seen)[0] for seen in self._seen):
            return _told(one, Verdict.REFUSED, "near duplicate of a photo that was brought before it")
        near = near_duplicates(looks, self._looks)[0]
        if not near:
            return None
        other = self._gallery.photos[near[0][0]]
        off_m = offset(pin, other.position)[0]
        if off_m <= self._gallery.settings.tolerance_m:
            return _told(one, Verdict.REFUSED, f"near duplicate of {other.path}", witnesses=(other.path,))
        reason = f"near duplicate of {other.path}, whose pin lies {length(off_m)} away: one of the two is wrong"
        return _told(one, Verdict.REVIEW, reason, off_m=off_m, witnesses=(other.path,))

    def _odd(self, one: Contribution, pin: Position) -> Contribution | None:
        """Pins that are unlikely by themselves."""
        if isinstance(pin, LatLon) and max(abs(pin.lat), abs(pin.lon)) < NULL_DEG:
            return _told(one, Verdict.REFUSED, "its pin lies at 0,0, where receivers without a fix put it")
        assert self._middle is not None
        middle, reach_m = self._middle
        away_m = metres_from(middle, self._gallery.coordinates)
        if offset(middle, pin)[0] <= max(_OUTSIDE * reach_m, 10 * self._gallery.settings.tolerance_m):
            return None
        clue = outlier(0, pin, middle, reach_m, float(np.median(away_m)))
        return _told(one, Verdict.REFUSED if clue.kind is Kind.SWAPPED else Verdict.REVIEW, clue.words)

    def _by_sight(self, one: Contribution, answer: Answer) -> Contribution:
        """By what it matches."""
        told = answer.location
        pairs = zip(told.candidates, answer.verifications, strict=False)
        seen = tuple(candidate.path for candidate, found in pairs if len(found) >= BY_CHANCE)[:5]
        if told.status is not Status.LOCATED or told.position is None or not seen:
            return _told(one, Verdict.REVIEW, "nothing in the gallery surely shows this place", witnesses=seen)
        off_m = offset(told.position, one.position)[0]
        near_m = max(told.radius_m or 0.0, self._gallery.settings.tolerance_m)
        if off_m <= near_m:
            reason = f"{length(off_m)} from where {counted(len(seen), 'matching photo')} of the gallery put it"
            return _told(one, Verdict.ADMIT, reason, off_m=off_m, witnesses=seen)
        reason = f"shows a place {length(off_m)} from its pin, as {seen[0]} does"
        sure = told.confidence >= SURE and off_m > 2 * near_m
        return _told(one, Verdict.REFUSED if sure else Verdict.REVIEW, reason, off_m=off_m, witnesses=seen)


def _told(
    one: Contribution,
    verdict: Verdict,
    reason: str,
    *,
    off_m: float | None = None,
    witnesses: tuple[str, ...] = (),
) -> Contribution:
    return replace(one, verdict=verdict, reason=reason, off_m=off_m, witnesses=witnesses)

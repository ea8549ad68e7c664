"""Photos that others bring: into quarantine, audited against the gallery, then admitted, refused or left to a person.

What the command calls, and what a service may call: nothing is printed, and every call can be killed and made again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from time import monotonic, sleep
from typing import Any, TypeVar

import numpy as np

from whence.audit.model import Kind
from whence.audit.plausible import NULL_DEG, middle_of, outlier
from whence.describe.looks import Looks, glance, near_duplicates
from whence.errors import GalleryBusyError, InputError, PhotoError
from whence.gallery.gallery import Gallery
from whence.gallery.quarantine import Contribution, Verdict, contributions, put
from whence.gallery.store import Store, lock
from whence.geo.distance import metres_from, offset
from whence.locate.answers import Answer
from whence.locate.indexing import index
from whence.locate.intake import Intake
from whence.locate.likeness import looks_of_gallery
from whence.locate.locator import Locator
from whence.locate.placing import placed
from whence.photos import files
from whence.photos.checks import position_problem
from whence.photos.decode import read_facts
from whence.present.words import counted, length
from whence.types import XY, Crs, LatLon, Photo, Position, Skipped, Status
from whence.verify.rerank import BY_CHANCE

SURE = 0.8
"""Confidence of an answer elsewhere from which on a photo is refused, not reviewed."""
_OUTSIDE = 20.0
"""Radii of the gallery's middle, which holds nine tenths of it, beyond which a pin is too far to be taken unseen."""
_PATIENCE_S = 60.0
"""How long another writer is waited for."""
T = TypeVar("T")


def contribute(
    brought: Sequence[str | os.PathLike[str]],
    gallery: str | os.PathLike[str],
    *,
    workers: int | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Contribution]:
    """Takes photos into quarantine, audits them, and indexes those that are admitted.

    What was left unfinished by an earlier call is finished too, and is among what is returned.

    Args:
        brought: Photos, folders, or tables with path and position.
        gallery: Its folder.
        workers: Threads; None for one per core.
        progress: Called now and then with how many are judged, of how many.

    Returns:
        What became of each photo. Those that cannot be read, or have no position, are refused and not kept.

    Raises:
        InputError: Nothing there, or positions of another kind than the gallery's.
        GalleryError: No gallery, or another process has been writing to it for a minute.
    """
    folder = Path(gallery)
    store = Store.open(folder)
    read = [_taken(photo) for photo in _photos(brought, store.settings.crs)]
    fresh = {one.id: one for one in read if one.verdict is Verdict.WAITING}
    before = {one.id: one for one in contributions(store)}
    stored = Gallery(store)
    again = [one for one in fresh.values() if _is_news(one, before.get(one.id), stored)]
    _patiently(lambda: _put(folder, again))
    decided = {one.id: one for one in _judged(folder, workers, progress)}
    decided |= {one.id: one for one in _indexed(folder, workers)}
    known = {one.id: one for one in contributions(store)} | decided
    return [known.get(one.id, one) for one in read] + [one for key, one in decided.items() if key not in fresh]


def waiting(gallery: str | os.PathLike[str]) -> list[Contribution]:
    """Contributions that a person has to decide on.

    Raises:
        GalleryError: No gallery.
    """
    return [one for one in contributions(Store.open(Path(gallery))) if one.verdict is Verdict.REVIEW]


def review(
    gallery: str | os.PathLike[str],
    *,
    admit: Sequence[str] = (),
    refuse: Sequence[str] = (),
    workers: int | None = None,
) -> list[Contribution]:
    """Decides on contributions, and indexes those that are admitted.

    Args:
        gallery: Its folder.
        admit: Ids, or the beginnings of ids.
        refuse: Ids, or the beginnings of ids.
        workers: Threads; None for one per core.

    Returns:
        What became of them.

    Raises:
        InputError: No contribution with such an id waits, several do, or one is to be both.
        GalleryError: No gallery, or another process has been writing to it for a minute.
    """
    folder = Path(gallery)
    waits = {one.id: one for one in waiting(folder)}
    yes, no = ([_named(name, waits) for name in names] for names in (admit, refuse))
    if both := {one.id for one in yes} & {one.id for one in no}:
        raise InputError(f"{min(both)[:12]} is to be admitted and refused; say one of them")
    told = [replace(one, verdict=Verdict.ADMIT, reason="admitted by review") for one in yes]
    told += [replace(one, verdict=Verdict.REFUSED, reason="refused by review") for one in no]
    _patiently(lambda: _put(folder, told))
    done = {one.id: one for one in told} | {one.id: one for one in _indexed(folder, workers)}
    return list(done.values())


def _is_news(one: Contribution, before: Contribution | None, stored: Gallery) -> bool:
    """Whether a photo has to be judged: not what was judged already, with the same said of it."""
    if before is None or dict(before.facts) != dict(one.facts):
        return True
    return before.verdict is Verdict.ADMITTED and stored.row_of(one.id) is None  # removed since


def _named(name: str, waits: dict[str, Contribution]) -> Contribution:
    found = [one for key, one in waits.items() if name and key.startswith(name)]
    if len(found) != 1:
        what = "several contributions have ids that begin so" if found else "no contribution with this id waits"
        raise InputError(f"{name}: {what}; see them with: whence contribute --review")
    return found[0]


def _photos(brought: Sequence[str | os.PathLike[str]], crs: Crs) -> list[Photo | Skipped]:
    found: list[Photo | Skipped] = []
    for given in brought:
        path = Path(given)
        if path.is_dir() or path.suffix.lower() in (".csv", ".tsv"):
            intake = Intake.open(path)
            if intake.crs is not crs and not path.is_dir():
                kinds = {Crs.WGS84: "latitude and longitude", Crs.LOCAL: "x and y"}
                raise InputError(
                    f"{path} has {kinds[intake.crs]}, the gallery has {kinds[crs]}; they do not go together"
                )
            found += intake.photos()
        else:
            found.append(Photo(path, os.fspath(given)))
    if not found:
        raise InputError("no photos to contribute; name photos, folders or CSV files")
    return found


def _taken(photo: Photo | Skipped) -> Contribution:
    """A photo with what is said of it; refused at once if it is none, or has no position."""
    if isinstance(photo, Skipped):
        return Contribution("", photo.name, Verdict.REFUSED, photo.reason)
    path = os.path.abspath(photo.path)  # noqa: PTH100 - links stay as they are
    try:
        data = files.read(photo.path)
    except PhotoError as error:
        return Contribution("", path, Verdict.REFUSED, str(error))
    digest = files.content_hash(data)
    known, problem = placed(photo, read_facts(data))
    if known.position is None:
        return Contribution(digest, path, Verdict.REFUSED, problem)
    if problem := position_problem(known.position) or "":
        return Contribution(digest, path, Verdict.REFUSED, problem)
    return Contribution(digest, path, Verdict.WAITING, facts=_facts(known))


def _facts(photo: Photo) -> dict[str, Any]:
    position = photo.position
    pair = {"lat": position.lat, "lon": position.lon} if isinstance(position, LatLon) else {}
    pair |= {"x": position.x, "y": position.y} if isinstance(position, XY) else {}
    said = {
        **pair,
        "position_source": photo.position_source,
        "time": photo.time.isoformat() if photo.time else None,
        "heading_deg": photo.heading_deg,
        "altitude_m": photo.altitude_m,
        "group": photo.group,
    }
    return {name: value for name, value in said.items() if value is not None}


def _photo(one: Contribution) -> Photo:
    said = dict(one.facts)
    time = said.pop("time", None)
    position: Position = LatLon(said.pop("lat"), said.pop("lon")) if "lat" in said else XY(said.pop("x"), said.pop("y"))
    taken = datetime.fromisoformat(time) if time else None
    return Photo(Path(one.path), one.path, position=position, time=taken, **said)


def _judged(folder: Path, workers: int | None, progress: Callable[[int, int], None]) -> list[Contribution]:
    """Verdicts on all that wait, each kept as soon as it is there."""
    store = Store.open(folder)
    found = [one for one in contributions(store) if one.verdict is Verdict.WAITING]
    if not found:
        return []
    court = _Court(Gallery(store), workers or os.cpu_count() or 1)
    decided = []
    for number, one in enumerate(found, 1):
        told = court.judge(one)
        _patiently(lambda told=told: _put(folder, [told]))  # type: ignore[misc]
        decided.append(told)
        progress(number, len(found))
    return decided


@dataclass(slots=True, eq=False)
class _Seen:
    """A contribution that was judged before."""

    looks: Looks
    path: str


class _Court:
    """Judges contributions against one gallery."""

    def __init__(self, gallery: Gallery, workers: int) -> None:
        self._gallery = gallery
        self._locator = Locator(gallery, workers=workers) if len(gallery) else None
        self._looks = looks_of_gallery(gallery, workers)
        self._middle = middle_of(gallery) if len(gallery) else None
        self._seen: list[_Seen] = []

    def judge(self, one: Contribution) -> Contribution:
        """With its verdict."""
        photo, gallery = _photo(one), self._gallery
        assert photo.position is not None
        if isinstance(photo.position, LatLon) is not (gallery.settings.crs is Crs.WGS84):
            return _told(one, Verdict.REFUSED, "its position is of another kind than the gallery's")
        try:
            if files.content_hash(files.read(photo.path)) != one.id:
                return _told(one, Verdict.REFUSED, "the file was changed since it was brought; bring it again")
        except PhotoError as error:
            return _told(one, Verdict.REFUSED, str(error))
        if (same := gallery.row_of(one.id)) is not None:
            return _told(one, Verdict.REFUSED, f"same content as {gallery.photos[same].path}")
        if self._locator is None:
            return _told(one, Verdict.REVIEW, "the gallery is empty: there is nothing to hold it against")
        answer = self._locator.answer(photo.path)
        if answer.query is None or answer.query.pixels is None:
            return _told(one, Verdict.REFUSED, answer.location.error or "cannot be read")
        looks = Looks.of([glance(answer.query.pixels)], [one.id])
        return self._copy(one, photo.position, looks) or self._odd(one, photo.position) or self._by_sight(one, answer)

    def _copy(self, one: Contribution, pin: Position, looks: Looks) -> Contribution | None:
        for seen in self._seen:
            if near_duplicates(looks, seen.looks)[0]:
                return _told(one, Verdict.REFUSED, f"near duplicate of {seen.path}, which was brought before it")
        self._seen.append(_Seen(looks, one.path))
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
        off_m = offset(told.position, _position(one))[0]
        near_m = max(told.radius_m or 0.0, self._gallery.settings.tolerance_m)
        if off_m <= near_m:
            reason = f"{length(off_m)} from where {counted(len(seen), 'matching photo')} of the gallery put it"
            return _told(one, Verdict.ADMIT, reason, off_m=off_m, witnesses=seen)
        reason = f"shows a place {length(off_m)} from its pin, as {seen[0]} does"
        sure = told.confidence >= SURE and off_m > 2 * near_m
        return _told(one, Verdict.REFUSED if sure else Verdict.REVIEW, reason, off_m=off_m, witnesses=seen)


def _position(one: Contribution) -> Position:
    position = _photo(one).position
    assert position is not None
    return position


def _told(
    one: Contribution,
    verdict: Verdict,
    reason: str,
    *,
    off_m: float | None = None,
    witnesses: tuple[str, ...] = (),
) -> Contribution:
    return replace(one, verdict=verdict, reason=reason, off_m=off_m, witnesses=witnesses)


def _indexed(folder: Path, workers: int | None) -> list[Contribution]:
    """Indexes what is admitted, that of earlier calls too, and says so."""
    store = Store.open(folder)
    admitted = [one for one in contributions(store) if one.verdict is Verdict.ADMIT]
    if not admitted:
        return []
    intake = Intake.of(Path(store.settings.root), [_photo(one) for one in admitted], store.settings.crs)
    report = _patiently(lambda: index(intake, folder, workers=workers))
    passed = {skipped.name: skipped.reason for skipped in report.skipped}
    done = [
        replace(one, verdict=Verdict.REFUSED, reason=f"not indexed: {passed[one.path]}")
        if one.path in passed
        else replace(one, verdict=Verdict.ADMITTED)
        for one in admitted
    ]
    _patiently(lambda: _put(folder, done))
    return done


def _put(folder: Path, brought: Sequence[Contribution]) -> None:
    with lock(folder, create=False):
        put(Store.open(folder), brought)


def _patiently(action: Callable[[], T]) -> T:
    """Does something that needs the lock; another writer is waited for."""
    end = monotonic() + _PATIENCE_S
    while monotonic() < end:
        with suppress(GalleryBusyError):
            return action()
        sleep(0.2)
    return action()

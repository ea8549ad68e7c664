"""Photos that others bring: into quarantine, audited against the gallery, then admitted, refused or left to a person.

What the command calls, and what a service may call: nothing is printed, and every call can be killed and made again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from time import monotonic, sleep
from typing import TypeVar

from whence.audit.court import CHANGED, UNREAD, Court, as_brought
from whence.errors import GalleryBusyError, InputError, PhotoError
from whence.gallery.gallery import Gallery
from whence.gallery.quarantine import Contribution, Verdict, contributions, put
from whence.gallery.storage import Storage
from whence.gallery.store import Store, lock
from whence.locate.indexing import index
from whence.locate.intake import Intake
from whence.locate.placing import placed
from whence.locate.reading import Reader
from whence.photos import files
from whence.photos.checks import position_problem
from whence.photos.decode import NOT_A_PHOTO, read_facts
from whence.photos.pillow import sniff
from whence.types import Crs, Photo, Skipped

_UNINDEXED = "not indexed: "
_PATIENCE_S = 60.0
"""How long another writer is waited for."""
T = TypeVar("T")
Progress = Callable[[int, int], None]


def _unseen(done: int, total: int) -> None:
    pass


def contribute(
    brought: Sequence[str | os.PathLike[str]],
    gallery: str | os.PathLike[str] | Storage,
    *,
    workers: int | None = None,
    progress: Progress = _unseen,
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
    crs = Store.open(gallery).settings.crs
    return judged([_taken(photo) for photo in _photos(brought, crs)], gallery, workers=workers, progress=progress)


def judged(
    read: Sequence[Contribution],
    gallery: str | os.PathLike[str] | Storage,
    *,
    workers: int | None = None,
    reader: Reader | None = None,
    progress: Progress = _unseen,
) -> list[Contribution]:
    """``contribute`` for photos that were read already.

    Args:
        read: Those that are to be judged wait; the others are given back as they are.
        gallery: Its folder.
        workers: Threads; None for one per core.
        reader: What makes pixels of the files; None to decode them in this process.
        progress: Called now and then with how many are judged, of how many.

    Raises:
        GalleryError: No gallery, or another process has been writing to it for a minute.
    """
    folder = Storage.of(gallery)
    store = Store.open(folder)
    fresh = {one.id: one for one in read if one.verdict is Verdict.WAITING}
    before = {one.id: one for one in contributions(store)}
    stored = Gallery.open(folder)
    stored.check_described()
    again = [one for one in fresh.values() if _is_news(one, before.get(one.id), stored)]
    _patiently(lambda: _put(folder, again))
    decided = {one.id: one for one in _heard(folder, workers, reader or Reader(), progress)}
    decided |= {one.id: one for one in _indexed(folder, workers, reader)}
    known = {one.id: one for one in contributions(store)} | decided
    return [known.get(one.id, one) for one in read] + [one for key, one in decided.items() if key not in fresh]


def waiting(gallery: str | os.PathLike[str] | Storage) -> list[Contribution]:
    """Contributions that a person has to decide on.

    Raises:
        GalleryError: No gallery.
    """
    return [one for one in contributions(Store.open(gallery)) if one.verdict is Verdict.REVIEW]


def review(
    gallery: str | os.PathLike[str] | Storage,
    *,
    admit: Sequence[str] = (),
    refuse: Sequence[str] = (),
    workers: int | None = None,
    reader: Reader | None = None,
) -> list[Contribution]:
    """Decides on contributions, and indexes those that are admitted.

    Args:
        gallery: Its folder.
        admit: Ids, or the beginnings of ids; ``id@version`` holds only while what is said of it is what was seen.
        refuse: The same.
        workers: Threads; None for one per core.
        reader: What makes pixels of the files; None to decode them in this process.

    Returns:
        What became of them.

    Raises:
        InputError: No contribution with such an id waits, several do, its version is another, or one is to be both.
        GalleryError: No gallery, or another process has been writing to it for a minute.
    """
    folder = Storage.of(gallery)
    waits = {one.id: one for one in waiting(folder)}
    yes, no = ({(one := _named(name, waits)).id: one for name in names} for names in (admit, refuse))
    if both := yes.keys() & no.keys():
        raise InputError(f"{min(both)[:12]} is to be admitted and refused; say one of them")
    Gallery.open(folder).check_described()
    told = [decided(one, admit=True) for one in yes.values()] + [decided(one, admit=False) for one in no.values()]
    _patiently(lambda: _put(folder, told))
    done = {one.id: one for one in told} | {one.id: one for one in _indexed(folder, workers, reader)}
    return list(done.values())


def decided(one: Contribution, *, admit: bool) -> Contribution:
    """As a reviewer has it."""
    if admit:
        return replace(one, verdict=Verdict.ADMIT, reason="admitted by review")
    return replace(one, verdict=Verdict.REFUSED, reason="refused by review")


def _is_news(one: Contribution, before: Contribution | None, stored: Gallery) -> bool:
    """Whether a photo has to be judged: not what was judged already, with the same said of it, and nothing that is in
    the gallery, or about to be, whatever is said of it now.
    """
    if before is None:
        return True
    if before.verdict is Verdict.ADMIT:
        return False
    if before.verdict is Verdict.ADMITTED:
        return stored.row_of(one.id) is None  # removed since
    return dict(before.facts) != dict(one.facts) or before.reason.startswith((UNREAD, _UNINDEXED))


def _named(name: str, waits: dict[str, Contribution]) -> Contribution:
    id, _, version = name.partition("@")
    found = [one for key, one in waits.items() if id and key.startswith(id)]
    if len(found) != 1:
        what = "several contributions have ids that begin so" if found else "no contribution with this id waits"
        raise InputError(f"{name or 'an empty id'}: {what}; see them with: whence contribute --review")
    if not found[0].version.startswith(version):
        raise InputError(f"{name}: what waits now is {found[0].name}; see it with: whence contribute --review")
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
    if not sniff(data):
        return Contribution("", path, Verdict.REFUSED, NOT_A_PHOTO)
    known, problem = placed(photo, read_facts(data))
    if known.position is None:
        return Contribution(digest, path, Verdict.REFUSED, problem)
    if problem := position_problem(known.position) or "":
        return Contribution(digest, path, Verdict.REFUSED, problem)
    return Contribution.of(known, digest, path)


def _heard(folder: Storage, workers: int | None, reader: Reader, progress: Progress) -> list[Contribution]:
    """Verdicts on all that wait, each kept as soon as it is there."""
    store = Store.open(folder)
    found = [one for one in contributions(store) if one.verdict is Verdict.WAITING]
    if not found:
        return []
    court = Court(Gallery(store), workers or os.cpu_count() or 1, reader)
    decided = []
    for number, one in enumerate(found, 1):
        told = court.judge(one)
        _patiently(lambda told=told: _put(folder, [told]))  # type: ignore[misc]
        decided.append(told)
        progress(number, len(found))
    return decided


def _indexed(folder: Storage, workers: int | None, reader: Reader | None) -> list[Contribution]:
    """Indexes what is admitted, that of earlier calls too, and says so."""
    store = Store.open(folder)
    admitted = [one for one in contributions(store) if one.verdict is Verdict.ADMIT]
    if not admitted:
        return []
    passed = {one.path: reason for one in admitted if (reason := _trouble(one))}
    good = [one.photo for one in admitted if one.path not in passed]
    if good:
        intake = Intake.of(Path(store.settings.root), good, store.settings.crs)
        report = _patiently(lambda: index(intake, folder, workers=workers, reader=reader))
        passed |= {skipped.name: skipped.reason for skipped in report.skipped}
    stored = Gallery(Store.open(folder))
    done = []
    for one in admitted:
        reason = passed.get(one.path) or ("" if stored.row_of(one.id) is not None else CHANGED)
        told = replace(one, verdict=Verdict.REFUSED, reason=f"{_UNINDEXED}{reason}")
        done.append(told if reason else replace(one, verdict=Verdict.ADMITTED))
    _patiently(lambda: _put(folder, done))
    return done


def _trouble(one: Contribution) -> str:
    """Why a file is no longer the one that was judged; empty if it is."""
    try:
        as_brought(one)
    except PhotoError as error:
        return str(error)
    return ""


def _put(folder: Storage, brought: Sequence[Contribution]) -> None:
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

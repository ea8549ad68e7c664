"""Files beside a photo that say where it was taken: XMP sidecars, and the JSON files of Google Takeout.

``IMG.jpg.xmp`` and ``IMG.xmp`` belong to ``IMG.jpg``, in any case; where both are there the longer name is the more
exact one, and the other completes it. A person or a program put them there later than the camera wrote its file, so a
position in them outdoes the file's own. One without a position only completes what the file says. Takeout's JSON is a
witness of last resort: it may repeat EXIF, or be Google's guess.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path

from whence.errors import PhotoError
from whence.photos import files, gps
from whence.photos.takeout import BrokenTakeoutError, NotTakeoutError, TakeoutFolder, read_takeout
from whence.photos.xmp import read_xmp
from whence.types import Fix, Photo, Skipped

SOURCE = "sidecar"
SUFFIXES = (".xmp", ".json")


class Sidecars:
    """The sidecars of one folder. Its names are looked at once, whatever the number of photos.

    Args:
        folder: Where the photos lie.
        photos: Their names.
        names: Names that end in one of ``SUFFIXES``, in any case.
    """

    def __init__(self, folder: Path, photos: Iterable[str], names: Iterable[str]) -> None:
        self._folder = folder
        names = sorted(names)
        self._xmp = {name.lower(): name for name in reversed(names)} | {name: name for name in names}
        self._takeout = TakeoutFolder(folder, photos, (name for name in names if name.endswith(".json")))
        self._told: set[str] = set()

    def complete(self, photo: Photo) -> tuple[Photo, list[Skipped]]:
        """The photo with what its sidecars say, and those that cannot be used, each named once."""
        problems: list[Skipped] = []
        report = partial(self._report, photo, problems)
        beside = None
        for name in self._xmp_names(photo.path.name):
            found = self._read_xmp(name, report)
            beside = completed(beside, found)
        takeout = self._read_takeout(photo.path.name, report)
        if beside is None or beside.position is None:
            return replace(photo, fallback=completed(beside, takeout)), problems
        said = replace(
            photo,
            position=beside.position,
            position_source=SOURCE,
            time=beside.time,
            heading_deg=beside.heading_deg,
            altitude_m=beside.altitude_m,
            accuracy_m=beside.accuracy_m,
            fallback=takeout,
        )
        return said, problems

    def _xmp_names(self, photo: str) -> list[str]:
        wanted = (f"{photo}.xmp", f"{photo.rpartition('.')[0]}.xmp")
        found = (self._xmp.get(name) or self._xmp.get(name.lower()) for name in wanted)
        return list(dict.fromkeys(name for name in found if name is not None))

    def _read_xmp(self, name: str, report: partial[None]) -> Fix | None:
        try:
            fix, problem = read_xmp(files.read(self._folder / name), SOURCE)
        except PhotoError as error:
            report(name, str(error))
            return None
        if problem and problem != gps.NO_POSITION:
            report(name, problem)
        return fix

    def _read_takeout(self, photo: str, report: partial[None]) -> Fix | None:
        name = self._takeout.find(photo)
        if name is None:
            return None
        try:
            return read_takeout(self._folder / name)[1]
        except NotTakeoutError:
            return None
        except BrokenTakeoutError as error:
            report(name, str(error))
            return None

    def _report(self, photo: Photo, problems: list[Skipped], name: str, reason: str) -> None:
        if name not in self._told:
            self._told.add(name)
            above = photo.name[: len(photo.name) - len(photo.path.name)]
            problems.append(Skipped(above + name, f"{reason} (a sidecar; its photo is not skipped for that)"))


def completed(first: Fix | None, second: Fix | None) -> Fix | None:
    """What the first witness says, and where it is silent the second. An accuracy goes with its position."""
    if first is None or second is None:
        return first or second
    placed = second if first.position is None else first
    return Fix(
        placed.position,
        placed.source,
        time=best_time(first.time, second.time),
        heading_deg=second.heading_deg if first.heading_deg is None else first.heading_deg,
        altitude_m=second.altitude_m if first.altitude_m is None else first.altitude_m,
        accuracy_m=placed.accuracy_m,
    )


def best_time(*times: datetime | None) -> datetime | None:
    """The first time with a zone, else the first."""
    known = [time for time in times if time is not None]
    return next((time for time in known if time.tzinfo is not None), known[0] if known else None)

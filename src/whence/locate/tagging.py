"""Positions written back into photos that have none."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

import whence
from whence.errors import InputError, PhotoError
from whence.locate.locator import Locator
from whence.locate.placing import placed
from whence.photos import files
from whence.photos.decode import SUFFIXES, read_facts
from whence.photos.sidecars import SUFFIXES as SIDECARS
from whence.photos.sidecars import Sidecars
from whence.photos.writing import inside, sidecar
from whence.photos.writing.estimate import Estimate, UnwritableError
from whence.photos.writing.journal import Journal
from whence.photos.writing.splices import applied
from whence.types import Crs, LatLon, Location, Photo, Status

MIN_CONFIDENCE = 0.8
RAW = (
    *(".3fr", ".ari", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".fff", ".iiq", ".kdc", ".mef", ".mos"),
    *(".mrw", ".nef", ".nrw", ".orf", ".pef", ".raf", ".raw", ".rw2", ".rwl", ".sr2", ".srf", ".srw", ".x3f"),
)
"""What cameras write beside a JPEG of the same name; never changed, a sidecar speaks for it."""


class Outcome(StrEnum):
    """What became of a photo, or would."""

    WRITTEN = "written"
    PLACED = "has a position"
    UNSURE = "unsure"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Tagged:
    """One photo.

    Attributes:
        path: Exactly as given.
        outcome: What became of it; of a trial run, what would.
        into: Names of the files that have the position now: the photo, and sidecars.
        reason: Why not, or why it went beside the photo; empty if it is just as asked.
        location: The answer; None if it was not asked.
    """

    path: str
    outcome: Outcome
    into: tuple[str, ...] = ()
    reason: str = ""
    location: Location | None = None


class Tagger:
    """Locates photos that have no position, and writes down where they were taken."""

    def __init__(
        self,
        locator: Locator,
        *,
        min_confidence: float = MIN_CONFIDENCE,
        beside: bool = False,
        journal: Journal | None = None,
    ) -> None:
        """Nothing is written yet.

        Args:
            locator: Of a gallery with latitudes and longitudes.
            min_confidence: An answer has to be located, and at least as sure as this.
            beside: Write sidecars and change no photo.
            journal: Where all that is written is written down first; None for a trial run that writes nothing.

        Raises:
            InputError: A number out of range, or a gallery on a plane of its own.
        """
        if not 0 <= min_confidence <= 1:
            raise InputError(f"confidence {min_confidence:g}: expected a probability, 0 to 1")
        if locator.gallery.settings.crs is not Crs.WGS84:
            raise InputError(
                f"the gallery {locator.gallery.folder} has a plane of its own, and metadata of photos know latitude "
                "and longitude only; index it with --crs EPSG:n if its x and y are those of a projected system"
            )
        self._locator, self._least, self._beside, self._journal = locator, min_confidence, beside, journal
        self._folders: dict[Path, _Folder] = {}

    def tag(self, photos: Iterable[Photo]) -> Iterator[Tagged]:
        """What becomes of photos, in their order; the next ones are read meanwhile."""
        settled: deque[Tagged | Photo] = deque()

        def asked() -> Iterator[Photo]:
            for photo in photos:
                known = self._known(photo)
                settled.append(known or photo)
                if known is None:
                    yield photo

        for answer in self._locator.answers(asked()):
            while isinstance(first := settled.popleft(), Tagged):
                yield first
            yield self.settle(first, answer.location)
        yield from (left for left in settled if isinstance(left, Tagged))

    def settle(self, photo: Photo, location: Location) -> Tagged:
        """Writes one answer down, if it is sure enough."""
        if not isinstance(location.position, LatLon) or location.radius_m is None:
            return Tagged(photo.name, Outcome.FAILED, reason=location.error or "no position", location=location)
        if location.status is not Status.LOCATED or location.confidence < self._least:
            low = f"{location.confidence:.0%} sure; at least {self._least:.0%} and located is asked for"
            return Tagged(photo.name, Outcome.UNSURE, reason=low, location=location)
        estimate = Estimate(
            location.position,
            location.radius_m,
            location.confidence,
            location.heading_deg,
            f"whence {whence.__version__}",
            datetime.now(UTC),
        )
        try:
            into, reason = self._write(photo.path, estimate)
        except PhotoError as error:
            return Tagged(photo.name, Outcome.FAILED, reason=str(error), location=location)
        return Tagged(photo.name, Outcome.WRITTEN, tuple(into), reason, location)

    def _known(self, photo: Photo) -> Tagged | None:
        """Photos that need not be asked."""
        if photo.at_s is not None:
            return Tagged(photo.name, Outcome.FAILED, reason="videos are not written to")
        try:
            data = files.read(photo.path)
        except PhotoError:
            return None  # asking it will tell why
        here = self._folder(photo.path.parent)
        told, _ = here.sidecars.complete(replace(photo, position=None))
        known, _ = placed(told, read_facts(data))
        return None if known.position is None else Tagged(photo.name, Outcome.PLACED)

    def _write(self, path: Path, estimate: Estimate) -> tuple[list[str], str]:
        """Names of the files that have the position now, and why it is not the photo itself."""
        data, into, reason = files.read(path), [], ""
        here = self._folder(path.parent)
        if not self._beside:
            try:
                new, splices = inside.with_position(data, path.suffix, estimate)
                if self._journal is not None:
                    self._journal.change(path, data, new, splices)
                into.append(path.name)
            except UnwritableError as error:
                reason = str(error)
        names = [] if into else [here.sidecar_of(path.name)]
        for raw in here.raws_of(path.name):
            names.append(here.sidecar_of(raw, stem=True))
        for name in dict.fromkeys(names):
            self._write_beside(path.with_name(name), estimate)
            into.append(name)
            here.names.add(name)
        return into, reason

    def _write_beside(self, path: Path, estimate: Estimate) -> None:
        try:
            if not path.exists():
                if self._journal is not None:
                    self._journal.create(path, sidecar.new(estimate))
                return
            data = files.read(path)
            splices = sidecar.splices(data, estimate)
        except UnwritableError as error:
            raise PhotoError(f"{path.name}: {error}") from error
        if self._journal is not None:
            self._journal.change(path, data, applied(data, splices), splices)

    def _folder(self, path: Path) -> _Folder:
        if path not in self._folders:
            self._folders[path] = _Folder(path)
        return self._folders[path]


class _Folder:
    """Names of a folder, looked at once."""

    def __init__(self, path: Path) -> None:
        try:
            self.names = set(os.listdir(path))  # noqa: PTH208 -- names alone
        except OSError:
            self.names = set()
        photos = [name for name in self.names if name.lower().endswith(SUFFIXES)]
        self.sidecars = Sidecars(path, photos, [name for name in self.names if name.lower().endswith(SIDECARS)])

    def sidecar_of(self, name: str, *, stem: bool = False) -> str:
        """The XMP file of a photo that is there, or is to be: ``a.jpg.xmp``, or ``a.xmp`` as is usual for raw files."""
        known = {other.lower(): other for other in sorted(self.names)}
        usual = (f"{name}.xmp", f"{name.rpartition('.')[0]}.xmp")
        there = next((known[wanted.lower()] for wanted in usual if wanted.lower() in known), None)
        return there or usual[stem]

    def raws_of(self, name: str) -> list[str]:
        """Raw files of the same picture."""
        stem = name.rpartition(".")[0].lower()
        return sorted(
            other for other in self.names if other.lower().endswith(RAW) and other.rpartition(".")[0].lower() == stem
        )

"""Positions written back into photos that have none."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

import whence
from whence.errors import InputError, PhotoError
from whence.locate.locator import Locator
from whence.locate.placing import placed
from whence.photos import files
from whence.photos.decode import read_facts
from whence.photos.writing.estimate import Estimate
from whence.photos.writing.journal import Journal, turn
from whence.photos.writing.places import Folder
from whence.types import Crs, LatLon, Location, Photo, Status

MIN_CONFIDENCE = 0.8


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
        into: Names of the files that have the position now: the photo, and sidecars. Some of them, if it failed later.
        reason: Why not, or why not just as asked; empty if it is.
        location: The answer; None if it was not asked.
    """

    path: str
    outcome: Outcome
    into: tuple[str, ...] = ()
    reason: str = ""
    location: Location | None = None


def estimate_of(location: Location, position: LatLon, made: datetime) -> Estimate:
    """What was answered, and that is ``position``, as it is written down."""
    radius_m, program = location.radius_m or 0.0, f"whence {whence.__version__}"
    return Estimate(position, radius_m, location.confidence, location.heading_deg, program, made)


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
        self._folders: dict[Path, Folder] = {}

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
        """Writes one answer down, if it is sure enough and the photo still has no position."""
        if not isinstance(location.position, LatLon) or location.radius_m is None:
            return Tagged(photo.name, Outcome.FAILED, reason=location.error or "no position", location=location)
        if location.status is not Status.LOCATED or location.confidence < self._least:
            low = f"{location.confidence:.0%} sure; at least {self._least:.0%} and located is asked for"
            return Tagged(photo.name, Outcome.UNSURE, reason=low, location=location)
        estimate = estimate_of(location, location.position, datetime.now(UTC))
        try:
            with nullcontext() if self._journal is None else turn():
                return self._written(photo, location, estimate)
        except (PhotoError, OSError) as error:  # of the latter kind is a name that no file system takes
            reason = str(error) if isinstance(error, PhotoError) else error.strerror or type(error).__name__
            return Tagged(photo.name, Outcome.FAILED, reason=reason, location=location)

    def _known(self, photo: Photo) -> Tagged | None:
        """Photos that need not be asked."""
        if photo.at_s is not None:
            return Tagged(photo.name, Outcome.FAILED, reason="videos are not written to")
        try:
            data = files.read(photo.path)
        except PhotoError:
            return None  # asking it will tell why
        known = _has_position(photo, data, self._folder(photo.path.parent))
        return Tagged(photo.name, Outcome.PLACED) if known else None

    def _written(self, photo: Photo, location: Location, estimate: Estimate) -> Tagged:
        """What was looked at before it was asked is looked at again, in the very bytes that are to change."""
        path = photo.path
        data = files.read(path)
        here = self._folders[path.parent] = self._folder(path.parent).now()
        if _has_position(photo, data, here):
            return Tagged(photo.name, Outcome.PLACED, reason="since it was asked", location=location)
        changes, reason = here.planned(path, data, estimate, beside=self._beside)
        into: list[str] = []
        for change in changes:
            try:
                if self._journal is not None:
                    change.write(self._journal)
            except PhotoError as error:
                told = f"written into {', '.join(into)} alone: {error}" if into else str(error)
                return Tagged(photo.name, Outcome.FAILED, tuple(into), told, location)
            into.append(change.path.name)
        return Tagged(photo.name, Outcome.WRITTEN, tuple(into), reason, location)

    def _folder(self, path: Path) -> Folder:
        if path not in self._folders:
            self._folders[path] = Folder(path)
        return self._folders[path]


def _has_position(photo: Photo, data: bytes, here: Folder) -> bool:
    """Whether the file, or a file beside it, says where the photo was taken."""
    told, _ = here.sidecars.complete(replace(photo, position=None))
    known, _ = placed(told, read_facts(data))
    return known.position is not None

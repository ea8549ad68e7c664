"""Large batches of photos, asked by the workers of a cluster: the same answers, in the same order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self

from whence.cluster import Cluster
from whence.direct.model import Model
from whence.errors import GalleryError
from whence.gallery.gallery import Gallery
from whence.locate.answers import Answer
from whence.locate.locator import Locator
from whence.locate.telling import Teller
from whence.types import Location, Photo, Status

Keep = Literal["location", "query", "pixels"]
"""What of an answer comes back: the location, also the query without its pixels, or all."""


@dataclass(frozen=True, slots=True)
class Row:
    """A photo of the gallery that is asked as if it were not there, nor some others."""

    name: str
    row: int
    hidden: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class LocateJob:
    """Asks a gallery, in a process of its own."""

    folder: str
    photos: int
    model: str
    options: Mapping[str, Any]
    keep: Keep

    @classmethod
    def of(cls, gallery: Gallery, options: Mapping[str, Any], keep: Keep) -> Self:
        """
        Args:
            gallery: Open here; workers open the same one.
            options: Of ``Locator``, but for ``workers``.
            keep: Of every answer.
        """
        return cls(gallery.folder.name(), len(gallery), gallery.model, options, keep)

    def __call__(self, asked: Sequence[Photo | Row], /) -> list[Answer | None]:
        """One answer each; None for what is passed over, as a moment after the end of a video."""
        locator, keep = self._locator, self.keep
        if isinstance(asked[0], Row):
            rows = [one for one in asked if isinstance(one, Row)]
            return [_kept(locator.answer_row(one.row, one.hidden), keep) for one in rows]
        photos = [one for one in asked if isinstance(one, Photo)]
        return _in_place(photos, (_kept(answer, keep) for answer in locator.answers(photos)))

    @cached_property
    def _locator(self) -> Locator:
        gallery = Gallery.open(self.folder)
        if (len(gallery), gallery.model) != (self.photos, self.model):
            raise GalleryError(
                f"the gallery {self.folder} changed while it was asked; ask again when nobody writes to it"
            )
        return Locator(gallery, workers=1, **self.options)


@dataclass(frozen=True, eq=False)
class TellJob:
    """Asks a trained model, in a process of its own. ``options`` are those of ``Teller``, but for ``workers``."""

    folder: Path
    options: Mapping[str, Any]
    keep: Keep

    def __call__(self, photos: Sequence[Photo], /) -> list[Answer | None]:
        """As ``LocateJob``."""
        return _in_place(photos, (_kept(answer, self.keep) for answer in self._teller.answers(photos)))

    @cached_property
    def _teller(self) -> Teller:
        return Teller(Model.load(self.folder), workers=1, **self.options)


def photos_asked(cluster: Cluster, job: LocateJob | TellJob, photos: Iterable[Photo]) -> Iterator[Answer]:
    """What ``Locator.answers`` or ``Teller.answers`` gives, by the workers of a cluster."""
    absolute = (replace(photo, path=photo.path.absolute()) for photo in photos)
    for _, answers in cluster.spread(absolute, lambda: job, _lost):
        yield from (answer for answer in answers if answer is not None)


def rows_asked(cluster: Cluster, job: LocateJob, rows: Iterable[Row]) -> Iterator[Answer]:
    """What ``Locator.answer_row`` gives for each."""
    for _, answers in cluster.spread(rows, lambda: job, _lost):
        yield from (answer for answer in answers if answer is not None)


def _lost(asked: Photo | Row) -> Answer | None:
    reason = "every worker that looked at it died or failed; Ray's logs say of what"
    return Answer(Location(asked.name, Status.FAILED, error=reason))


def _kept(answer: Answer, keep: Keep) -> Answer:
    if answer.query is None or keep == "pixels":
        return answer
    return replace(answer, query=replace(answer.query, pixels=None) if keep == "query" else None)


def _in_place(photos: Sequence[Photo], answers: Iterable[Answer]) -> list[Answer | None]:
    """Answers beside the photos that they are of; some photos may have none."""
    found: list[Answer | None] = []
    for answer in answers:
        while photos[len(found)].name != answer.location.path:
            found.append(None)
        found.append(answer)
    return found + [None] * (len(photos) - len(found))

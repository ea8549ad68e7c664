"""What an evaluation asks: a gallery by a recipe, or a trained model."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

import whence
from whence.cluster import Cluster
from whence.direct.model import ARRAYS, WORDS, Model
from whence.errors import PhotoError
from whence.evaluate.model import Question
from whence.gallery.gallery import Gallery
from whence.locate.answers import Answer
from whence.locate.batches import LocateJob, Row, TellJob, photos_asked, rows_asked
from whence.locate.locator import Locator
from whence.locate.telling import Teller
from whence.photos import files
from whence.recipes import Recipe
from whence.types import DoubleArray, Location, Photo, Status

Hidden = Sequence[Sequence[int]]
"""Rows of a gallery that are hidden from each query."""


class Answerer(Protocol):
    """Answers queries."""

    @property
    def points(self) -> DoubleArray:
        """``(N, 2)`` coordinates of the photos that a shortlist names."""
        ...

    def key(self, asked: Sequence[Question], hidden: Hidden | None) -> str:
        """Changes with whatever may change an answer; not with the truth: answers are judged anew each time."""
        ...

    def answers(self, asked: Sequence[Question], hidden: Hidden | None) -> Iterator[Answer]:
        """In the order of the queries."""
        ...


class OfGallery:
    """A gallery, asked by a recipe."""

    def __init__(
        self,
        recipe: Recipe,
        gallery: Gallery,
        tolerance_m: float,
        candidates: int,
        workers: int | None,
        cluster: Cluster | None,
    ) -> None:
        self._recipe, self._gallery = recipe, gallery
        self._tolerance_m, self._candidates = tolerance_m, candidates
        self._workers, self._cluster = workers, cluster

    @property
    def points(self) -> DoubleArray:
        """See ``Answerer``."""
        return self._gallery.coordinates

    def key(self, asked: Sequence[Question], hidden: Hidden | None) -> str:
        """See ``Answerer``."""
        gallery, digest = self._gallery, _Digest()
        digest.add(whence.__version__, self._recipe.hash, gallery.model, gallery.settings.extractor)
        digest.add(self._tolerance_m, self._candidates)
        prior = self._recipe.sections.get("prior", {}).get("model")
        if prior:
            digest.add(_contents(Path(prior).expanduser()))
        for photo in gallery.photos:
            digest.add(photo.path, photo.content_hash, photo.position, photo.group)
        for number, question in enumerate(asked):
            if hidden is None:
                digest.add(question.name, str(question.path), files.state_of(question.path), question.camera)
            else:
                digest.add(question.name, question.row, list(hidden[number]))
        return digest.text

    def answers(self, asked: Sequence[Question], hidden: Hidden | None) -> Iterator[Answer]:
        """See ``Answerer``."""
        if hidden is None:
            yield from self._of_photos([Photo(q.path, q.name, intrinsics=q.camera) for q in asked])
            return
        there = self._of_rows(
            Row(question.name, question.row, tuple(rows))
            for question, rows in zip(asked, hidden, strict=True)
            if question.row is not None
        )
        reason = f"the gallery {self._gallery.folder} could not take it in"
        for question in asked:
            if question.row is None:
                yield Answer(Location(question.name, Status.FAILED, error=reason))
            else:
                yield next(there)

    def _of_photos(self, photos: Sequence[Photo]) -> Iterator[Answer]:
        if self._cluster is not None:
            return photos_asked(self._cluster, self._job, photos)
        return self._locator.answers(photos)

    def _of_rows(self, rows: Iterable[Row]) -> Iterator[Answer]:
        if self._cluster is not None:
            return rows_asked(self._cluster, self._job, rows)
        locator = self._locator
        return (locator.answer_row(row.row, row.hidden) for row in rows)

    @property
    def _options(self) -> dict[str, Any]:
        return {"recipe": self._recipe, "tolerance_m": self._tolerance_m, "candidates": self._candidates}

    @property
    def _locator(self) -> Locator:
        return Locator(self._gallery, workers=self._workers, **self._options)

    @property
    def _job(self) -> LocateJob:
        return LocateJob.of(self._gallery, self._options, "location")


class OfModel:
    """A trained model."""

    def __init__(
        self, model: Model, folder: Path, tolerance_m: float, workers: int | None, cluster: Cluster | None
    ) -> None:
        self._model, self._folder, self._tolerance_m = model, folder, tolerance_m
        self._workers, self._cluster = workers, cluster

    @property
    def points(self) -> DoubleArray:
        """See ``Answerer``; a model names no photos."""
        return np.zeros((0, 2))

    def key(self, asked: Sequence[Question], hidden: Hidden | None) -> str:
        """See ``Answerer``."""
        digest = _Digest()
        digest.add(whence.__version__, self._tolerance_m)
        digest.add(_contents(self._folder))
        for question in asked:
            digest.add(question.name, str(question.path), files.state_of(question.path))
        return digest.text

    def answers(self, asked: Sequence[Question], hidden: Hidden | None) -> Iterator[Answer]:
        """See ``Answerer``."""
        photos = [Photo(question.path, question.name) for question in asked]
        if self._cluster is not None:
            job = TellJob(self._folder.absolute(), {"tolerance_m": self._tolerance_m}, "location")
            yield from photos_asked(self._cluster, job, photos)
        else:
            yield from Teller(self._model, tolerance_m=self._tolerance_m, workers=self._workers).answers(photos)


class _Digest:
    def __init__(self) -> None:
        self._made = hashlib.blake2b(digest_size=16)

    def add(self, *said: object) -> None:
        self._made.update(repr(said).encode("utf-8", "surrogatepass"))

    @property
    def text(self) -> str:
        return self._made.hexdigest()


def _contents(model: Path) -> list[str]:
    """Changes with a model."""
    try:
        return [files.content_hash(files.read(model / name)) for name in (WORDS, ARRAYS)]
    except PhotoError:
        return []  # what is wrong with it is told by whoever opens it

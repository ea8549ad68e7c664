"""Locating photos by a trained model, without a gallery."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from time import perf_counter

import numpy as np

from whence.direct.model import CHOICES, Guess, Model
from whence.errors import InputError, PhotoError
from whence.locate.answers import Answer, Query
from whence.locate.asking import check_pixels
from whence.locate.options import ConfidenceOptions
from whence.photos import files, video
from whence.photos.decode import decode
from whence.recipes import options_from
from whence.types import Image, LocalFeatures, Location, Photo, Position, Status


class Teller:
    """Answers where photos were taken, by a model alone: what a ``Locator`` is to a gallery.

    Example:
        >>> teller = Teller(Model.load("trained"))  # doctest: +SKIP
        >>> teller.locate("photo.jpg").position  # doctest: +SKIP
    """

    def __init__(
        self,
        model: Model,
        *,
        tolerance_m: float | None = None,
        choices: int = CHOICES,
        workers: int | None = None,
        places: bool = False,
    ) -> None:
        """Prepares a model.

        Args:
            model: To be asked.
            tolerance_m: An error up to this counts as right; None for the model's own.
            choices: How many classes or places an answer names.
            workers: Threads; None for one per core.
            places: Name the nearest town in ``Location.place``; needs the extra "places".

        Raises:
            InputError: A number out of range, or names of places on a local plane.
            MissingExtraError: Names of places without the extra.
        """
        if tolerance_m is not None and not (np.isfinite(tolerance_m) and tolerance_m > 0):
            raise InputError(f"tolerance {tolerance_m} m: expected a number above 0")
        if choices < 1 or (workers is not None and workers < 1):
            raise InputError("choices and workers: expected at least 1 of each")
        self.model, self.tolerance_m = model, tolerance_m or model.tolerance_m
        self._choices, self._workers = choices, workers or os.cpu_count() or 1
        own = options_from(ConfidenceOptions, "confidence", model.recipe.sections.get("confidence", {}))
        self._unsure_below = own.unsure_below
        self._near = None
        if places:
            if model.metric:
                raise InputError("places have names on the Earth only, and the model's positions are metres on a plane")
            from whence.geo.places import towns

            self._near = towns().near

    @property
    def positions(self) -> list[Position]:
        """Of photos that it was trained with, where they are kept."""
        found = self.model.blank
        if not len(found.names):
            return []
        return [found.position(point) for point in found.points]

    def locate(self, photo: str | os.PathLike[str] | Image) -> Location:
        """Where one photo was taken: a file, or ``(H, W, 3)`` RGB pixels."""
        if isinstance(photo, np.ndarray):
            check_pixels(photo)
            return self._answered("", photo, "", {}).location
        name = os.fspath(photo)
        return self._of_file(Photo(Path(name), name)).location

    def answers(self, photos: Iterable[Photo]) -> Iterator[Answer]:
        """Answers for many photos, in their order; the next ones are looked at meanwhile."""
        reader = video.Reader(self.model.max_side)
        with ThreadPoolExecutor(self._workers, thread_name_prefix="whence-tell") as threads:
            waiting: deque[Future[Answer]] = deque()
            try:
                for photo in photos:
                    asked = self._submitted(photo, threads, reader)
                    if asked is not None:
                        waiting.append(asked)
                    if len(waiting) > self._workers:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                reader.close()
                threads.shutdown(wait=True, cancel_futures=True)

    def _submitted(self, photo: Photo, threads: ThreadPoolExecutor, reader: video.Reader) -> Future[Answer] | None:
        if photo.at_s is None:
            return threads.submit(self._of_file, photo)
        try:
            frame = reader.frame(photo.path, photo.at_s)
        except PhotoError as error:
            lost: Future[Answer] = Future()
            lost.set_result(Answer(Location(photo.name, Status.FAILED, error=str(error))))
            return lost
        return None if frame is None else threads.submit(self._answered, photo.name, frame[0], "", {})

    def _of_file(self, photo: Photo) -> Answer:
        start = perf_counter()
        try:
            data = files.read(photo.path)
            pixels = decode(data, max_side=self.model.max_side).pixels
        except PhotoError as error:
            return Answer(Location(photo.name, Status.FAILED, error=str(error)))
        return self._answered(photo.name, pixels, files.content_hash(data), {"read": perf_counter() - start})

    def _answered(self, name: str, pixels: Image, content_hash: str, seconds: dict[str, float]) -> Answer:
        start = perf_counter()
        guess = self.model.guess(pixels, self.tolerance_m)
        seconds = {**seconds, "predict": perf_counter() - start}
        height, width = pixels.shape[:2]
        features = LocalFeatures(np.zeros((0, 4), np.float32), np.zeros((0, 1), np.int8), width, height)
        query = Query(name, pixels, features, np.zeros(0, np.float32), content_hash, seconds)
        found = guess.prediction
        spread = tuple(
            (found.position(point), float(weight)) for point, weight in zip(found.points, found.weights, strict=True)
        )
        return Answer(self._location(name, guess, seconds), query, hypotheses=spread)

    def _location(self, name: str, guess: Guess, seconds: dict[str, float]) -> Location:
        choices = self.model.choices(guess.prediction, self._choices)
        place = self._near(guess.position) if self._near and guess.position else None
        return Location(
            path=name,
            status=Status.LOCATED if guess.confidence >= self._unsure_below else Status.UNSURE,
            position=guess.position,
            radius_m=guess.radius_m,
            confidence=guess.confidence,
            seconds=seconds,
            place=place or (choices[0].label if choices and guess.position is None else None),
            choices=choices,
        )

"""Locating photos with a gallery."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from whence.errors import InputError, ModelMismatchError, PhotoError
from whence.gallery.gallery import Gallery, GalleryPhoto
from whence.gallery.where import Where
from whence.geo.plane import Plane
from whence.locate.confidence import confidence, radius_m
from whence.locate.fusion import Place, best_place, clusters, geometric_median
from whence.locate.pipeline import Pipeline
from whence.locate.threads import one_thread_each
from whence.photos import files
from whence.photos.decode import decode
from whence.recipes import Recipe, load_recipe
from whence.types import Candidate, Crs, DoubleArray, FloatArray, Image, LocalFeatures, Location, Position, Status
from whence.verify.rerank import Verification, distinctive_weights, verify_all

CANDIDATES = 20


@dataclass(frozen=True, slots=True, eq=False)
class Query:
    """One photo, read and described.

    Attributes:
        path: Exactly as given.
        pixels: As the features were found in.
        features: Its local features.
        vector: Its global descriptor.
        content_hash: Of the file; empty for an image in memory.
        seconds: Time spent so far, per stage.
    """

    path: str
    pixels: Image
    features: LocalFeatures
    vector: FloatArray
    content_hash: str
    seconds: dict[str, float]


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """A location with what it stands on.

    Attributes:
        location: The answer.
        query: The photo; None if it could not be read.
        rows: Gallery rows of ``location.candidates``.
        verifications: Of the same candidates.
    """

    location: Location
    query: Query | None = None
    rows: tuple[int, ...] = ()
    verifications: tuple[Verification, ...] = ()


class Locator:
    """Answers where photos were taken.

    Example:
        >>> locator = Locator(Gallery.open("my-gallery"))  # doctest: +SKIP
        >>> answer = locator.locate("photo.jpg")  # doctest: +SKIP
        >>> answer.position, answer.radius_m, answer.confidence  # doctest: +SKIP
    """

    def __init__(
        self,
        gallery: Gallery,
        *,
        recipe: str | Recipe | None = None,
        tolerance_m: float | None = None,
        candidates: int = CANDIDATES,
        workers: int | None = None,
        where: Where | None = None,
        places: bool = False,
    ) -> None:
        """Prepares the gallery's recipe, or another one that describes photos in the same way.

        Args:
            gallery: Where to look.
            recipe: Name, TOML file or recipe; None for the gallery's own.
            tolerance_m: An error up to this counts as right; None for the gallery's own.
            candidates: How many candidates an answer names.
            workers: Threads; None for one per core.
            where: Conditions on the gallery's photos; those that do not meet them are as if they were not there.
            places: Name the nearest town in ``Location.place``; needs the extra "places".

        Raises:
            MissingExtraError: Names of places without the extra.
            ModelMismatchError: The recipe describes photos differently from how the gallery was described.
            InputError: A number out of range, an empty gallery or one without a photo that meets the conditions, or
                names of places on a local plane.
        """
        if not isinstance(gallery, Gallery):
            raise InputError(f"a gallery is expected, not {gallery!r}; open it first: Gallery.open(folder)")
        if tolerance_m is not None and not (np.isfinite(tolerance_m) and tolerance_m > 0):
            raise InputError(f"tolerance {tolerance_m} m: expected a number above 0")
        if candidates < 1:
            raise InputError(f"candidates {candidates}: expected at least 1")
        if workers is not None and workers < 1:
            raise InputError(f"workers {workers}: expected at least 1")
        if not len(gallery):
            raise InputError(
                f"the gallery {gallery.folder} holds no photos; add some: whence index PHOTOS --gallery ..."
            )
        self._allowed = gallery.allowed(where) if where else None
        if self._allowed is not None and not self._allowed.any():
            raise InputError(
                f"none of the {len(gallery):,} photos of {gallery.folder} meets the conditions on place and time; "
                "widen them (see `whence info`)"
            )
        self._coordinates = gallery.coordinates if self._allowed is None else gallery.coordinates[self._allowed]
        self._near = _place_names(gallery) if places else None
        self.gallery = gallery
        self.tolerance_m = tolerance_m or gallery.settings.tolerance_m
        self._candidates = candidates
        self._workers = workers or os.cpu_count() or 1
        self._pipeline = Pipeline(_recipe(gallery, recipe))
        if self._pipeline.extractor_fingerprint != gallery.settings.extractor:
            raise ModelMismatchError(
                f"the gallery {gallery.folder} has features {gallery.settings.extractor}, recipe "
                f"{self._pipeline.recipe.name} of this whence makes {self._pipeline.extractor_fingerprint}; "
                "leave out --recipe, or index into a new gallery"
            )
        self._describer = self._pipeline.restored(gallery)
        self._threads = ThreadPoolExecutor(self._workers, thread_name_prefix="whence-verify")

    @property
    def positions(self) -> list[Position]:
        """Of the gallery's photos that count."""
        return [photo.position for row, photo in enumerate(self.gallery.photos) if self._counts(row)]

    def _counts(self, row: int) -> bool:
        """Whether a gallery photo meets the conditions."""
        return self._allowed is None or bool(self._allowed[row])

    def locate(self, photo: str | os.PathLike[str] | Image) -> Location:
        """Where one photo was taken: a file, or ``(H, W, 3)`` RGB pixels.

        A photo that cannot be read gives an answer too, with status ``failed`` and the reason.
        """
        return self.answer(photo).location

    def answer(self, photo: str | os.PathLike[str] | Image) -> Answer:
        """``locate`` with the evidence."""
        if isinstance(photo, np.ndarray):
            if photo.ndim != 3 or photo.shape[2] != 3 or photo.dtype != np.uint8 or not photo.size:
                raise InputError(f"pixels of shape {photo.shape} and type {photo.dtype}; expected (H, W, 3) RGB uint8")
            return self._answer(self._described("", photo, "", {}))
        if not isinstance(photo, str | os.PathLike):
            raise InputError(f"a path or RGB pixels are expected, not {type(photo).__name__}")
        name = os.fspath(photo)
        return self._answered(name, Path(name))

    def answers(self, photos: Iterable[tuple[str, Path]]) -> Iterator[Answer]:
        """Answers for many photos (name, file), in their order; the next ones are read meanwhile."""
        with ThreadPoolExecutor(self._workers, thread_name_prefix="whence-read") as readers:
            waiting: deque[tuple[str, Future[Query]]] = deque()
            try:
                for name, path in photos:
                    waiting.append((name, readers.submit(self._read, name, path)))
                    if len(waiting) > self._workers:
                        yield self._settled(*waiting.popleft())
                while waiting:
                    yield self._settled(*waiting.popleft())
            finally:
                readers.shutdown(wait=True, cancel_futures=True)

    def _settled(self, name: str, query: Future[Query]) -> Answer:
        try:
            return self._answer(query.result())
        except PhotoError as error:
            return Answer(Location(name, Status.FAILED, error=str(error)))

    def _answered(self, name: str, path: Path) -> Answer:
        try:
            return self._answer(self._read(name, path))
        except PhotoError as error:
            return Answer(Location(name, Status.FAILED, error=str(error)))

    def _read(self, name: str, path: Path) -> Query:
        start = perf_counter()
        data = files.read(path)
        pixels = decode(data, max_side=self._pipeline.photos.max_side).pixels
        return self._described(name, pixels, files.content_hash(data), {"read": perf_counter() - start})

    def _described(self, name: str, pixels: Image, content_hash: str, seconds: dict[str, float]) -> Query:
        start = perf_counter()
        with one_thread_each:
            features = self._pipeline.extract(pixels)
            vector = self._describer.describe(features)
        return Query(name, pixels, features, vector, content_hash, {**seconds, "describe": perf_counter() - start})

    def _answer(self, query: Query) -> Answer:
        start = perf_counter()
        duplicate = self.gallery.by_hash.get(query.content_hash)
        rows, cosines = self._shortlist(query, duplicate)
        searched = perf_counter()
        verifications = self._verify(query, rows)
        verified = perf_counter()
        answer = self._decide(query, rows, cosines, verifications)
        seconds = {
            **query.seconds,
            "search": searched - start,
            "verify": verified - searched,
            "locate": perf_counter() - verified,
        }
        same = () if duplicate is None or not self._counts(duplicate) else (self.gallery.photos[duplicate].path,)
        place = self._near(answer.location.position) if self._near and answer.location.position else None
        return replace(answer, location=replace(answer.location, seconds=seconds, duplicate_of=same, place=place))

    def _shortlist(self, query: Query, duplicate: int | None) -> tuple[NDArray[np.intp], FloatArray]:
        """Rows and cosines of the most similar photos, without the query itself; none for a photo without features."""
        if not len(query.features):
            return np.zeros(0, np.intp), np.zeros(0, np.float32)
        wanted = self._pipeline.locate.shortlist + 1
        rows, cosines = self.gallery.search.nearest(query.vector, wanted, self._allowed)
        kept = rows != (-1 if duplicate is None else duplicate)
        return rows[kept][: self._pipeline.locate.shortlist], cosines[kept][: self._pipeline.locate.shortlist]

    def _verify(self, query: Query, rows: NDArray[np.intp]) -> list[Verification]:
        features = self.gallery.features(rows.tolist())
        with one_thread_each:
            return verify_all(query.features, features, self._pipeline.matcher, self._pipeline.estimator, self._threads)

    def _decide(
        self, query: Query, rows: NDArray[np.intp], cosines: FloatArray, verifications: Sequence[Verification]
    ) -> Answer:
        photos = [self.gallery.photos[row] for row in rows]
        plane = self._plane(photos, verifications)
        points = plane.metres(self.gallery.coordinates[rows])
        places = clusters(points, [photo.group for photo in photos], self.tolerance_m)
        weights = distinctive_weights(verifications, places)
        evidence = np.array([weight.sum() for weight in weights], dtype=np.float64)
        scales = np.array([verification.scale for verification in verifications], dtype=np.float64)
        place = best_place(points, evidence, scales, self.tolerance_m) if len(rows) else None
        position = self._position(place, points, plane)
        probability = 0.0 if place is None else confidence(place.support, place.rival)
        order = _order(place, evidence, cosines)[: self._candidates]
        named = tuple(
            Candidate(photo.path, photo.position, float(cosines[i]), len(verifications[i]), int(i), photo.group)
            for i, photo in ((i, photos[i]) for i in order)
        )
        sure = place is not None and probability >= self._pipeline.locate.unsure_below
        location = Location(
            path=query.path,
            status=Status.LOCATED if sure else Status.UNSURE,
            position=position,
            radius_m=radius_m(probability, self.tolerance_m, self._distances(position)),
            confidence=probability,
            candidates=named,
        )
        return Answer(location, query, tuple(int(rows[i]) for i in order), tuple(verifications[i] for i in order))

    def _plane(self, photos: Sequence[GalleryPhoto], verifications: Sequence[Verification]) -> Plane:
        """Around the best match, where metres have to be right, however large the gallery."""
        if not photos:
            kept = range(len(self.gallery)) if self._allowed is None else np.flatnonzero(self._allowed)
            return Plane.around([self.gallery.photos[row].position for row in kept])
        return Plane.around([photos[int(np.argmax([len(v) for v in verifications]))].position])

    def _position(self, place: Place | None, points: DoubleArray, plane: Plane) -> Position:
        """The place found; else that of the most similar photo; else the middle of the gallery."""
        if place is not None:
            east, north = place.east_north.tolist()
        elif len(points):
            east, north = points[0].tolist()
        else:
            east, north = geometric_median(plane.metres(self._coordinates)).tolist()
        return plane.position(east, north)

    def _distances(self, position: Position) -> DoubleArray:
        """Metres from a position to all photos that count."""
        return np.asarray(np.hypot(*Plane.around([position]).metres(self._coordinates).T))


def _order(place: Place | None, evidence: DoubleArray, cosines: FloatArray) -> list[int]:
    """Members of the place first, each part by evidence, then by similarity."""
    members = np.zeros(len(evidence), np.bool_) if place is None else place.members
    return [int(i) for i in np.lexsort((-cosines, -evidence, ~members))]


def _place_names(gallery: Gallery) -> Callable[[Position], str | None]:
    if gallery.settings.crs is not Crs.WGS84:
        raise InputError(
            f"places have names on the Earth only, and the gallery {gallery.folder} has a plane of its own; "
            "leave out --places"
        )
    from whence.geo.places import towns

    return towns().near


def _recipe(gallery: Gallery, asked: str | Recipe | None) -> Recipe:
    if asked is None:
        return Recipe(gallery.settings.recipe, "", gallery.settings.sections)
    return asked if isinstance(asked, Recipe) else load_recipe(asked)

"""Locating photos with a gallery."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import numpy as np

from whence.direct.model import Guess
from whence.errors import InputError, ModelMismatchError, PhotoError
from whence.gallery.gallery import Gallery
from whence.gallery.search import Found, Mask
from whence.gallery.where import Where
from whence.locate.answers import Answer, Query
from whence.locate.asking import Asker, check_pixels
from whence.locate.calibration import Calibration
from whence.locate.deciding import Decider
from whence.locate.options import PriorOptions
from whence.locate.pipeline import Pipeline, recipe_of
from whence.locate.prior import Prior
from whence.locate.sequence import follow
from whence.locate.tried import trials_of
from whence.locate.turns import worth_asking
from whence.locate.verifying import Verifier
from whence.photos.cameras import check_fov
from whence.photos.decode import Decoded
from whence.recipes import Recipe, load_recipe, options_from
from whence.types import (
    XY,
    Crs,
    Image,
    LatLon,
    Location,
    Photo,
    Position,
    Status,
)

CANDIDATES = 20
_FIRST = 5
"""Photos whose likeness tells how a photo is to be turned."""


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
        calibrated: bool = True,
        fov_deg: float | None = None,
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
            calibrated: Judge confidence and radius by what the gallery found out of its own photos, if it did.
            fov_deg: Field of view along the longest side of what is asked, where it does not tell its camera itself.

        Raises:
            MissingExtraError: Names of places without the extra.
            ModelMismatchError: The recipe describes photos differently from how the gallery was described.
            GalleryError: The gallery lost the descriptors of its photos.
            InputError: A number out of range, an empty gallery or one without a photo that meets the conditions, or
                names of places on a local plane.
        """
        if not isinstance(gallery, Gallery):
            raise InputError(f"a gallery is expected, not {gallery!r}; open it first: Gallery.open(folder)")
        if tolerance_m is not None and not (np.isfinite(tolerance_m) and tolerance_m > 0):
            raise InputError(f"tolerance {tolerance_m} m: expected a number above 0")
        check_fov(fov_deg)
        if candidates < 1:
            raise InputError(f"candidates {candidates}: expected at least 1")
        if workers is not None and workers < 1:
            raise InputError(f"workers {workers}: expected at least 1")
        gallery.check_described()
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
        self._workers = workers or os.cpu_count() or 1
        self._pipeline = Pipeline(_recipe(gallery, recipe))
        if self._pipeline.seeing.fingerprint != gallery.settings.extractor:
            way = "leave out --recipe" if recipe is not None else "put back the model that it was made with"
            raise ModelMismatchError(
                f"the gallery {gallery.folder} has features {gallery.settings.extractor}, recipe "
                f"{self._pipeline.recipe.name} of this whence makes {self._pipeline.seeing.fingerprint}; "
                f"{way}, or index into a new gallery"
            )
        self._asker = Asker(self._pipeline, self._pipeline.restored(gallery), self._workers, fov_deg)
        self._pipeline.retriever.prepare(gallery)
        trials = trials_of(gallery, self._pipeline.recipe) if calibrated else None
        self.calibration = Calibration(trials, self.tolerance_m) if trials is not None and trials.enough else None
        section = self._pipeline.recipe.sections["prior"] if calibrated else {}
        self._prior = Prior(gallery, options_from(PriorOptions, "prior", section)) if section else None
        self._verifier = Verifier(gallery, self._pipeline, self.tolerance_m, self._workers)
        self._decider = Decider(
            gallery,
            self._pipeline,
            self._coordinates,
            self.tolerance_m,
            candidates,
            self.calibration,
            None if trials is None else trials.y_down,
        )
        # Not in the caller's: of a main thread glibc gives the 100 MB that SIFT takes of a photo back each time, and
        # having them again costs half as much as SIFT itself.
        self._threads = ThreadPoolExecutor(self._workers, thread_name_prefix="whence-answer")

    @property
    def pipeline(self) -> Pipeline:
        """The stages of its recipe."""
        return self._pipeline

    @property
    def positions(self) -> list[Position]:
        """Of the gallery's photos that count."""
        kind = LatLon if self.gallery.settings.crs is Crs.WGS84 else XY
        return [kind(*pair) for pair in self._coordinates.tolist()]

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
            check_pixels(photo)
            return self._threads.submit(lambda: self._answer(self._asker.seen(photo))).result()
        if not isinstance(photo, str | os.PathLike):
            raise InputError(f"a path or RGB pixels are expected, not {type(photo).__name__}")
        name = os.fspath(photo)
        return self._threads.submit(self._answered, Photo(Path(name), name)).result()

    @property
    def max_side(self) -> int:
        """Pixels that photos are reduced to before anything is looked for in them."""
        return self._pipeline.seeing.max_side

    def answer_decoded(
        self,
        name: str,
        decoded: Decoded,
        content_hash: str,
        seconds: float = 0.0,
        begun: Callable[[str], None] | None = None,
    ) -> Answer:
        """``answer`` for a photo that was decoded elsewhere, to ``max_side``. Safe to call from many threads.

        Args:
            name: For ``Location.path``.
            decoded: Its pixels and facts.
            content_hash: Of its file; a gallery photo with the same one is left out.
            seconds: That reading and decoding took.
            begun: Called with ``describe`` and ``search`` when these begin.
        """
        tell = begun or _nobody
        tell("describe")
        query = self._asker.decoded(Photo(Path(name), name), decoded, content_hash, seconds)
        tell("search")
        return self._answer(query)

    def answers(self, photos: Iterable[Photo]) -> Iterator[Answer]:
        """Answers for many photos, in their order; the next ones are read meanwhile.

        Nothing of what a source may say of them is looked at but ``path``, ``name`` and ``intrinsics``.
        """
        with closing(self._asker.ahead(photos)) as queries:
            for name, query in queries:
                yield self._settled(name, query)

    def follow(self, answers: Iterable[Answer], *, keep_pixels: bool = False) -> list[Answer]:
        """Answers for the frames of one walk, each in the light of the others; every video is a walk of its own.

        Args:
            answers: By themselves, as ``answers`` gives them, in the order in which the frames were taken.
            keep_pixels: Of the photos, for pictures; a long video would fill the memory.
        """
        alone = [answer if keep_pixels else _without_pixels(answer) for answer in answers]
        found = follow(alone, self._coordinates, self.tolerance_m, self._pipeline.confidence.unsure_below)
        return [self._named(answer) for answer in found]

    def _named(self, answer: Answer) -> Answer:
        """With the nearest town, where that was asked for."""
        place = self._near(answer.location.position) if self._near and answer.location.position else None
        return replace(answer, location=replace(answer.location, place=place))

    def answer_row(self, row: int, hidden: Sequence[int] = ()) -> Answer:
        """Where a photo of the gallery was taken, had it not been there: for leave-one-out.

        Its stored features are asked, so that no file is read, and its ``seconds`` lack reading and describing. What
        the gallery learned from its photos stays as it is.

        Args:
            row: Of the gallery.
            hidden: Rows of other photos that are to be as if they were not there, such as all of its group.
        """
        return self._answer(self._asker.of_row(self.gallery, row), (row, *hidden))

    def _settled(self, name: str, query: Future[Query]) -> Answer:
        try:
            return self._answer(query.result())
        except PhotoError as error:
            return Answer(Location(name, Status.FAILED, error=str(error)))

    def _answered(self, photo: Photo) -> Answer:
        try:
            return self._answer(self._asker.read(photo))
        except PhotoError as error:
            return Answer(Location(photo.name, Status.FAILED, error=str(error)))

    def _answer(self, query: Query, hidden: Sequence[int] = ()) -> Answer:
        """Of the photo as it is, or turned where that is what it takes."""
        answer = self._asked(query, hidden)
        told = answer.location
        again = self._promising(query, worth_asking(answer, told.status is Status.LOCATED), hidden)
        if again is not None:
            other, quarters = again
            found = self._asked(other, hidden)
            seconds = {stage: spent + found.location.seconds.get(stage, 0.0) for stage, spent in told.seconds.items()}
            if found.location.status is Status.LOCATED or found.location.confidence > told.confidence:
                answer, told = found, replace(found.location, turned_deg=-90 * quarters % 360)
            answer = replace(answer, location=replace(told, seconds=seconds))
        return self._named(answer)

    def _promising(self, query: Query, turns: Sequence[int], hidden: Sequence[int]) -> tuple[Query, int] | None:
        """The photo turned anticlockwise; of several turns the one most like the gallery, if any is more so."""
        if len(turns) > 1:
            likeness = {turn: self._likeness(self._asker.glimpsed(query, turn), hidden) for turn in (0, *turns)}
            best = max(likeness, key=lambda turn: likeness[turn])
            turns = (best,) if best else ()
        return (self._asker.turned(query, turns[0]), turns[0]) if turns else None

    def _likeness(self, query: Query, hidden: Sequence[int]) -> float:
        """Mean cosine of the most similar photos of the gallery."""
        allowed = self._allowed_but(hidden)
        return float(self._pipeline.retriever.shortlist(query.features, query.vector, allowed)[1][:_FIRST].mean())

    def _asked(self, query: Query, hidden: Sequence[int]) -> Answer:
        start = perf_counter()
        duplicate = self.gallery.row_of(query.content_hash)
        allowed = self._allowed_but((*hidden, *(() if duplicate is None else (duplicate,))))
        guess = None
        if self._prior is not None and query.pixels is not None:
            guess = self._prior.guess(query.pixels, self.tolerance_m)
        rows, cosines = self._shortlist(query, allowed, guess)
        searched = perf_counter()
        verifications = self._verifier.verify(query.features, rows, cosines)
        verified = perf_counter()
        answer = self._decider.decide(query, rows, cosines, verifications)
        seconds = {
            **query.seconds,
            "search": searched - start,
            "verify": verified - searched,
            "locate": perf_counter() - verified,
        }
        same = (
            ()
            if duplicate is None or duplicate in hidden or not self._counts(duplicate)
            else (self.gallery.photos[duplicate].path,)
        )
        location = replace(answer.location, seconds=seconds, duplicate_of=same)
        if self._prior is not None and guess is not None:
            location = self._prior.beside(location, guess)
        return replace(answer, location=location)

    def _shortlist(self, query: Query, allowed: Mask | None, guess: Guess | None) -> Found:
        """The most promising photos, by their similarity and by what was likely beforehand."""
        retriever = self._pipeline.retriever
        if self._prior is None or guess is None:
            return retriever.shortlist(query.features, query.vector, allowed)
        likelihood = self._prior.likelihood(guess)
        likely = self._prior.searched(likelihood, allowed)
        found = retriever.shortlist(query.features, query.vector, likely)
        if self._prior.options.use == "search":
            return found
        return self._prior.weighed(likelihood, retriever.shortlist(query.features, query.vector, allowed), found)

    def _allowed_but(self, hidden: Sequence[int]) -> Mask | None:
        """The photos that count, without some that are no evidence: the query itself, above all."""
        if not hidden:
            return self._allowed
        allowed = np.ones(len(self.gallery), np.bool_) if self._allowed is None else self._allowed.copy()
        allowed[list(hidden)] = False
        return allowed


def _without_pixels(answer: Answer) -> Answer:
    return answer if answer.query is None else replace(answer, query=replace(answer.query, pixels=None))


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
        return recipe_of(gallery.settings)
    return asked if isinstance(asked, Recipe) else load_recipe(asked)


def _nobody(stage: str) -> None:
    """Hears of stages where nobody else does."""

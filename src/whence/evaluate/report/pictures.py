"""The matches behind answers that were given before, drawn again for the few queries that a report shows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from whence.direct.model import is_direct
from whence.errors import PhotoError, WhenceError
from whence.evaluate.model import Question, Run
from whence.present.evidence import Evidence, MatchView
from whence.present.matchpicture import fit_height
from whence.types import Candidate, DoubleArray, Image, LocalFeatures, Location

if TYPE_CHECKING:
    from whence.gallery.gallery import Gallery


_SMALL, _GAP = 640, 8
Seen = dict[tuple[str, str], tuple[Image | None, LocalFeatures]]


class Pictures:
    """Queries beside their best matches, with the inliers.

    A stored answer names its best match. That one pair is matched again, so that the picture shows what the run saw,
    whichever photos were hidden from it, and no search is repeated. Files may be gone by now: then there is less to
    see, and no error.
    """

    def __init__(self, run: Run, seen: Seen | None = None) -> None:
        """Opens the run's gallery.

        Args:
            run: Whose answers are to be shown.
            seen: Queries that an earlier run of the same features has read; this one's are added.
        """
        self._seen: Seen = {} if seen is None else seen
        self.missing = ""
        """Why there are no pictures; empty if there are."""
        self._gallery: Gallery | None = None
        self._direct = is_direct(run.recipe)
        if self._direct:
            return
        from whence.gallery.gallery import Gallery
        from whence.locate.pipeline import Pipeline

        try:
            self._gallery = Gallery.open(run.gallery)
            self._pipeline = Pipeline(run.recipe)
        except WhenceError as error:
            self.missing = str(error)
            return
        self._rows = {photo.path: row for row, photo in enumerate(self._gallery.photos)}

    def evidence(self, question: Question, answer: Location) -> Evidence:
        """The query, its answer, and its best match as far as they are still there."""
        if self._direct:
            return Evidence(_small(question.path), answer, (), question.truth)
        if self._gallery is None:
            return Evidence(None, answer, (), question.truth)
        try:
            about = self._pipeline.recipe.indexing_hash, question.name
            if about not in self._seen:
                self._seen[about] = self._asked(question, self._gallery)
            query, features = self._seen[about]
            views = [self._match(query, features, answer.candidates[0], self._gallery)] if answer.candidates else []
        except (WhenceError, OSError):
            return Evidence(None, answer, (), question.truth)
        return Evidence(query, answer, [view for view in views if view is not None], question.truth)

    def _asked(self, question: Question, gallery: Gallery) -> tuple[Image | None, LocalFeatures]:
        if question.row is not None:
            from whence.locate.evidence import pixels_of

            return pixels_of(gallery, question.row), gallery.features([question.row])[0]
        from whence.photos import files
        from whence.photos.decode import decode
        from whence.photos.threads import one_thread_each

        image = decode(files.read(question.path), max_side=self._pipeline.seeing.max_side).pixels
        with one_thread_each:
            return image, self._pipeline.seeing.extract(image)

    def _match(
        self, image: Image | None, query: LocalFeatures, candidate: Candidate, gallery: Gallery
    ) -> MatchView | None:
        row = self._rows.get(candidate.path)
        if row is None:
            return None
        from whence.locate.evidence import pixels_of

        photo, found = pixels_of(gallery, row), gallery.features([row])[0]
        matcher, estimator = self._pipeline.matcher, self._pipeline.estimator
        if matcher is None:
            return MatchView(photo, candidate, np.zeros((0, 2)), np.zeros((0, 2)))
        from whence.photos.threads import one_thread_each
        from whence.verify.rerank import verify

        with one_thread_each:
            matches = verify(query, found, matcher, estimator).matches
        return MatchView(
            photo, candidate, _points(query, matches.query, image), _points(found, matches.database, photo)
        )


def beside(image: Image, classes: Sequence[Path], height: int) -> Image:
    """A query beside a photo of each of some classes, as far as they are still there."""
    shown = [image, *(photo for photo in map(_small, classes) if photo is not None)]
    fitted = [fit_height(photo, height) for photo in shown]
    gap = np.full((height, _GAP, 3), 255, np.uint8)
    parts = [part for photo in fitted for part in (photo, gap)][:-1]
    return np.concatenate(parts, axis=1)


def _small(path: Path) -> Image | None:
    from whence.photos import files
    from whence.photos.decode import decode

    try:
        return decode(files.read(path), max_side=_SMALL).pixels
    except PhotoError:
        return None


def _points(features: LocalFeatures, chosen: NDArray[np.intp], image: Image | None) -> DoubleArray:
    """``(M, 2)`` keypoints in pixels of the image as it is now: a thumbnail is smaller than what they were found in."""
    points = features.keypoints[chosen, :2].astype(np.float64)
    return points if image is None else points * (image.shape[1] / max(features.width, 1))

"""What a trained model takes for likely, before and beside what a gallery shows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from whence.direct.model import Guess, Model
from whence.errors import InputError, RecipeError
from whence.gallery.gallery import Gallery
from whence.gallery.search import Found, Mask
from whence.geo.distance import metres_from
from whence.locate.options import PriorOptions
from whence.types import Crs, DoubleArray, Image, Location, Photo, Status
from whence.verify.rerank import BY_CHANCE

_LEAST = 1e-4
"""No photo is taken for less likely than this, beside the likeliest."""


class Prior:
    """A model beside a gallery. Safe to use from many threads."""

    def __init__(self, gallery: Gallery, options: PriorOptions) -> None:
        """Loads the model, and asks where in it each photo of the gallery is.

        Raises:
            RecipeError: No model is named, or an option is out of range.
            ModelError: It cannot be loaded.
            InputError: Its positions are of another kind than the gallery's.
        """
        if not options.model:
            raise RecipeError("[prior] needs model = '...', a folder that `whence train` made")
        self.options = options
        self.model = Model.load(Path(options.model).expanduser())
        if self.model.metric is (gallery.settings.crs is Crs.WGS84) and len(self.model.blank.points):
            raise InputError(
                f"the model {options.model} and the gallery {gallery.folder} have positions of two kinds, degrees and "
                "metres"
            )
        self._coordinates = gallery.coordinates
        numbers = {name: number for number, name in enumerate(self.model.blank.names)}
        self._classes = None
        if numbers:
            classes = [
                self.model.class_of(Photo(Path(photo.path), photo.path, photo.position, label=photo.label))
                for photo in gallery.photos
            ]
            self._classes = np.array([-1 if name is None else numbers[name] for name in classes], np.intp)

    def guess(self, image: Image, tolerance_m: float) -> Guess:
        """What the model says of a photo by itself."""
        return self.model.guess(image, tolerance_m)

    def likelihood(self, guess: Guess) -> DoubleArray:
        """``(N,)``: how likely each gallery photo is, its class's share divided among its photos; 1 at most."""
        found = guess.prediction
        if self._classes is not None:
            known = self._classes >= 0
            sizes = np.bincount(self._classes[known], minlength=len(found.names))
            ratio = found.probabilities / np.maximum(sizes, 1)
            likely = np.where(known, ratio[self._classes], ratio.min())
        else:
            width = max((guess.radius_m or 1.0) / 2, 1e-3)
            likely = np.zeros(len(self._coordinates))
            for point, weight in zip(found.points, found.weights, strict=True):
                away = metres_from(found.position(point), self._coordinates)
                likely += float(weight) * np.exp(-0.5 * (away / width) ** 2)
        most = float(likely.max(initial=0.0))
        return np.maximum(likely / most, _LEAST) if most > 0 else np.ones(len(likely))

    def searched(self, likelihood: DoubleArray, allowed: Mask | None) -> Mask:
        """``(N,)``: the likeliest photos, which together hold ``share`` of all that is likely."""
        likely = likelihood if allowed is None else np.where(allowed, likelihood, 0.0)
        order = np.argsort(-likely, kind="stable")
        reached = np.cumsum(likely[order])
        count = int(np.searchsorted(reached, self.options.share * reached[-1])) + 1
        mask = np.zeros(len(likely), np.bool_)
        mask[order[:count]] = True
        return mask if allowed is None else mask & allowed

    def weighed(self, likelihood: DoubleArray, plain: Found, likely: Found) -> Found:
        """Of the photos that are most similar, and the most similar of the likely ones: as many as there were, the best
        first, by similarity and by how likely they are."""
        rows = np.concatenate([plain[0], likely[0]])
        cosines = np.concatenate([plain[1], likely[1]])
        rows, first = np.unique(rows, return_index=True)
        cosines = cosines[first]
        scores = cosines + self.options.strength * np.log(likelihood[rows])
        order = np.argsort(-scores, kind="stable")[: max(len(plain[0]), len(likely[0]))]
        return rows[order], cosines[order]

    def beside(self, location: Location, guess: Guess) -> Location:
        """An answer of the gallery with what the model says: its choices; and its position where the gallery is unsure,
        no photo matches, and the model's circle is smaller.

        A best guess that some photo speaks for is usually nearer than the middle of a class (benchmarks/prior.py).
        """
        location = replace(location, choices=self.model.choices(guess.prediction))
        coarse = guess.position is not None and guess.radius_m is not None
        matched = any(candidate.inliers >= BY_CHANCE for candidate in location.candidates)
        if location.status is not Status.UNSURE or matched or not coarse:
            return location
        if location.radius_m is not None and guess.radius_m is not None and location.radius_m <= guess.radius_m:
            return location
        return replace(
            location,
            position=guess.position,
            radius_m=guess.radius_m,
            confidence=guess.confidence,
            heading_deg=None,
        )

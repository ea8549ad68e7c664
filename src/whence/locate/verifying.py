"""A query's candidates verified in the order of promise, and no more of them than it takes."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from whence.gallery.gallery import Gallery
from whence.gallery.photo import GalleryPhoto
from whence.geo.plane import Plane
from whence.locate.pipeline import Pipeline
from whence.locate.positioners.places import beyond_doubt
from whence.photos.threads import one_thread_each
from whence.plugins import Matcher
from whence.types import FloatArray, LocalFeatures
from whence.verify.rerank import BY_CHANCE, UNVERIFIED, Verification, verify_all

Rows = NDArray[np.intp]


class Verifier:
    """Holds candidates against a query. Safe to use from many threads."""

    def __init__(self, gallery: Gallery, pipeline: Pipeline, tolerance_m: float, workers: int) -> None:
        self._gallery, self._pipeline, self._tolerance_m = gallery, pipeline, tolerance_m
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="whence-verify")

    def verify(self, query: LocalFeatures, rows: Rows, cosines: FloatArray) -> list[Verification]:
        """What ties each candidate to the query; ``UNVERIFIED`` those that were not looked at.

        Args:
            query: Its features.
            rows: ``(C,)`` of the gallery, the most similar first.
            cosines: ``(C,)`` of global descriptors.
        """
        found = [UNVERIFIED] * len(rows)
        matcher = self._pipeline.matcher
        if matcher is None:
            return found
        order = self._order(query, rows)
        count = self._pipeline.confidence.certain_after
        if 0 < count < len(order) and self._pipeline.estimator is not None:
            first, order = order[:count], order[count:]
            told = self._verified(query, rows[first], matcher)
            _put(found, first, told)
            if self._settled(rows[first], cosines[first], told):
                return found
        _put(found, order, self._verified(query, rows[order], matcher))
        return found

    def _order(self, query: LocalFeatures, rows: Rows) -> Rows:
        """Candidates to verify, the most promising first: by similarity, or by what a cheaper matcher makes of them.

        Those that either finds promising: where nothing matches, as by night, similarity may still be right.
        """
        cheap, keep = self._pipeline.prematcher, self._pipeline.keep
        if cheap is None or len(rows) <= keep:
            return np.arange(len(rows))
        inliers = np.array([len(found) for found in self._verified(query, rows, cheap)])
        rank = np.empty(len(rows), np.intp)
        rank[np.argsort(-inliers, kind="stable")] = np.arange(len(rows))
        rank[inliers < BY_CHANCE] = len(rows)
        return np.argsort(np.minimum(rank, np.arange(len(rows))), kind="stable")[:keep]

    def _verified(self, query: LocalFeatures, rows: Rows, matcher: Matcher) -> list[Verification]:
        found: list[Verification] = []
        for features in self._gallery.features_in_turn(rows.tolist()):  # a recipe may ask for every photo
            with one_thread_each:
                found += verify_all(query, features, matcher, self._pipeline.estimator, self._threads)
        return found

    def _settled(self, rows: Rows, cosines: FloatArray, found: Sequence[Verification]) -> bool:
        """Whether these leave no doubt, so that the rest need not be looked at."""
        photos = [self._gallery.photos[row] for row in rows]
        points = around_best(photos, found).metres(self._gallery.coordinates[rows])
        return beyond_doubt(points, [photo.group for photo in photos], found, cosines, self._tolerance_m)


def _put(found: list[Verification], places: Rows, told: Sequence[Verification]) -> None:
    for place, verification in zip(places, told, strict=True):
        found[place] = verification


def around_best(photos: Sequence[GalleryPhoto], verifications: Sequence[Verification]) -> Plane:
    """The plane around the best match, where metres have to be right, however large the gallery."""
    return Plane.around([photos[int(np.argmax([len(found) for found in verifications]))].position])

"""What an answer stands on, in pixels: for pictures of matches."""

from __future__ import annotations

import io

import numpy as np

from whence.errors import PhotoError
from whence.gallery.gallery import Gallery
from whence.locate.answers import Answer
from whence.locate.locator import Locator
from whence.photos import files
from whence.photos.decode import decode
from whence.types import Candidate, DoubleArray, Image

Matched = tuple[Image | None, Candidate, DoubleArray, DoubleArray]
"""A gallery photo (None if it is not to be had), its candidate, and the inliers in pixels of query and photo."""


def evidence_of(answer: Answer, locator: Locator, count: int) -> tuple[Image | None, list[Matched]]:
    """The query's pixels, and its best candidates with their inliers.

    Gallery photos are read from where they were when they were indexed; where they are gone, the thumbnail serves.
    """
    if answer.query is None:
        return None, []
    matched: list[Matched] = []
    features = locator.gallery.features(answer.rows[:count])
    parts = zip(answer.rows, answer.location.candidates, answer.verifications, features, strict=False)
    for row, candidate, verification, found in parts:
        photo = pixels_of(locator.gallery, row)
        points = found.keypoints[verification.matches.database, :2].astype(np.float64)
        if photo is not None:  # the thumbnail is smaller than what the features were found in
            points *= photo.shape[1] / max(found.width, 1)
        query = answer.query.features.keypoints[verification.matches.query, :2].astype(np.float64)
        matched.append((photo, candidate, query, points))
    return _query_pixels(answer, locator), matched


def _query_pixels(answer: Answer, locator: Locator) -> Image | None:
    if answer.query is None or answer.query.pixels is not None:
        return answer.query.pixels if answer.query else None
    row = locator.gallery.row_of(answer.query.content_hash)
    return None if row is None else pixels_of(locator.gallery, row)  # or its pixels were not kept


def pixels_of(gallery: Gallery, row: int) -> Image | None:
    """A gallery photo: its file, its thumbnail, or nothing."""
    try:
        return decode(files.read(gallery.file(row))).pixels
    except PhotoError:
        data = gallery.thumbnails([row])[0]
    if not data:
        return None
    from PIL import Image as Pillow

    return np.asarray(Pillow.open(io.BytesIO(data)).convert("RGB"))

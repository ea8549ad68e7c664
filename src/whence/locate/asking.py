"""Photos to queries: read, described, and with the camera that took them."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from time import perf_counter
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from whence.errors import InputError, PhotoError
from whence.gallery.gallery import Gallery
from whence.locate.answers import Query
from whence.locate.pipeline import Pipeline
from whence.locate.reading import camera_of
from whence.locate.turns import turned, turned_camera
from whence.photos import files, video
from whence.photos.cameras import from_fov, scaled
from whence.photos.decode import Decoded, decode
from whence.photos.threads import one_thread_each
from whence.plugins import Describer
from whence.types import Image, Intrinsics, Photo


class Asker:
    """Makes queries as a gallery's recipe wants them. Safe to use from many threads."""

    def __init__(self, pipeline: Pipeline, describer: Describer, workers: int, fov_deg: float | None = None) -> None:
        self._pipeline, self._describer, self._workers, self._fov_deg = pipeline, describer, workers, fov_deg

    def read(self, photo: Photo) -> Query:
        """Of a file.

        Raises:
            PhotoError: It cannot be read.
        """
        start = perf_counter()
        data = files.read(photo.path)
        decoded = decode(data, max_side=self._pipeline.seeing.max_side)
        return self.decoded(photo, decoded, files.content_hash(data), perf_counter() - start)

    def decoded(self, photo: Photo, decoded: Decoded, content_hash: str, seconds: float) -> Query:
        """Of a photo that was read already, in so many seconds; nothing is looked at on the disk."""
        query = self.described(photo.name, decoded.pixels, content_hash, {"read": seconds})
        taken = photo.time or decoded.exif.time
        query = self._seen_by(query, photo.intrinsics or camera_of(decoded), decoded.width, decoded.height)
        return replace(query, time_s=None if taken is None else _seconds(taken))

    def seen(self, pixels: Image) -> Query:
        """Of ``(H, W, 3)`` RGB pixels in memory."""
        height, width = pixels.shape[:2]
        return self._seen_by(self.described("", pixels, "", {}), None, width, height)

    def _seen_by(self, query: Query, camera: Intrinsics | None, width: int, height: int) -> Query:
        """The query with its camera, which is told in pixels of ``width`` x ``height``."""
        if camera is None and self._fov_deg is not None:
            camera = from_fov(self._fov_deg, width, height)
        size = query.features.width, query.features.height
        return replace(query, camera=camera and scaled(camera, (width, height), size))

    def described(self, name: str, pixels: Image, content_hash: str, seconds: dict[str, float]) -> Query:
        """Of ``(H, W, 3)`` RGB pixels."""
        start = perf_counter()
        with one_thread_each:
            features = self._pipeline.seeing.extract(pixels)
            vector = self._describer.describe(features)
        return Query(name, pixels, features, vector, content_hash, {**seconds, "describe": perf_counter() - start})

    def of_row(self, gallery: Gallery, row: int) -> Query:
        """Of a photo of the gallery: its stored features, so that no file is read."""
        photo = gallery.photos[row]
        features = gallery.features([row])[0]
        with one_thread_each:
            vector = self._describer.describe(features)
        camera = photo.camera_at(features.width, features.height)
        return Query(photo.path, None, features, vector, photo.content_hash, {}, camera)

    def turned(self, query: Query, quarters: int) -> Query:
        """The same photo, turned anticlockwise."""
        assert query.pixels is not None
        found = self.described(query.path, turned(query.pixels, quarters), query.content_hash, {})
        height, width = query.pixels.shape[:2]
        camera = query.camera and turned_camera(query.camera, width, height, quarters)
        return replace(found, camera=camera, time_s=query.time_s, video=query.video)

    def glimpsed(self, query: Query, quarters: int) -> Query:
        """The same photo at half its size, turned anticlockwise: a quarter of the time, and enough to compare turns."""
        assert query.pixels is not None
        height, width = query.pixels.shape[:2]
        half = max(width // 2, 1), max(height // 2, 1)
        small = np.asarray(cv2.resize(query.pixels, half, interpolation=cv2.INTER_AREA), np.uint8)
        return self.described(query.path, turned(small, quarters), query.content_hash, {})

    def ahead(self, photos: Iterable[Photo]) -> Generator[tuple[str, Future[Query]]]:
        """Name and query of each photo, in their order; the next ones are read meanwhile.

        A future raises ``PhotoError`` where the photo cannot be read. Moments after the end of a video are left out.
        """
        reader = video.Reader(self._pipeline.seeing.max_side)
        with ThreadPoolExecutor(self._workers, thread_name_prefix="whence-read") as readers:
            waiting: deque[tuple[str, Future[Query]]] = deque()
            try:
                for photo in photos:
                    asked = self._submitted(photo, readers, reader)
                    if asked is not None:
                        waiting.append((photo.name, asked))
                    if len(waiting) > self._workers:
                        yield waiting.popleft()
                yield from waiting
            finally:
                reader.close()
                readers.shutdown(wait=True, cancel_futures=True)

    def _submitted(self, photo: Photo, readers: ThreadPoolExecutor, reader: video.Reader) -> Future[Query] | None:
        """A photo to be read and described; None for a moment after the end of its video.

        Frames are decoded here, in their order: each thread by itself would have to read the whole video.
        """
        if photo.at_s is None:
            return readers.submit(self.read, photo)
        start = perf_counter()
        try:
            frame = reader.frame(photo.path, photo.at_s)
        except PhotoError as error:
            lost: Future[Query] = Future()
            lost.set_exception(error)
            return lost
        return None if frame is None else readers.submit(self._frame, photo, *frame, perf_counter() - start)

    def _frame(self, photo: Photo, pixels: Image, width: int, height: int, seconds: float) -> Query:
        query = self.described(photo.name, pixels, "", {"read": seconds})
        return replace(self._seen_by(query, photo.intrinsics, width, height), time_s=photo.at_s, video=str(photo.path))


def check_pixels(photo: NDArray[Any]) -> None:
    """Refuses an array that is no photo.

    Raises:
        InputError: It is not ``(H, W, 3)`` uint8, or empty.
    """
    if photo.ndim != 3 or photo.shape[2] != 3 or photo.dtype != np.uint8 or not photo.size:
        raise InputError(f"pixels of shape {photo.shape} and type {photo.dtype}; expected (H, W, 3) RGB uint8")


def _seconds(time: datetime) -> float:
    """Since 1970; a time without a zone as if it were universal time, for differences are all that counts."""
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()

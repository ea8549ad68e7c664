"""One gallery at the service of many threads: photos in, answers out."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from time import monotonic, perf_counter
from typing import Any, TypeVar

from whence.errors import GalleryBusyError, GalleryError, InputError, NotAGalleryError, PhotoError, WhenceError
from whence.gallery.gallery import Gallery
from whence.gallery.removal import remove
from whence.gallery.where import Where
from whence.locate.answers import Answer
from whence.locate.locator import Locator
from whence.locate.reading import Reader
from whence.photos import files
from whence.photos.decode import Decoded
from whence.present.answers import to_dict
from whence.types import Crs, Location, Status
from whence.web.decoding import Decoders, Elsewhere
from whence.web.options import ServeOptions
from whence.web.problems import ProblemError, words
from whence.web.worker import Limits
from whence.web.writing import Accepted, Tagged, tagged

_log = logging.getLogger(__name__)
_AGAIN_S = 5.0
"""Seconds from one opening of the gallery to the next, however many ask."""
_Found = TypeVar("_Found")


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer that outlives the gallery as it was.

    Attributes:
        answer: With rows of the gallery at that time.
        ids: Of the photos in these rows.
    """

    answer: Answer
    ids: tuple[str, ...] = ()


class Service:
    """A gallery, a locator over all of it, and processes that decode.

    A gallery that loses rows while it is open, as by ``whence remove --purge``, is opened again.
    """

    def __init__(self, gallery: Gallery, options: ServeOptions, *, places: bool = False) -> None:
        self.options = options
        self._places = places
        self.locator = Locator(gallery, workers=options.workers, places=places)
        self._opening, self._opened, self._is_whole = Lock(), -_AGAIN_S, True
        self._removing = Lock()
        self._decoders = Decoders(
            options.workers,
            Limits(
                self.locator.max_side,
                options.megapixels * 1_000_000,
                options.decode_seconds,
                options.decode_mb,
            ),
        )

    @property
    def gallery(self) -> Gallery:
        """As it was opened last."""
        return self.locator.gallery

    @property
    def reader(self) -> Reader:
        """What makes pixels of strangers' files for the gallery."""
        return Elsewhere(self._decoders)

    def decoded(self, data: bytes) -> Decoded:
        """A photo's pixels and facts.

        Raises:
            PhotoError: It is no photo that can be used.
        """
        if not data:
            raise PhotoError("the file is empty")
        return self._decoders.decode(data)

    def grown(self) -> None:
        """Opens the gallery again, since it has other photos now. What goes wrong is told by the next question."""
        with suppress(GalleryError), self._opening:
            self._renew()

    def read(self, reading: Callable[[Gallery], _Found]) -> _Found:
        """What is read of the gallery, if need be after opening it again.

        Raises:
            GalleryError: It cannot be read all the same.
        """
        return self.ask(lambda locator: reading(locator.gallery))

    def ask(self, asking: Callable[[Locator], _Found]) -> _Found:
        """What is asked of the locator, if need be after opening the gallery again.

        Raises:
            GalleryError: It cannot be read all the same.
        """
        locator = self.locator
        try:
            return asking(locator)
        except GalleryError:
            self._open_again(locator)
        try:
            return asking(self.locator)
        except GalleryError:
            self._is_whole = False
            raise

    def is_ready(self) -> bool:
        """Whether the gallery can be read, as far as is known; tries to open one that could not."""
        if not self._is_whole:
            try:
                self._open_again(self.locator)
            except GalleryError:
                return False
        return True

    def answer(
        self,
        name: str,
        data: bytes,
        where: Where | None = None,
        begun: Callable[[str], None] | None = None,
    ) -> Answered:
        """Where a photo was taken.

        Args:
            name: For ``Location.path``.
            data: The file.
            where: Conditions on the gallery's photos.
            begun: Called with ``read``, ``describe`` and ``search`` when these begin.

        Raises:
            PhotoError: It is no photo that can be used.
            InputError: No photo of the gallery meets the conditions.
            GalleryError: It cannot be read.
        """
        start = perf_counter()
        if begun is not None:
            begun("read")
        decoded = self.decoded(data)

        def located(whole: Locator) -> Answered:
            locator = self._narrowed(whole.gallery, where) if where else whole
            answer = locator.answer_decoded(name, decoded, files.content_hash(data), perf_counter() - start, begun)
            return Answered(answer, tuple(locator.gallery.photos[row].content_hash for row in answer.rows))

        return self.ask(located)

    def one_of_many(self, name: str, path: Path) -> dict[str, Any]:
        """``answer`` for a file of a batch, as JSON types: what is wrong with it is the answer."""
        try:
            return self.told(self.answer(name, files.read(path)))
        except PhotoError as error:
            return self.failed(name, error)

    def failed(self, name: str, error: Exception) -> dict[str, Any]:
        """The answer for a photo that there is none for."""
        return self.told(Answered(Answer(Location(name, Status.FAILED, error=words(error)))))

    def told(self, found: Answered) -> dict[str, Any]:
        """An answer as JSON types, with ids of its candidates."""
        said = to_dict(found.answer.location, private=self.options.private)
        for id, candidate in zip(found.ids, said["candidates"], strict=False):
            candidate["id"] = id
        return said

    def now(self, found: Answered, gallery: Gallery) -> Answer:
        """An answer with the rows of a gallery that was opened since.

        Raises:
            ProblemError: 409, where it lost one of them.
        """
        rows = [gallery.row_of(id) for id in found.ids]
        if None in rows:
            raise ProblemError(409, "changed", "photos that the answer rests on were deleted since; ask again")
        return replace(found.answer, rows=tuple(row for row in rows if row is not None))

    def remove(self, id: str) -> None:
        """Takes a photo out of the gallery, for good, and opens it again.

        Raises:
            ProblemError: 403 where that is not allowed, 404 for no such photo, 409 where the gallery cannot be written,
                503 while somebody else writes to it.
        """
        if not self.options.changes:
            raise ProblemError(403, "read-only", "this server changes nothing; start it with --allow-changes")
        with self._removing:
            if len(self.gallery) == 1 and self.gallery.row_of(id) is not None:
                said = "it is the last photo, and a server needs one; end the server, then use whence remove"
                raise ProblemError(409, "last-photo", said)
            folder = self.gallery.folder
            try:
                done = remove(folder, hashes=[id])
            except GalleryBusyError:
                said = "another process is writing to the gallery; try again when it is done"
                raise ProblemError(503, "busy", said, retry_after_s=10.0) from None
            except NotAGalleryError as error:
                _log.warning("a photo cannot be removed: %s", error)
                said = "the gallery is no longer where it was opened; put it back, or start the server with another"
                raise ProblemError(409, "gallery-gone", said) from error
            except GalleryError as error:
                _log.warning("a photo cannot be removed: %s", error)
                said = "the server may not write to its gallery; give it the right to, or use whence remove"
                raise ProblemError(409, "not-writable", said) from error
            if not done.paths:
                raise ProblemError(404, "no-photo", "no such photo in the gallery")
            with self._opening:
                self._renew()

    def tagged(self, name: str, data: bytes, accepted: Accepted) -> Tagged | None:
        """A photo with a position that somebody accepted; see ``writing.tagged``.

        Raises:
            InputError: The gallery has a plane of its own.
            PhotoError: It is no photo that can be used.
        """
        if self.gallery.settings.crs is not Crs.WGS84:
            raise InputError("photos know latitude and longitude only, and this gallery has a plane of its own")
        return tagged(name, data, accepted, self._decoders)

    @property
    def decoders_lost(self) -> int:
        """Processes that photos took down."""
        return self._decoders.lost

    def close(self) -> None:
        """Ends the processes."""
        self._decoders.close()

    def _open_again(self, failed: Locator) -> None:
        """Once, whoever else found out meanwhile."""
        with self._opening:
            if self.locator is not failed:
                return
            if monotonic() - self._opened < _AGAIN_S:
                raise GalleryError("the gallery lost rows again, or cannot be opened")
            self._renew()

    def _renew(self) -> None:
        self._opened, self._is_whole = monotonic(), False
        gallery = self.gallery
        try:
            fresh = Gallery.open(gallery.folder, root=gallery.root if gallery.root.is_dir() else None)
            self.locator = Locator(fresh, workers=self.options.workers, places=self._places)
        except (WhenceError, OSError, RuntimeError, ValueError) as error:
            _log.warning("the gallery cannot be opened again: %s", error)
            raise GalleryError("the gallery cannot be opened again") from error
        self._is_whole = True

    def _narrowed(self, gallery: Gallery, where: Where) -> Locator:
        if not gallery.allowed(where).any():
            raise InputError("no photo of the gallery meets the conditions on place and time; widen them")
        return Locator(gallery, workers=self.options.workers, where=where, places=self._places)

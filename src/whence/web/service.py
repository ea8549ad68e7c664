"""One gallery at the service of many threads: photos in, answers out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

from whence.errors import PhotoError
from whence.gallery.gallery import Gallery
from whence.gallery.where import Where
from whence.locate.answers import Answer
from whence.locate.locator import Locator
from whence.photos import files
from whence.present.answers import to_dict
from whence.types import Location, Status
from whence.web.decoding import Decoders, Limits
from whence.web.options import ServeOptions


class Service:
    """A gallery, a locator over all of it, and processes that decode."""

    def __init__(self, gallery: Gallery, options: ServeOptions, *, places: bool = False) -> None:
        self.gallery, self.options = gallery, options
        self._places = places
        self.locator = Locator(gallery, workers=options.workers, places=places)
        self._decoders = Decoders(
            options.workers,
            Limits(
                self.locator.max_side,
                options.megapixels * 1_000_000,
                options.decode_seconds,
                options.decode_mb,
            ),
        )

    def answer(
        self,
        name: str,
        data: bytes,
        where: Where | None = None,
        begun: Callable[[str], None] | None = None,
    ) -> Answer:
        """Where a photo was taken.

        Args:
            name: For ``Location.path``.
            data: The file.
            where: Conditions on the gallery's photos.
            begun: Called with ``read``, ``describe`` and ``search`` when these begin.

        Raises:
            PhotoError: It is no photo that can be used.
            InputError: No photo of the gallery meets the conditions.
        """
        start = perf_counter()
        if not data:
            raise PhotoError("the file is empty")
        if begun is not None:
            begun("read")
        decoded = self._decoders.decode(data)
        locator = self.locator if not where else self._narrowed(where)
        return locator.answer_decoded(name, decoded, files.content_hash(data), perf_counter() - start, begun)

    def one_of_many(self, name: str, path: Path) -> dict[str, Any]:
        """``answer`` for a file of a batch, as JSON types: what is wrong with it is the answer."""
        try:
            found = self.answer(name, files.read(path))
        except PhotoError as error:
            found = Answer(Location(name, Status.FAILED, error=str(error)))
        return self.told(found)

    def told(self, answer: Answer) -> dict[str, Any]:
        """An answer as JSON types, with ids of its candidates."""
        said = to_dict(answer.location, private=self.options.private)
        for row, candidate in zip(answer.rows, said["candidates"], strict=False):
            candidate["id"] = self.gallery.photos[row].content_hash
        return said

    @property
    def decoders_lost(self) -> int:
        """Processes that photos took down."""
        return self._decoders.lost

    def close(self) -> None:
        """Ends the processes."""
        self._decoders.close()

    def _narrowed(self, where: Where) -> Locator:
        return Locator(self.gallery, workers=self.options.workers, where=where, places=self._places)

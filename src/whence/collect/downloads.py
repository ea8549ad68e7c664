"""All pictures of a list, several at once; what is there already is asked for no more."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

from whence.collect.fetching import ExpiredError, Fetcher, Limits, Version, drop
from whence.collect.folder import Folder, Picture
from whence.collect.http import Client, RestError
from whence.collect.pacing import StoppedError
from whence.collect.source import Listed, RemoteSource
from whence.errors import CollectError, PhotoError
from whence.photos.decode import decode
from whence.photos.pillow import sniff

_SUFFIXES = {"JPEG": ".jpg", "PNG": ".png", "WebP": ".webp", "TIFF": ".tif", "AVIF": ".avif", "HEIC": ".heic"}
_HOPELESS = 25
"""So many failures in a row are no longer the pictures' fault."""
_TABLES_S = 60.0
"""How old tables may be while pictures come."""
_AHEAD = 4
"""Pictures handed out for each worker: few enough to stop at once."""


@dataclass
class Downloads:
    """What became of the pictures.

    Attributes:
        fetched: How many came.
        there: How many were there already.
        bytes: That came.
        failed: Ids of those that could not be had, and why.
        given_up: Why the rest was not asked for any more; empty if all were.
    """

    fetched: int = 0
    there: int = 0
    bytes: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)
    given_up: str = ""


class Downloader:
    """Fetches the pictures of one run.

    Args:
        source: Who knows their addresses.
        client: Whose requests they are.
        folder: Where they go.
        limits: Of each.
        update: Ask whether those that are there have changed.
    """

    def __init__(self, source: RemoteSource, client: Client, folder: Folder, limits: Limits, *, update: bool) -> None:
        self._source, self._client, self._folder = source, client, folder
        self._limits, self._update = limits, update
        self._fetcher = Fetcher(client, limits)
        self._asking = threading.Lock()  # sources are asked by one thread at a time
        self.done = Downloads()

    def run(
        self, photos: dict[str, Listed], workers: int, tell: Callable[[int], None], write: Callable[[], object]
    ) -> None:
        """Fetches what is missing.

        Args:
            photos: By id.
            workers: Threads.
            tell: Called with how many are settled.
            write: Writes the tables; called now and then.

        Raises:
            InputError: The folder cannot be written.
            KeyboardInterrupt: After all threads have stopped.
        """
        missing = iter(self._missing(photos))
        in_a_row, written = 0, time.monotonic()
        with ThreadPoolExecutor(workers, "whence-collect") as threads:
            try:
                working: dict[Future[int | None], Listed] = {}
                while True:
                    for photo in islice(missing, 0 if self.done.given_up else workers * _AHEAD - len(working)):
                        working[threads.submit(self._one, photo)] = photo
                    if not working:
                        break
                    for future in wait(working, return_when=FIRST_COMPLETED).done:
                        in_a_row = self._settle(working.pop(future), future, in_a_row)
                    tell(self.done.there + self.done.fetched + len(self.done.failed))
                    if time.monotonic() - written > _TABLES_S:
                        write()
                        written = time.monotonic()
            except BaseException:
                self._client.end()
                threads.shutdown(wait=True, cancel_futures=True)
                raise

    def _missing(self, photos: dict[str, Listed]) -> Iterable[Listed]:
        for name, photo in photos.items():
            picture = self._folder.pictures.get(name)
            if picture is not None and self._folder.has(picture) and not self._update:
                self.done.there += 1
            else:
                yield photo

    def _settle(self, photo: Listed, future: Future[int | None], in_a_row: int) -> int:
        """Counts what came of one picture; how many in a row failed."""
        try:
            size = future.result()
        except (PhotoError, CollectError) as error:
            self.done.failed.append((photo.id, str(error)))
            if in_a_row + 1 >= _HOPELESS and not self.done.given_up:
                self.done.given_up = f"{in_a_row + 1} pictures in a row failed, the last one because: {error}"
            if isinstance(error, RestError):
                self.done.given_up = str(error)
            return in_a_row + 1
        except StoppedError:
            return in_a_row
        if size is None:
            self.done.there += 1
        else:
            self.done.fetched += 1
            self.done.bytes += size
        return 0

    def _one(self, photo: Listed) -> int | None:
        """Bytes that came; None if the picture was there."""
        stem, known = photo.stem(self._folder.request.source), self._folder.pictures.get(photo.id)
        had = known if known is not None and self._folder.has(known) else None
        if known is None and (left := self._left_behind(photo, stem)) is not None:
            self._folder.add(left)
            return None
        part = self._folder.parts / f"{stem}.part"
        version = self._fetch(photo, part, had.version if had else None)
        if version is None and had is not None:
            return None
        picture = self._checked(photo, part, version or Version())
        if had is not None and had.file != picture.file:
            (self._folder.photos / had.file).unlink(missing_ok=True)
        part.replace(self._folder.photos / picture.file)
        self._folder.add(picture)
        drop(part)
        return picture.bytes

    def _fetch(self, photo: Listed, part: Path, had: Version | None) -> Version | None:
        try:
            return self._fetcher.fetch(photo.url, part, had)
        except ExpiredError:
            with self._asking:
                url = self._source.renew(photo)
            if not url or url == photo.url:
                raise
            return self._fetcher.fetch(url, part, had)

    def _left_behind(self, photo: Listed, stem: str) -> Picture | None:
        """A picture whose run was killed after it was put into its place, and before that was written down."""
        places = (self._folder.photos / f"{stem}{suffix}" for suffix in _SUFFIXES.values())
        found = next((place for place in places if place.is_file()), None)
        try:
            return self._checked(photo, found, Version()) if found else None
        except PhotoError:
            return None

    def _checked(self, photo: Listed, path: Path, version: Version) -> Picture:
        """What the file at ``path`` is; one that is no picture is removed.

        Raises:
            PhotoError: It is damaged, too large, or something else.
        """
        data = path.read_bytes()
        try:
            decoded = decode(data, max_side=64, max_pixels=self._limits.pixels)
        except PhotoError as error:
            if path.parent == self._folder.parts:
                drop(path)
            raise PhotoError(f"what the server gives cannot be used: {error}") from error
        suffix = _SUFFIXES[sniff(data)]
        file = f"{photo.stem(self._folder.request.source)}{suffix}"
        return replace(Picture(photo, file, len(data), 0, 0, version), width=decoded.width, height=decoded.height)

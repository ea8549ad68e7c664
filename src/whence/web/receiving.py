"""A batch of photos written to files while it comes in: at no time is more of it in memory than what came last."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from anyio import to_thread
from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from whence.web.problems import ProblemError, no_room

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

FIELD = "photos"
_HEAD = 16 * 1024
"""Bytes that the head of a part may have."""
_BLOCK = 1024**2
"""Bytes that are collected before a thread writes them."""


async def received(request: Request, folder: Path, most: int, naming: Callable[[str], str]) -> list[tuple[str, Path]]:
    """Names and files of the photos of a ``multipart/form-data`` request; other fields are passed over.

    Args:
        request: Whose body nobody has read.
        folder: For the files.
        most: Photos.
        naming: What a photo is called, of what its sender calls it.

    Raises:
        ProblemError: 422 for another kind of request, none or too many photos; 400 for one that cannot be read; 507
            where there is no room for it.
    """
    kind, options = parse_options_header(request.headers.get("content-type"))
    boundary = options.get(b"boundary")
    if kind != b"multipart/form-data" or not boundary:
        raise ProblemError(422, "invalid-request", f"photos: expected multipart/form-data with fields named {FIELD}")
    parts = _Parts(folder, most, naming)
    try:
        parser = MultipartParser(boundary, parts.callbacks())
        async for chunk in request.stream():
            parser.write(chunk)
            if parts.held >= _BLOCK:
                await to_thread.run_sync(parts.write)
        parser.finalize()
        if not parts.whole:
            raise FormParserError("the end is missing")
        await to_thread.run_sync(parts.finish)
    except FormParserError as error:
        raise ProblemError(400, "bad-request", "the multipart data cannot be read") from error
    except OSError as error:
        raise no_room() from error
    finally:
        with suppress(OSError):  # a full disk again
            parts.close()
    if not parts.photos:
        raise ProblemError(422, "invalid-request", f"photos: expected at least one field named {FIELD} with a file")
    return parts.photos


class _Parts:
    """What the parser finds. It writes nothing itself, since it runs in the event loop."""

    def __init__(self, folder: Path, most: int, naming: Callable[[str], str]) -> None:
        self._folder, self._most, self._naming = folder, most, naming
        self.photos: list[tuple[str, Path]] = []
        self.held, self.whole = 0, False
        self._waiting: list[tuple[Path, bytes]] = []
        self._head: dict[bytes, bytes] = {}
        self._key, self._value, self._head_bytes = b"", b"", 0
        self._path: Path | None = None
        self._open: tuple[Path, BinaryIO] | None = None

    def callbacks(self) -> MultipartCallbacks:
        """As the parser calls them."""
        return {
            "on_part_begin": self.part_begin,
            "on_header_field": self.header_field,
            "on_header_value": self.header_value,
            "on_header_end": self.header_end,
            "on_headers_finished": self.headers_finished,
            "on_part_data": self.part_data,
            "on_end": self.end,
        }

    def part_begin(self) -> None:
        self._head, self._key, self._value, self._head_bytes, self._path = {}, b"", b"", 0, None

    def header_field(self, data: bytes, start: int, end: int) -> None:
        self._key += self._some(data, start, end)

    def header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += self._some(data, start, end)

    def header_end(self) -> None:
        self._head[self._key.lower()] = self._value
        self._key = self._value = b""

    def headers_finished(self) -> None:
        _, said = parse_options_header(self._head.get(b"content-disposition"))
        if said.get(b"name") != FIELD.encode() or b"filename" not in said:
            return
        if len(self.photos) >= self._most:
            raise ProblemError(422, "invalid-request", f"more than the {self._most} photos of a batch; send several")
        name = self._naming(said[b"filename"].decode("utf-8", "replace"))
        self._path = self.path()
        self.photos.append((name, self._path))
        self._waiting.append((self._path, b""))  # an empty file is a file

    def part_data(self, data: bytes, start: int, end: int) -> None:
        if self._path is not None:
            self._waiting.append((self._path, data[start:end]))
            self.held += end - start

    def end(self) -> None:
        self.whole = True

    def path(self) -> Path:
        """Of the next photo."""
        return self._folder / f"{len(self.photos):06d}"

    def write(self) -> None:
        """What waits, to its files, of which one is open at a time."""
        waiting, self._waiting, self.held = self._waiting, [], 0
        for path, data in waiting:
            if self._open is None or self._open[0] != path:
                self.close()
                self._open = (path, path.open("wb"))
            self._open[1].write(data)

    def finish(self) -> None:
        """What still waits; the last file may be told only now that there is no room."""
        self.write()
        self.close()

    def close(self) -> None:
        """Of the file that is open."""
        if self._open is not None:
            _, stream = self._open
            self._open = None
            stream.close()

    def _some(self, data: bytes, start: int, end: int) -> bytes:
        self._head_bytes += end - start
        if self._head_bytes > _HEAD:
            raise FormParserError("the head of a part is too long")
        return data[start:end]

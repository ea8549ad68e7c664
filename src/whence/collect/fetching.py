"""One picture: from its address into a file, in as many pieces as it takes."""

from __future__ import annotations

import json
import re
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from whence.collect.http import LATER, AgainError, Client
from whence.collect.pacing import StoppedError, retry_after_s
from whence.errors import InputError, PhotoError
from whence.photos.pillow import FORMATS, sniff

if TYPE_CHECKING:
    from urllib3.response import BaseHTTPResponse

_CHUNK = 2**15
_HEAD = 64
"""Bytes that tell the format."""
_EXPIRED = (401, 403, 404, 410)
_GONE = "photo_unavailable"
"""In the address of the picture that Flickr leads to in the place of one that was removed."""
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")
_KINDS = ("image/", "application/octet-stream", "binary/octet-stream")


@dataclass(frozen=True, slots=True)
class Limits:
    """What one picture may cost.

    Attributes:
        bytes: Of its file.
        pixels: That its header claims.
        seconds: From the first byte to the last, for servers that drip.
    """

    bytes: int = 100 * 2**20
    pixels: int = 200_000_000
    seconds: float = 300.0


@dataclass(frozen=True, slots=True)
class Version:
    """Which state of a picture a server gave.

    Attributes:
        etag: Empty where it names none.
        modified: Its ``Last-Modified``, as given.
    """

    etag: str = ""
    modified: str = ""

    @property
    def range_mark(self) -> str:
        """What ``If-Range`` may say: weak tags do not promise equal bytes."""
        return self.etag if self.etag and not self.etag.startswith("W/") else self.modified

    @property
    def conditions(self) -> dict[str, str]:
        """Headers that ask for the picture only if it is another one by now."""
        if self.etag:
            return {"If-None-Match": self.etag}
        return {"If-Modified-Since": self.modified} if self.modified else {}


class ExpiredError(PhotoError):
    """The address of a picture is no longer good."""


class Fetcher:
    """Pictures through one client. Called from many threads, never twice at once for one file.

    Args:
        client: Whose requests they are.
        limits: Of each picture.
    """

    def __init__(self, client: Client, limits: Limits) -> None:
        self._client, self._limits = client, limits

    def fetch(self, url: str, part: Path, had: Version | None = None) -> Version | None:
        """Brings ``part`` to the whole picture; what of it is there already is not sent again if the server can help.

        Args:
            url: Of the picture.
            part: The unfinished file; a note of its version lies beside it.
            had: The version that is there complete: it is asked for only if it changed.

        Returns:
            The version that came; None if ``had`` is still the one.

        Raises:
            PhotoError: It cannot be had, or is no picture, with the reason.
            CollectError: The address leads to where it must not, or the server wants a rest.
            InputError: The file cannot be written.
            StoppedError: The run ended.
        """
        try:
            return self._client.persist(url, lambda: self._once(url, part, had))
        except ExpiredError:
            raise
        except PhotoError:
            drop(part)
            raise

    def _once(self, url: str, part: Path, had: Version | None) -> Version | None:
        start, before, total = _begun(part)
        if start and start == total and had is None:
            return before
        headers = {"Accept": "image/*", "Accept-Encoding": "identity", **(had.conditions if had else {})}
        if start and before.range_mark and had is None:
            headers |= {"Range": f"bytes={start}-", "If-Range": before.range_mark}
        else:
            start = 0
        with self._client.opened(url, headers) as answer:
            if _GONE in (answer.url or ""):
                raise PhotoError("the picture is no longer there")
            if answer.status == 304 and had is not None:
                return None
            _check_status(answer, part)
            start = _from(answer, start)
            total = _total(answer, start)
            if total is not None and total > self._limits.bytes:
                raise PhotoError(f"{total:,} bytes, more than the {self._limits.bytes:,} allowed")
            version = Version(answer.headers.get("ETag", ""), answer.headers.get("Last-Modified", ""))
            if not start:
                drop(part)  # before the note says that its bytes are of this version
            _note(part, version, total)
            got = self._write(answer, part, start)
            if total is not None and got < total:
                raise AgainError(f"the picture breaks off after {got:,} of {total:,} bytes")
        return version

    def _write(self, answer: BaseHTTPResponse, part: Path, start: int) -> int:
        got, ends = start, time.monotonic() + self._limits.seconds
        try:
            stream = part.open("r+b" if start else "wb", buffering=0)  # what came is there, should the run be killed
        except OSError as error:
            raise _unwritable(part, error) from error
        with stream:
            stream.truncate(start)
            stream.seek(start)
            while data := answer.read1(_CHUNK, decode_content=False):
                if self._client.stop.is_set():
                    raise StoppedError
                if got < _HEAD and not (start or sniff(data) or len(data) < _HEAD):
                    raise PhotoError(f"not a picture: expected {', '.join(FORMATS[:-1])} or {FORMATS[-1]}")
                got += len(data)
                if got > self._limits.bytes:
                    raise PhotoError(f"more than the {self._limits.bytes:,} bytes allowed")
                if time.monotonic() > ends:
                    raise AgainError(f"not there after {self._limits.seconds:.0f} s")
                try:
                    stream.write(data)
                except OSError as error:
                    raise _unwritable(part, error) from error
        return got


def drop(part: Path) -> None:
    """Removes an unfinished file and its note."""
    part.unlink(missing_ok=True)
    _note_path(part).unlink(missing_ok=True)


def _check_status(answer: BaseHTTPResponse, part: Path) -> None:
    status = answer.status
    if status == 416:  # what is there is longer than the picture
        drop(part)
        raise AgainError("the server says 416")
    if status in LATER:
        raise AgainError(f"the server says {status}", retry_after_s(answer.headers.get("Retry-After")))
    if status in _EXPIRED:
        raise ExpiredError(f"the server says {status}")
    if status not in (200, 206):
        raise PhotoError(f"the server says {status}")
    kind = answer.headers.get("Content-Type", "application/octet-stream").split(";")[0].strip().lower()
    if not kind.startswith(_KINDS):
        raise PhotoError(f"the server gives {ascii(kind)[1:-1][:60]}, not a picture")
    if answer.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise PhotoError("the server gives it compressed, which was not asked for")


def _from(answer: BaseHTTPResponse, start: int) -> int:
    """Where in the picture the answer begins."""
    if answer.status != 206:
        return 0
    found = _RANGE.match(answer.headers.get("Content-Range", ""))
    if not found or int(found[1]) != start:
        raise PhotoError("the server gives another part than was asked for")
    return start


def _total(answer: BaseHTTPResponse, start: int) -> int | None:
    length = answer.headers.get("Content-Length", "")
    return start + int(length) if length.isascii() and length.isdigit() and len(length) < 16 else None


def _begun(part: Path) -> tuple[int, Version, int | None]:
    """How much of a picture is there, of which version, and how long that is."""
    try:
        size = part.stat().st_size
        noted = json.loads(_note_path(part).read_text("utf-8"))
        return size, Version(str(noted["etag"]), str(noted["modified"])), noted["total"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return 0, Version(), None


def _note(part: Path, version: Version, total: int | None) -> None:
    try:
        _note_path(part).write_text(json.dumps({**asdict(version), "total": total}), "utf-8")
    except OSError as error:
        raise _unwritable(part, error) from error


def _note_path(part: Path) -> Path:
    return part.with_name(part.name + ".json")


def _unwritable(path: Path, error: OSError) -> InputError:
    return InputError(f"{path.parent} cannot be written: {error.strerror or error}")

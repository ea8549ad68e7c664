"""Photos of strangers decoded in processes of their own, with limits of time and memory.

What is wrong with a file may be wrong with the decoder too. A process that takes too long or dies takes no more with it
than its photo; another takes its place. It can write no file, and what comes back is numbers, never objects.
"""

from __future__ import annotations

import json
import queue
import signal
import threading
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from whence.errors import PhotoError, WhenceError
from whence.locate.reading import Reader
from whence.photos.decode import Decoded, decode
from whence.photos.exif import ExifFacts
from whence.types import LatLon

_MEGABYTE = 1024**2
_LOOK_S = 1.0
"""Seconds until one that waits for a process looks whether there will be one."""
_START_S = 60.0
"""Seconds that a process may take to come up, on a busy machine."""


@dataclass(frozen=True, slots=True)
class Limits:
    """For one photo.

    Attributes:
        max_side: Longest side of the pixels that come back.
        max_pixels: Of the photo.
        seconds: To decode it.
        memory_mb: More than the process has when it starts; where the system can limit that.
    """

    max_side: int
    max_pixels: int
    seconds: float
    memory_mb: int


class Decoders:
    """Some processes that decode. Safe to use from many threads."""

    def __init__(self, count: int, limits: Limits) -> None:
        """Starts them; each imports its libraries while others may work already."""
        self.limits = limits
        self._idle: queue.SimpleQueue[_Process] = queue.SimpleQueue()
        self._all: set[_Process] = set()
        self._lock = threading.Lock()
        self._closed = False
        self.lost = 0
        for _ in range(count):
            self._start()

    def decode(self, data: bytes) -> Decoded:
        """``photos.decode.decode``, elsewhere. Waits for a process that is free.

        Raises:
            PhotoError: It is no photo that can be used, takes too long, or its decoder died.
            ClosedError: The server ends.
        """
        for _ in range(len(self._all) + 1):  # all that wait may have been killed, none of them by this photo
            process = self._next()
            try:
                found = process.decode(data, self.limits.seconds)
            except _GoneError:
                self._replace(process)
                continue
            except _LostError as error:
                if self._closed:
                    raise ClosedError from None
                self.lost += 1
                self._replace(process)
                raise PhotoError(str(error)) from None
            except BaseException:
                self._idle.put(process)
                raise
            self._idle.put(process)
            return found
        raise PhotoError("the photo could not be decoded now; try again")

    def close(self) -> None:
        """Ends all processes."""
        with self._lock:
            self._closed, waiting = True, list(self._all)
            self._all.clear()
        for process in waiting:
            process.end()

    def _next(self) -> _Process:
        while True:
            with suppress(queue.Empty):
                return self._idle.get(timeout=_LOOK_S)
            if self._closed:
                raise ClosedError

    def _start(self) -> None:
        process = _Process(self.limits)
        with self._lock:
            if not self._closed:
                self._all.add(process)
                self._idle.put(process)
                return
        process.end()

    def _replace(self, process: _Process) -> None:
        with self._lock:
            self._all.discard(process)
        process.end()
        self._start()


class Elsewhere(Reader):
    """What is indexed, decoded as what is asked is."""

    def __init__(self, decoders: Decoders) -> None:
        self._decoders = decoders

    def decode(self, data: bytes, max_side: int) -> Decoded:
        """See ``Decoders.decode``; at the size that these decode to."""
        assert max_side == self._decoders.limits.max_side
        return self._decoders.decode(data)

    def facts(self, data: bytes) -> ExifFacts:
        """Nothing of what cannot be read."""
        try:
            return self._decoders.decode(data).exif
        except PhotoError:
            return ExifFacts()


class ClosedError(WhenceError):
    """The server ends; it is no fault of the photo's."""


class _LostError(Exception):
    """The process is gone, or has to go; the message says why in words for the user."""


class _GoneError(Exception):
    """The process ended before it had the photo."""


class _Process:
    """One process at work, and the pipe to it."""

    def __init__(self, limits: Limits) -> None:
        context = get_context("spawn")  # a fork would inherit threads in the middle of anything
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(theirs, limits), daemon=True, name="whence-decode")
        self._process.start()
        theirs.close()
        self._ready = False

    def decode(self, data: bytes, seconds: float) -> Decoded:
        try:
            if not self._ready:
                if not self._pipe.poll(_START_S):
                    raise _LostError("the photo could not be decoded now; try again")
                self._pipe.recv_bytes()
                self._ready = True
            self._pipe.send_bytes(data)
        except (EOFError, OSError) as error:
            raise _GoneError from error
        try:
            if not self._pipe.poll(seconds):
                raise _LostError(f"decoding the photo takes more than {seconds:g} s")
            said = json.loads(self._pipe.recv_bytes())
            if "error" in said:
                raise PhotoError(said["error"])
            return _decoded(said, self._pipe.recv_bytes())
        except (EOFError, OSError) as error:
            raise _LostError("decoding the photo failed (it ended the decoder)") from error

    def end(self) -> None:
        self._pipe.close()
        self._process.kill()
        self._process.join()
        self._process.close()


def _decoded(said: dict[str, Any], pixels: bytes) -> Decoded:
    shape = tuple(said["shape"])
    array = np.frombuffer(pixels, np.uint8).reshape(shape).copy()
    return Decoded(array, said["width"], said["height"], _facts(said["exif"]))


def _facts(said: dict[str, Any]) -> ExifFacts:
    time = None if said["time"] is None else datetime.fromisoformat(said["time"])
    position = None if said["position"] is None else LatLon(**said["position"])
    return ExifFacts(**{**said, "time": time, "position": position})


def _work(pipe: Connection, limits: Limits) -> None:
    """The process: photos in, pixels out, until the pipe closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server
    _warm_up(limits)
    _confine(limits.memory_mb)
    with suppress(EOFError, OSError):
        pipe.send_bytes(b"ready")
        while True:
            data = pipe.recv_bytes()
            try:
                found = decode(data, max_side=limits.max_side, max_pixels=limits.max_pixels)
            except PhotoError as error:
                pipe.send_bytes(json.dumps({"error": str(error)}).encode())
                continue
            size = {"shape": found.pixels.shape, "width": found.width, "height": found.height}
            pipe.send_bytes(json.dumps({**size, "exif": asdict(found.exif)}, default=datetime.isoformat).encode())
            pipe.send_bytes(found.pixels.tobytes())


def _warm_up(limits: Limits) -> None:
    """Libraries load before memory is limited and files are closed to it."""
    import io

    from PIL import Image as Pillow

    for kind in ("JPEG", "PNG", "WEBP", "TIFF"):
        stream = io.BytesIO()
        Pillow.new("RGB", (32, 32)).save(stream, kind)
        with suppress(PhotoError):
            decode(stream.getvalue(), max_side=limits.max_side)


def _confine(memory_mb: int) -> None:
    """Where the system knows such limits: memory, and no writing to files."""
    try:
        import resource
    except ImportError:  # Windows
        return
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    with suppress(OSError, ValueError):
        most = _used() + memory_mb * _MEGABYTE
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _used() -> int:
    """Bytes of address space that the process has; 0 where the system does not tell."""
    try:
        with open("/proc/self/statm") as stream:  # noqa: PTH123 -- not a file
            import os

            return int(stream.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return 0

"""Photos of strangers decoded in processes of their own, with limits of time and memory.

What is wrong with a file may be wrong with the decoder too. A process that takes too long or dies takes no more with it
than its photo; another takes its place. It can write no file, and what comes back is numbers, never objects.
"""

from __future__ import annotations

import json
import queue
import threading
from contextlib import suppress
from datetime import datetime
from multiprocessing import get_context

import numpy as np

from whence.errors import PhotoError, WhenceError
from whence.locate.reading import Reader
from whence.photos.decode import Decoded
from whence.photos.exif import ExifFacts
from whence.photos.writing.estimate import Estimate, UnwritableError
from whence.photos.writing.splices import Splice
from whence.types import LatLon
from whence.web.worker import Limits, Said, wanted, work

_LOOK_S = 1.0
"""Seconds until one that waits for a process looks whether there will be one."""
_START_S = 60.0
"""Seconds that a process may take to come up, on a busy machine."""


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
        return _decoded(*self._ask(None, data))

    def splices(self, data: bytes, estimate: Estimate) -> list[Splice] | None:
        """``photos.writing.inside.spliced``, elsewhere; None for a photo that says where it was taken. Waits, too.

        Raises:
            PhotoError: As of ``decode``.
            UnwritableError: The position has to go beside the photo.
        """
        said, inserted = self._ask(wanted(estimate), data)
        if "unwritable" in said:
            raise UnwritableError(said["unwritable"])
        if "placed" in said:
            return None
        found, done = [], 0
        for start, removed, count in said["splices"]:
            found.append(Splice(start, data[start : start + removed], inserted[done : done + count]))
            done += count
        return found

    def _ask(self, order: Said | None, data: bytes) -> tuple[Said, bytes]:
        for _ in range(len(self._all) + 1):  # all that wait may have been killed, none of them by this photo
            process = self._next()
            try:
                found = process.ask(order, data, self.limits.seconds)
            except _GoneError:
                if self._closed:
                    raise ClosedError from None
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
        self._process = context.Process(target=work, args=(theirs, limits), daemon=True, name="whence-decode")
        self._process.start()
        theirs.close()
        self._ready = False

    def ask(self, order: Said | None, data: bytes, seconds: float) -> tuple[Said, bytes]:
        try:
            if not self._ready:
                if not self._pipe.poll(_START_S):
                    raise _LostError("the photo could not be decoded now; try again")
                self._pipe.recv_bytes()
                self._ready = True
            self._pipe.send_bytes(json.dumps(order).encode())
            self._pipe.send_bytes(data)
        except (EOFError, OSError) as error:
            raise _GoneError from error
        try:
            if not self._pipe.poll(seconds):
                raise _LostError(f"decoding the photo takes more than {seconds:g} s")
            said, found = json.loads(self._pipe.recv_bytes()), self._pipe.recv_bytes()
            if "error" in said:
                raise PhotoError(said["error"])
            return said, found
        except (EOFError, OSError) as error:
            raise _LostError("decoding the photo failed (it ended the decoder)") from error

    def end(self) -> None:
        self._pipe.close()
        with suppress(ValueError):  # ended before
            self._process.kill()
            self._process.join()
            self._process.close()


def _decoded(said: Said, pixels: bytes) -> Decoded:
    shape = tuple(said["shape"])
    array = np.frombuffer(pixels, np.uint8).reshape(shape).copy()
    return Decoded(array, said["width"], said["height"], _facts(said["exif"]))


def _facts(said: Said) -> ExifFacts:
    time = None if said["time"] is None else datetime.fromisoformat(said["time"])
    position = None if said["position"] is None else LatLon(**said["position"])
    return ExifFacts(**{**said, "time": time, "position": position})

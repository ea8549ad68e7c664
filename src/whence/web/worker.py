"""What the processes do that photos of strangers are given to: pixels out of them, and positions into them."""

from __future__ import annotations

import json
import signal
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from multiprocessing.connection import Connection
from typing import Any

from whence.errors import PhotoError
from whence.photos.decode import decode, read_facts
from whence.photos.writing.estimate import Estimate, UnwritableError
from whence.photos.writing.inside import spliced
from whence.types import LatLon

_MEGABYTE = 1024**2
Said = dict[str, Any]


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


def wanted(estimate: Estimate) -> Said:
    """An order to write a position, as JSON types."""
    return asdict(estimate) | {"made": estimate.made.isoformat()}


def work(pipe: Connection, limits: Limits) -> None:
    """The process: an order and a photo in, what was found and its bytes out, until the pipe closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server
    _warm_up(limits)
    _confine(limits.memory_mb)
    with suppress(EOFError, OSError):
        pipe.send_bytes(b"ready")
        while True:
            order, data = json.loads(pipe.recv_bytes()), pipe.recv_bytes()
            try:
                said, found = _decoded(data, limits) if order is None else _written(data, order, limits)
            except PhotoError as error:
                said, found = {"error": str(error)}, b""
            pipe.send_bytes(json.dumps(said, default=datetime.isoformat).encode())
            pipe.send_bytes(found)


def _decoded(data: bytes, limits: Limits) -> tuple[Said, bytes]:
    found = decode(data, max_side=limits.max_side, max_pixels=limits.max_pixels)
    size = {"shape": found.pixels.shape, "width": found.width, "height": found.height}
    return {**size, "exif": asdict(found.exif)}, found.pixels.tobytes()


def _written(data: bytes, order: Said, limits: Limits) -> tuple[Said, bytes]:
    """Where bytes go and how many give way; the bytes themselves one after the other."""
    decode(data, max_side=limits.max_side, max_pixels=limits.max_pixels)  # says what is wrong with it
    if read_facts(data).position is not None:
        return {"placed": True}, b""
    position = LatLon(**order.pop("position"))
    try:
        changes = spliced(data, Estimate(position, **order | {"made": datetime.fromisoformat(order["made"])}))
    except UnwritableError as error:
        return {"unwritable": str(error)}, b""
    places = [(one.start, len(one.removed), len(one.inserted)) for one in changes]
    return {"splices": places}, b"".join(one.inserted for one in changes)


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

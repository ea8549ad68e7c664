"""Decoders in processes of their own: what a photo does to them stays there."""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags
from PIL import Image as Pillow

from samples import textured
from whence.errors import PhotoError
from whence.photos.decode import decode
from whence.web.decoding import Decoders
from whence.web.worker import Limits

LIMITS = Limits(max_side=256, max_pixels=50_000_000, seconds=20.0, memory_mb=1024)


@pytest.fixture(scope="module")
def decoders() -> Iterator[Decoders]:
    found = Decoders(2, LIMITS)
    yield found
    found.close()


def photo(width: int = 320, height: int = 200, kind: str = "JPEG") -> bytes:
    exif = Pillow.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.FocalLengthIn35mmFilm] = 28
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "2020:05:06 07:08:09"
    stream = io.BytesIO()
    Pillow.fromarray(textured(1, width, height)).save(stream, kind, exif=exif)
    return stream.getvalue()


def test_they_see_what_a_decoder_here_sees(decoders: Decoders) -> None:
    data = photo()
    there, here = decoders.decode(data), decode(data, max_side=256)
    assert np.array_equal(there.pixels, here.pixels)
    assert (there.width, there.height) == (here.width, here.height) == (200, 320)
    assert there.exif.focal_35mm == 28
    assert there.exif.time == here.exif.time
    assert there.exif.position is None  # nothing that is not needed comes back


def test_what_is_no_photo_is_said_and_costs_nothing(decoders: Decoders) -> None:
    for data in (b"text", photo()[:200], b"\x89PNG\r\n\x1a\n" + bytes(50)):
        with pytest.raises(PhotoError) as there:
            decoders.decode(data)
        with pytest.raises(PhotoError) as here:
            decode(data)
        assert str(there.value) == str(here.value)
    assert decoders.lost == 0


def test_too_many_pixels_are_refused_by_the_header(decoders: Decoders) -> None:
    stream = io.BytesIO()
    Pillow.new("1", (9000, 9000)).save(stream, "PNG")
    with pytest.raises(PhotoError, match="more than the 50 million allowed"):
        decoders.decode(stream.getvalue())


def test_one_that_takes_too_long_is_ended_and_another_takes_its_place() -> None:
    stream = io.BytesIO()
    Pillow.fromarray(np.random.default_rng(0).integers(0, 255, (3000, 3000, 3), np.uint8)).save(stream, "PNG")
    found = Decoders(1, Limits(256, 50_000_000, 0.05, 1024))
    try:
        with pytest.raises(PhotoError, match=r"takes more than 0\.05 s"):
            found.decode(stream.getvalue())
        assert found.lost == 1
        assert found.decode(photo(32, 32)).pixels.shape == (32, 32, 3)
    finally:
        found.close()


@pytest.mark.skipif(sys.platform != "linux", reason="the address space of a process is limited on Linux alone")
def test_one_that_needs_too_much_memory_is_refused() -> None:
    stream = io.BytesIO()
    Pillow.new("RGB", (9000, 5000)).save(stream, "PNG")
    found = Decoders(1, Limits(256, 50_000_000, 20.0, 48))
    try:
        with pytest.raises(PhotoError, match=r"memory|ended the decoder"):
            found.decode(stream.getvalue())
        assert found.decode(photo(64, 64)).pixels.shape == (64, 64, 3)
    finally:
        found.close()


def test_one_that_dies_takes_only_its_photo_with_it() -> None:
    stream = io.BytesIO()
    Pillow.fromarray(np.random.default_rng(0).integers(0, 255, (4000, 4000, 3), np.uint8)).save(stream, "PNG")
    found = Decoders(1, LIMITS)
    try:
        found.decode(photo(32, 32))
        (process,) = found._all
        pid = process._process.pid
        assert pid is not None
        killer = threading.Thread(target=kill_beyond, args=(pid, resident(pid) + 5 * len(stream.getvalue()) // 4))
        killer.start()
        with pytest.raises(PhotoError, match="ended the decoder"):
            found.decode(stream.getvalue())
        assert found.decode(photo(32, 32)).pixels.shape == (32, 32, 3)
        assert found.lost == 1
        killer.join()
    finally:
        found.close()


def resident(pid: int) -> int:
    """Bytes of memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def kill_beyond(pid: int, size: int) -> None:
    """Once it holds all of the file, and pixels."""
    while resident(pid) < size:
        time.sleep(0.001)
    os.kill(pid, signal.SIGKILL)


def test_one_that_was_killed_while_idle_costs_no_photo() -> None:
    found = Decoders(2, LIMITS)
    try:
        for process in list(found._all):
            process._process.kill()
            process._process.join()
        assert found.decode(photo(32, 32)).pixels.shape == (32, 32, 3)
        assert found.lost == 0
    finally:
        found.close()


def test_many_threads_share_them(decoders: Decoders) -> None:
    sides = list(range(32, 64))
    shapes: dict[int, tuple[int, ...]] = {}

    def ask(side: int) -> None:
        shapes[side] = decoders.decode(photo(side, side)).pixels.shape

    threads = [threading.Thread(target=ask, args=(side,)) for side in sides]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert shapes == {side: (side, side, 3) for side in sides}


def test_closed_they_leave_no_process() -> None:
    found = Decoders(2, LIMITS)
    found.decode(photo(32, 32))
    pids = [process._process.pid for process in found._all]
    found.close()
    time.sleep(0.1)
    for pid in pids:
        assert pid is not None
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)

"""Frames of video files, as photos of moments. Decoded by the FFmpeg that comes with OpenCV."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from whence.errors import PhotoError
from whence.types import Image, Photo

SUFFIXES = (".mp4", ".mov", ".m4v", ".avi", ".mkv", ".webm")
_LOOK_BACK_S = 2.0
"""A reader this far behind the moment that is asked for runs on; one further away seeks."""
_own = threading.local()


def is_video(path: Path) -> bool:
    """By its suffix."""
    return path.suffix.lower() in SUFFIXES


def frames(path: Path, name: str, every_s: float) -> Iterator[Photo]:
    """A photo for each moment, from the start on; named as parts of media are (W3C Media Fragments: ``#t=12.5``).

    Args:
        path: The file.
        name: As the user gave it.
        every_s: Seconds from one to the next.

    Raises:
        PhotoError: Not a video that can be read.
    """
    opened = _Reader(path)
    moments = max(1, int(np.ceil(round(opened.length_s / every_s, 6))))
    for number in range(moments):
        at_s = number * every_s
        yield Photo(path, f"{name}#t={at_s:g}", at_s=at_s)


def frame(path: Path, at_s: float, max_side: int) -> tuple[Image, int, int]:
    """The picture that is shown at a moment, upright, reduced to a longest side; width and height in full size.

    Safe to call from many threads: each reads the file by itself, and reads on where it is asked for later moments.

    Raises:
        PhotoError: Not a video that can be read, or it ends before.
    """
    reader: _Reader | None = getattr(_own, "reader", None)
    if reader is None or reader.path != path:
        reader = _own.reader = _Reader(path)
    pixels = reader.at(at_s)
    height, width = pixels.shape[:2]
    scale = max_side / max(height, width)
    if scale < 1:
        size = max(1, round(width * scale)), max(1, round(height * scale))
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    return pixels, width, height


@dataclass(slots=True)
class _Stamp:
    """Of a frame: when it is shown, and the next one."""

    from_s: float
    until_s: float


class _Reader:
    """One open file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.is_file():
            raise PhotoError("there is no such file")
        self._capture: Any = cv2.VideoCapture(str(path))
        rate = float(self._capture.get(cv2.CAP_PROP_FPS)) if self._capture.isOpened() else 0.0
        count = float(self._capture.get(cv2.CAP_PROP_FRAME_COUNT)) if rate > 0 else 0.0
        if not (np.isfinite(rate) and rate > 0 and self._capture.grab()):
            raise PhotoError("not a video that can be read; expected one that FFmpeg knows")
        self._frame_s = 1 / rate
        self.length_s = max(count, 1.0) / rate
        self._shown = _Stamp(0.0, self._frame_s)

    def at(self, at_s: float) -> Image:
        if at_s < self._shown.from_s - self._frame_s / 2 or at_s > self._shown.until_s + _LOOK_BACK_S:
            self._capture.set(cv2.CAP_PROP_POS_MSEC, 1000 * at_s)
            self._grab(at_s)
        while at_s >= self._shown.until_s - 1e-6:
            self._grab(at_s)
        ok, pixels = self._capture.retrieve()
        if not ok or pixels is None:
            raise PhotoError(f"the frame at {at_s:g} s is damaged")
        return np.ascontiguousarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB))

    def _grab(self, at_s: float) -> None:
        if not self._capture.grab():
            raise PhotoError(f"the video ends before {at_s:g} s, or is damaged there")
        shown_s = float(self._capture.get(cv2.CAP_PROP_POS_MSEC)) / 1000
        self._shown = _Stamp(shown_s, shown_s + self._frame_s)

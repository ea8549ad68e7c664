"""Frames of video files, as photos of moments. Decoded by the FFmpeg that comes with OpenCV."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from whence.errors import InputError, PhotoError
from whence.types import Image, Photo

SUFFIXES = (".mp4", ".mov", ".m4v", ".avi", ".mkv", ".webm")
MOST = 1_000_000
"""Frames that are asked of one video at most."""
_UNREADABLE = "not a video that can be read; expected one that FFmpeg knows"


def is_video(path: Path) -> bool:
    """By its suffix."""
    return path.suffix.lower() in SUFFIXES


def frames(path: Path, name: str, every_s: float) -> Iterator[Photo]:
    """A photo for each moment, from the start on; named as parts of media are (W3C Media Fragments: ``#t=12.5``).

    Args:
        path: The file.
        name: As the user gave it.
        every_s: Seconds from one to the next, above 0.

    Raises:
        PhotoError: Not a video that can be read.
        InputError: More than ``MOST`` moments.
    """
    length_s = _length_s(path)
    moments = length_s / every_s
    if not moments <= MOST:
        raise InputError(
            f"{name}: more than {MOST:,} frames of {length_s:,.0f} s of video; take longer steps than {every_s:g} s"
        )
    for number in range(max(1, int(np.ceil(round(moments, 6))))):
        at_s = number * every_s
        yield Photo(path, f"{name}#t={round(at_s, 3):.10g}", at_s=at_s)


class Reader:
    """Reads frames of one video after the other, each from its start to its end. Not for many threads at once."""

    def __init__(self, max_side: int) -> None:
        """For pictures of at most so many pixels on their longest side."""
        self._max_side = max_side
        self._path: Path | None = None
        self._capture: Any = None
        self._asked_s = self._shown_s = -1.0

    def frame(self, path: Path, at_s: float) -> tuple[Image, int, int] | None:
        """The first picture that is shown from a moment on, upright and reduced; width and height in full size.

        Nothing is skipped by seeking, which lands beside the moment in videos whose frames are not evenly spaced.

        Returns:
            None where the video has ended: what its header says of its length may be that of its sound.

        Raises:
            PhotoError: Not a video that can be read, or a damaged frame.
        """
        if self._path != path or at_s < self._asked_s:
            self.close()
            self._capture, self._path = _opened(path), path
            self._shown_s = -1.0
        self._asked_s = at_s
        while self._shown_s < at_s - 1e-3:
            if not self._capture.grab():
                return None
            shown_s = float(self._capture.get(cv2.CAP_PROP_POS_MSEC)) / 1000
            self._shown_s = max(shown_s, self._shown_s + 1e-6)  # never back, so that this ends
        ok, pixels = self._capture.retrieve()
        if not ok or pixels is None:
            raise PhotoError(f"the frame at {at_s:g} s is damaged")
        height, width = pixels.shape[:2]
        scale = self._max_side / max(height, width)
        if scale < 1:
            size = max(1, round(width * scale)), max(1, round(height * scale))
            pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
        return np.ascontiguousarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)), width, height

    def close(self) -> None:
        """Lets go of the file."""
        if self._capture is not None:
            self._capture.release()
        self._capture = self._path = None


def _opened(path: Path) -> Any:
    if not path.is_file():
        raise PhotoError("there is no such file")
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # what is wrong with a file is told by us, once
    capture = cv2.VideoCapture(str(path))
    if not capture.isOpened():
        raise PhotoError(_UNREADABLE)
    return capture


def _length_s(path: Path) -> float:
    """By the header; where that does not say, by reading to the end."""
    capture = _opened(path)
    try:
        rate, count = float(capture.get(cv2.CAP_PROP_FPS)), float(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        if not capture.grab():
            raise PhotoError(_UNREADABLE)
        if np.isfinite(rate) and rate > 0 and np.isfinite(count) and count > 0:
            return count / rate
        end_s = 0.0
        while capture.grab():
            end_s = max(end_s, float(capture.get(cv2.CAP_PROP_POS_MSEC)) / 1000)
        return end_s + 1e-3
    finally:
        capture.release()

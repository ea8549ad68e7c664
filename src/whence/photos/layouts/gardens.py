"""One walk over a campus, three times: Gardens Point."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from whence.errors import InputError
from whence.photos import datasets
from whence.photos.folder import FolderSource
from whence.photos.layouts.parts import below, check_folder, choose, is_photo, listed
from whence.types import XY, Crs, Photo, Skipped

_WALKS = ("day_left", "day_right", "night_right")
_FRAME = re.compile(r"Image(\d{1,9})\.\w+", re.ASCII | re.IGNORECASE)


class GardensSource:
    """Frames of a walk, numbered by place::

        gardens_point/day_left/Image000.jpg
        gardens_point/day_right/Image000.jpg
        gardens_point/night_right/Image000.jpg

    Frame i of one walk shows the place of frame i of another: ``x`` is the number of the frame, ``y`` 0, and errors are
    counted in frames (2 are usual: ``--tolerance 2``). Parts are the walks; a walk itself may be given too, and the
    folder ``images`` around the walks is seen through. ``whence datasets`` says where the set is to be had.

    Args:
        path: The data set's folder, or a walk.
        part: Which walk.
        crs: None or a local plane.
        need_position: False for queries: nothing but paths is told.

    Raises:
        InputError: No such walk, several and none named, or no frames.
    """

    def __init__(self, path: Path, part: str | None = None, crs: Crs | None = None, need_position: bool = True) -> None:
        check_folder(path, "gardens")
        parts = _parts(path)
        if not parts and not _frames(path):
            raise InputError(f"{path} has none of {', '.join(_WALKS)}; {datasets.find('gardens_point').obtain}")
        self._root, self._need_position = path, need_position
        self._walk = choose(parts, part, path)[1] if parts or part else path
        FolderSource(self._walk, need_position=False)  # refuses a folder that is empty or cannot be read

    @staticmethod
    def recognises(path: Path) -> bool:
        """Whether two of the walks are there."""
        return len(_parts(path)) > 1

    @property
    def crs(self) -> Crs:
        """A line of frames."""
        return Crs.LOCAL

    def photos(self) -> Iterator[Photo | Skipped]:
        """Frames in the order of their names."""
        for file in listed(self._walk, lambda entry: is_photo(entry.name)):
            path = self._walk / file
            name = below(path, self._root)
            frame = _FRAME.fullmatch(file)
            if not self._need_position:
                yield Photo(path, name)
            elif frame is None:
                yield Skipped(name, "its name is not Image and the number of the frame")
            else:
                yield Photo(path, name, XY(float(frame[1]), 0.0), "name")


def _parts(path: Path) -> dict[str, Path]:
    base = path if any((path / walk).is_dir() for walk in _WALKS) else path / "images"
    return {walk: base / walk for walk in _WALKS if _frames(base / walk)}


def _frames(walk: Path) -> list[str]:
    return listed(walk, lambda entry: _FRAME.fullmatch(entry.name) is not None and is_photo(entry.name))

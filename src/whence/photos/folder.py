"""A folder of photos, with all folders below it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from whence.errors import InputError
from whence.photos import files
from whence.photos.decode import SUFFIXES
from whence.photos.names import is_storable
from whence.types import Crs, Photo, Skipped


class FolderSource:
    """All photos in and below a folder, in the order of their names; positions are in the photos' own EXIF.

    Files with other suffixes, and hidden files and folders, are passed over silently. Links to files are followed,
    links to folders are not: they may lead in circles.

    Args:
        path: The folder. Photos are named by their path below it, with ``/`` on every system.

    Raises:
        InputError: There is no such folder, it cannot be read, or no photo is in it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        if files.kind(path) != "folder":
            raise InputError(f"{path} is not a folder")
        try:
            _entries(path)
        except OSError as error:
            raise InputError(f"{path}: {files.reason(error)}") from error
        # Looks no further than the first photo; a folder without one is walked, and refused before any work is done.
        if not any(isinstance(item, Photo) for item in self.photos()):
            raise InputError(f"no photos in {path}; looked for {' '.join(SUFFIXES)}")

    @property
    def crs(self) -> Crs:
        """EXIF knows no other."""
        return Crs.WGS84

    def photos(self) -> Iterator[Photo | Skipped]:
        """Photos without positions, sorted by name; what cannot be read as ``Skipped``."""
        waiting = [(self._path, "", True)]  # the next one last
        while waiting:
            path, name, is_folder = waiting.pop()
            if not is_folder:
                yield _photo(path, name)
                continue
            try:
                found = _entries(path)
            except OSError as error:
                yield Skipped(name or str(path), f"folder left out: {files.reason(error)}")
                continue
            waiting += [(path / child.rstrip("/"), name + child, child.endswith("/")) for child in reversed(found)]


def _entries(folder: Path) -> list[str]:
    """Names worth a look, sorted; a folder's ends in ``/``, which gives the order of the whole paths as text."""
    with os.scandir(folder) as entries:
        names = [f"{entry.name}/" if _is_folder(entry) else entry.name for entry in entries]
    return sorted(name for name in names if not name.startswith(".") and name.lower().endswith((*SUFFIXES, "/")))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:  # gone, or not for us: reading it will say so
        return False


def _photo(path: Path, name: str) -> Photo | Skipped:
    if not is_storable(name):
        return Skipped(_printable(name), "the file name is not valid Unicode; rename the file")
    return Photo(path, name)


def _printable(name: str) -> str:
    """Windows lets halves of characters into names."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")

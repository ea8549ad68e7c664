"""A folder of photos, with all folders below it, and the sidecars beside them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from whence.errors import InputError
from whence.photos import files, sidecars
from whence.photos.decode import SUFFIXES
from whence.photos.names import is_storable
from whence.photos.sidecars import Sidecars
from whence.photos.utmname import by_name
from whence.types import XY, Crs, Photo, Skipped


class FolderSource:
    """All photos in and below a folder, in the order of their names; positions are in the photos or in sidecars.

    A data set's label in a photo's name (``@UTM_east@UTM_north@...``, see ``utmname``) outdoes EXIF. If such names have
    no UTM zone, the folder is a local plane. It is one or the other: the first photo decides, or ``crs``; photos with
    the other kind of position are left out.

    Files with other suffixes, and hidden files and folders, are passed over silently. Links to files are followed,
    links to folders are not: they may lead in circles.

    Args:
        path: The folder. Photos are named by their path below it, with ``/`` on every system.
        crs: What positions are to mean; None to follow the first photo.
        need_position: False for queries: nothing but paths is told, and no sidecar is looked at.

    Raises:
        InputError: There is no such folder, it cannot be read, or no photo is in it.
    """

    def __init__(self, path: Path, crs: Crs | None = None, need_position: bool = True) -> None:
        self._path, self._crs, self._need_position = path, crs, need_position
        if files.kind(path) != "folder":
            raise InputError(f"{path} is not a folder")
        try:
            _entries(path)
        except OSError as error:
            raise InputError(f"{path}: {files.reason(error)}") from error
        # Looks no further than the first photo; a folder without one is walked, and refused before any work is done.
        first, refused = None, None
        for item, _ in self._named():
            if isinstance(item, Photo):
                first = item
                break
            refused = refused or item
        if first is None and crs is Crs.LOCAL and refused is not None:
            raise InputError(f"{path} is a folder, its photos carry latitude and longitude; local needs a CSV with x,y")
        if first is None:
            why = f"looked for {' '.join(SUFFIXES)}" if refused is None else f"{refused.name}: {refused.reason}"
            raise InputError(f"no photos in {path}; {why}")
        self._crs = crs or (Crs.LOCAL if isinstance(first.position, XY) else Crs.WGS84)

    @property
    def crs(self) -> Crs:
        """EXIF knows no other than WGS84, names do."""
        return self._crs or Crs.WGS84

    def __len__(self) -> int:
        """Photos, counted without a look into sidecars."""
        return sum(1 for _ in self._walk())

    def photos(self) -> Iterator[Photo | Skipped]:
        """Photos sorted by name, with what their names and sidecars say; what cannot be read as ``Skipped``."""
        for item, beside in self._named():
            if isinstance(item, Skipped) or beside is None or item.position is not None or not self._need_position:
                yield item
                continue
            completed, problems = beside.complete(item)
            yield completed
            yield from problems

    def _named(self) -> Iterator[tuple[Photo | Skipped, Sidecars | None]]:
        """What names alone say of each photo, and its neighbours."""
        for item in self._walk():
            if isinstance(item, Skipped):
                yield item, None
                continue
            path, name, beside = item
            found = _photo(path, name)
            yield (by_name(found, self._crs) if self._need_position else found), beside

    def _walk(self) -> Iterator[tuple[Path, str, Sidecars] | Skipped]:
        """Path, name and neighbours of every photo."""
        waiting: list[tuple[Path, str, Sidecars | None]] = [(self._path, "", None)]  # the next one last
        while waiting:
            path, name, beside = waiting.pop()
            if beside is not None:
                yield path, name, beside
                continue
            try:
                found, others = _entries(path)
            except OSError as error:
                yield Skipped(name or str(path), f"folder left out: {files.reason(error)}")
                continue
            beside = Sidecars(path, (child for child in found if not child.endswith("/")), others)
            for child in reversed(found):
                waiting.append((path / child.rstrip("/"), name + child, None if child.endswith("/") else beside))


def _entries(folder: Path) -> tuple[list[str], list[str]]:
    """Names of photos and folders, sorted; a folder's ends in ``/``, which gives the order of whole paths as text.

    And the names of files that may be sidecars.
    """
    with os.scandir(folder) as entries:
        names = [f"{entry.name}/" if _is_folder(entry) else entry.name for entry in entries]
    names = [name for name in names if not name.startswith(".")]
    found = sorted(name for name in names if name.lower().endswith((*SUFFIXES, "/")))
    return found, [name for name in names if name.lower().endswith(sidecars.SUFFIXES)]


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

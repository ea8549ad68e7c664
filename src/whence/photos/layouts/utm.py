"""Data sets whose photos say in their names where they were taken."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from whence.photos.folder import FolderSource
from whence.photos.layouts.parts import check_folder, choose, is_folder, listed
from whence.types import Crs, Photo, Skipped

_BASES = ("images", "processed", "small", "raw")
_SPLITS = ("test", "val", "train")
_KINDS = ("database", "gallery", "queries", "query")


class UtmSource:
    """Photos named ``@UTM_east@UTM_north@...`` (see ``photos.utmname``), split into databases and queries::

        pitts30k/images/{train,val,test}/{database,queries}/@0584305.62@4477118.56@17@T@...@.jpg
        sf_xl/processed/{train,val,test}/...        also small/ and raw/; train has no folders below
        svox/images/test/{gallery,queries,queries_night,queries_rain,...}/...

    Parts are called ``test/database`` and so on; where a folder holds several trees, ``processed/test/database``.
    The folder above (``images``), a split (``test``) or a part itself may be given too. Photos in folders below a part
    belong to it. ``whence datasets`` says which sets come in this form, that of gmberton/VPR-datasets-downloader, and
    where they are to be had.

    Args:
        path: The data set's folder, or one of those below.
        part: Which part; needed where there are several, so that queries never get into a database.
        crs: As for any folder.
        need_position: False for queries: nothing but paths is told.

    Raises:
        InputError: No such part; several parts and none named; no photos.
    """

    def __init__(self, path: Path, part: str | None = None, crs: Crs | None = None, need_position: bool = True) -> None:
        check_folder(path, "utm")
        parts = _parts(path)
        self._prefix, folder = choose(parts, part, path) if parts or part else ("", path)
        self._prefix = "" if folder == path else f"{folder.relative_to(path).as_posix()}/"
        self._folder = FolderSource(folder, crs, need_position)

    @staticmethod
    def recognises(path: Path) -> bool:
        """Whether a database and queries are there, side by side; a part itself is an ordinary folder."""
        kinds = {name.rpartition("/")[2] for name in _parts(path)}
        return any(kind.startswith(_KINDS[:2]) for kind in kinds) and any(kind.startswith("quer") for kind in kinds)

    @property
    def crs(self) -> Crs:
        """A local plane if the names have no UTM zone."""
        return self._folder.crs

    def photos(self) -> Iterator[Photo | Skipped]:
        """Photos of the part, named by their path below the folder that was given."""
        for item in self._folder.photos():
            yield replace(item, name=self._prefix + item.name)


def _parts(path: Path) -> dict[str, Path]:
    """Folders of photos, by the name of their part. Looks at no folder that may hold millions of photos."""
    trees = {base: _tree(path / base) for base in _BASES}
    trees = {base: tree for base, tree in trees.items() if tree}
    own = _tree(path)
    if not trees:
        return own
    if len(trees) == 1 and not own:
        return next(iter(trees.values()))
    return {**own, **{f"{base}/{name}": folder for base, tree in trees.items() for name, folder in tree.items()}}


def _tree(base: Path) -> dict[str, Path]:
    found = _kinds(base)
    for split in _SPLITS:
        kinds = _kinds(base / split)
        if kinds:
            found |= {f"{split}/{kind}": folder for kind, folder in kinds.items()}
        elif (base / split).is_dir():
            found[split] = base / split
    return found


def _kinds(split: Path) -> dict[str, Path]:
    if not any((split / kind).is_dir() for kind in _KINDS):
        return {}
    names = listed(split, lambda entry: entry.name.startswith(_KINDS) and is_folder(entry))
    return {name: split / name for name in names}

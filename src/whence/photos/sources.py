"""Choosing the source of photos by what the user pointed at."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol, cast

from whence.errors import InputError
from whence.photos import files
from whence.photos.decode import SUFFIXES
from whence.plugins import SOURCES, PhotoSource, load
from whence.types import Crs

TABLE_SUFFIXES = (".csv", ".tsv", ".txt")


class PlacedSource(PhotoSource, Protocol):
    """A source that also says what its positions mean."""

    @property
    def crs(self) -> Crs:
        """WGS84 for positions in EXIF."""
        ...


def open_source(path: Path, *, crs: Crs | None = None, need_position: bool = True) -> PlacedSource:
    """The source for a folder or a CSV file.

    Args:
        path: What the user gave.
        crs: Coordinates to read from a CSV that has both; None for WGS84 where there is a choice.
        need_position: False for queries: a CSV then needs no more than a path column, and sidecars are not read.

    Raises:
        InputError: Nothing there, neither a folder nor a CSV, or one without what is needed.
    """
    kind = files.kind(path)
    if kind == "folder":
        if crs is Crs.LOCAL and need_position:
            raise InputError(f"{path} is a folder, its photos carry latitude and longitude; local needs a CSV with x,y")
        return cast(PlacedSource, load(SOURCES, "folder")(path, need_position=need_position))
    if kind == "file" and path.suffix.lower() in TABLE_SUFFIXES:
        return cast(PlacedSource, load(SOURCES, "csv")(path, crs=crs, need_position=need_position))
    if path.suffix.lower() in SUFFIXES:
        raise InputError(f"{path} is a single photo; expected a folder of photos or a CSV file")
    raise InputError(f"{path} is neither a folder nor a CSV file ({', '.join(TABLE_SUFFIXES)})")

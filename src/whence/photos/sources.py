"""Choosing the source of photos by what the user pointed at."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any, Protocol, cast

from whence.errors import InputError, RecipeError
from whence.photos import datasets, files
from whence.photos.decode import SUFFIXES
from whence.plugins import SOURCES, PhotoSource, load, names
from whence.types import Crs

TABLE_SUFFIXES = (".csv", ".tsv", ".txt")


class PlacedSource(PhotoSource, Protocol):
    """A source that also says what its positions mean."""

    @property
    def crs(self) -> Crs:
        """WGS84 for positions in EXIF."""
        ...


_ADDRESS = re.compile(r"(s3|gs|az|https?):/", re.IGNORECASE)
"""Of photos elsewhere, as far as a path still shows it."""


def open_source(
    path: Path,
    *,
    crs: Crs | None = None,
    need_position: bool = True,
    layout: str | None = None,
    part: str | None = None,
    unplaced: bool = False,
) -> PlacedSource:
    """The source for a folder, a CSV file or a data set.

    Without ``layout`` a folder is a data set if exactly one registered source is sure of it (``recognises``): there is
    a database beside queries, ``train.csv`` with ``id,x,y``, two walks of Gardens Point, or a list of the Placing Task.
    Any other is a folder of photos; ``layout="folder"`` takes it for one in any case.

    Args:
        path: What the user gave.
        crs: Coordinates to read where there is a choice; None to follow the source.
        need_position: False for queries: nothing is told but paths, and cameras where a table has them.
        layout: Name of a registered source; see ``photos.layouts``.
        part: Part of a data set, such as ``test/database``.
        unplaced: Whether rows of a table whose position is empty are wanted all the same.

    Raises:
        InputError: Nothing there, nothing that can be used, or no such layout or part.
    """
    kind = look(path)
    name = layout or _recognised(path, kind)
    if name is None:
        if path.suffix.lower() in SUFFIXES:
            raise InputError(f"{path} is a single photo; expected a folder of photos or a CSV file")
        raise InputError(f"{path} is neither a folder nor a CSV file ({', '.join(TABLE_SUFFIXES)})")
    made = _make(_class(name), path, {"crs": crs, "need_position": need_position, "part": part, "unplaced": unplaced})
    if crs is not None and need_position and made.crs is not crs:
        raise InputError(f"{path} has positions of kind {made.crs} (layout {name}), not {crs}; leave out --crs")
    return made


def look(path: Path) -> str:
    """What is at a path, as ``files.kind`` says it.

    Raises:
        InputError: Nothing; if a known data set was meant, the message says where it is to be had.
    """
    try:
        return files.kind(path)
    except InputError as error:
        if _ADDRESS.match(path.as_posix()):
            raise InputError(f"{path}: photos are read from folders of this computer; copy them to one") from error
        dataset = datasets.missing(path)
        if dataset is None:
            raise
        raise InputError(f"{error}. {dataset.obtain}") from error


def _recognised(path: Path, kind: str) -> str | None:
    if kind == "file":
        return "csv" if path.suffix.lower() in TABLE_SUFFIXES else None
    if kind != "folder":
        return None
    sure = [name for name in names(SOURCES) if _is_sure(name, path)]
    return sure[0] if len(sure) == 1 else "folder"


def _is_sure(name: str, path: Path) -> bool:
    try:
        recognises = getattr(load(SOURCES, name), "recognises", None)
    except (ImportError, AttributeError):  # a plugin that cannot be loaded; it is not asked for
        return False
    return recognises is not None and bool(recognises(path))


def _class(layout: str) -> Any:
    try:
        return load(SOURCES, layout)
    except RecipeError as error:
        dataset = datasets.meant(layout)
        advice = f"; {dataset.name} has the layout {dataset.layout}" if dataset is not None else ""
        raise InputError(f"--layout {layout}: {error}{advice}") from error


def _make(source: Any, path: Path, options: dict[str, Any]) -> PlacedSource:
    """A source gets those options that it knows; folders and tables know no parts."""
    taken = inspect.signature(source).parameters
    if options["part"] is not None and "part" not in taken:
        raise InputError(f"{path} has no parts that whence knows of; name its --layout (see `whence datasets`)")
    return cast(PlacedSource, source(path, **{name: value for name, value in options.items() if name in taken}))

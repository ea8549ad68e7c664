"""Answers as text in the formats of the command line.

A format is a ``Writer`` in a file of its own; adding one is that file and a line in ``FORMATS``. Each is imported when
it is asked for.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import IO, Any

from whence.errors import InputError
from whence.present.formats.base import Writer
from whence.types import Crs

__all__ = ["FORMATS", "Writer", "format_of", "is_binary", "writer"]

FORMATS: dict[str, str] = {
    "table": "table:Table",
    "jsonl": "jsonl:JsonLines",
    "geojson": "geojson:GeoJson",
    "csv": "csv:Csv",
    "gpx": "gpx:Gpx",
    "kml": "kml:Kml",
    "kmz": "kmz:Kmz",
}


def writer(
    format: str, stream: IO[Any], *, crs: Crs, private: bool = False, columns: Sequence[str] | None = None
) -> Writer:
    """The writer of a format, to be used as a context manager.

    Args:
        format: One of ``FORMATS``.
        stream: Open for text, or for bytes if ``is_binary(format)``.
        crs: What the positions of the answers mean.
        private: Hide the gallery's names, and pictures.
        columns: Of a CSV; None for the usual ones.

    Raises:
        InputError: No such format or column, or one that cannot carry such positions; nothing has been written.
    """
    found = _class(format)
    if columns is None:
        return found(stream, crs=crs, private=private)
    from whence.present.formats.csv import Csv

    if not issubclass(found, Csv):
        raise InputError(f"columns can be chosen for --format csv only, not for {format}")
    return found(stream, crs=crs, private=private, columns=columns)


def format_of(file: Path) -> str:
    """The format that the suffix of a file stands for.

    Raises:
        InputError: None that is known.
    """
    format = file.suffix.lower().removeprefix(".")
    if format not in FORMATS or format == "table":
        known = ", ".join(f".{name}" for name in FORMATS if name != "table")
        raise InputError(f"{file}: no format goes with that suffix; use one of {known}, or say --format as well")
    return format


def is_binary(format: str) -> bool:
    """Whether the format is written as bytes.

    Raises:
        InputError: No such format.
    """
    return _class(format).binary


def _class(format: str) -> type[Writer]:
    if format not in FORMATS:
        near = difflib.get_close_matches(format, FORMATS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(FORMATS)}"
        raise InputError(f"no format named {format!r}; {hint}")
    module, name = FORMATS[format].split(":")
    found: type[Writer] = getattr(import_module(f"{__name__}.{module}"), name)
    return found

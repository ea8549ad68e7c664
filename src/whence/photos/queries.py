"""Photos to locate: files, folders and tables, in the order given."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from whence.errors import InputError
from whence.photos import files
from whence.photos.sources import TABLE_SUFFIXES, open_source
from whence.types import Skipped


def queries(given: Sequence[Path]) -> list[tuple[str, Path]]:
    """Name (exactly as given) and file of every photo to locate.

    A photo that is named but cannot be used is among them: it gets an answer that says so. What a folder holds is named
    by the folder as given and the path below it; what a table holds, as the table has it.

    Raises:
        InputError: A path that does not exist, an empty folder, a table without a path column.
    """
    found: list[tuple[str, Path]] = []
    for path in given:
        kind = files.kind(path)
        if kind == "folder" or (kind == "file" and path.suffix.lower() in TABLE_SUFFIXES):
            for photo in open_source(path, need_position=False).photos():
                name = photo.name if kind == "file" else str(path / photo.name)
                file = path / photo.name if isinstance(photo, Skipped) else photo.path
                found.append((name, file))
        else:
            found.append((str(path), path))
    if not found:
        raise InputError("no photos to locate; name photos, folders or CSV files")
    return found

"""Photos to locate: files, folders and tables, in the order given."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from whence.errors import InputError
from whence.photos import files
from whence.photos.sources import TABLE_SUFFIXES, look, open_source
from whence.types import Skipped


def queries(given: Sequence[str], *, layout: str | None = None, part: str | None = None) -> list[tuple[str, Path]]:
    """Name (exactly as given) and file of every photo to locate.

    A photo that is named but cannot be used is among them: it gets an answer that says so. What a folder holds is named
    by the folder as given and the path below it; what a table holds, as the table has it. ``layout`` and ``part`` say
    what folders are, as for ``open_source``.

    Raises:
        InputError: Nothing of what was given exists; a table without a path column, an empty folder; no such part.
    """
    found: list[tuple[str, Path]] = []
    if given and not any(Path(said).exists() for said in given):
        look(Path(given[0]))  # raises: a wrong folder or a slip of the pen, rather than one bad photo of many
    for said in given:
        path = Path(said)
        if not path.is_dir() and path.suffix.lower() not in TABLE_SUFFIXES:
            found.append((said, path))
            continue
        prefix = f"{said.rstrip('/')}/" if files.kind(path) == "folder" else ""
        for photo in open_source(path, need_position=False, layout=layout, part=part).photos():
            file = path / photo.name if isinstance(photo, Skipped) else photo.path
            found.append((prefix + photo.name, file))
    if not found:
        raise InputError("no photos to locate; name photos, folders or CSV files")
    return found

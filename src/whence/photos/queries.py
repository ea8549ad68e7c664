"""Photos to locate: files, folders and tables, in the order given."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from whence.errors import InputError, PhotoError
from whence.photos import files
from whence.photos.sources import TABLE_SUFFIXES, look, open_source
from whence.photos.video import frames, is_video
from whence.types import Photo, Skipped


def queries(
    given: Sequence[str],
    *,
    layout: str | None = None,
    part: str | None = None,
    every_s: float = 1.0,
    frames_of_walk: bool = False,
) -> list[Photo]:
    """Every photo to locate: its file, its name exactly as given, and its camera where a table states it.

    A photo that is named but cannot be used is among them: it gets an answer that says so. What a folder holds is named
    by the folder as given and the path below it; what a table holds, as the table has it. ``layout`` and ``part`` say
    what folders are, as for ``open_source``. A video is asked every ``every_s`` seconds. ``frames_of_walk``: those of a
    folder come as people count them, frame 2 before frame 10.

    Raises:
        InputError: Nothing of what was given exists; a table without a path column, an empty folder; no such part; a
            video of too many frames, or no time between them.
    """
    found: list[Photo] = []
    if given and not any(Path(said).exists() for said in given):
        look(Path(given[0]))  # raises: a wrong folder or a slip of the pen, rather than one bad photo of many
    for said in given:
        path = Path(said)
        if not path.is_dir() and is_video(path):
            found += _frames(path, said, every_s)
            continue
        if not path.is_dir() and path.suffix.lower() not in TABLE_SUFFIXES:
            found.append(Photo(path, said))
            continue
        prefix = f"{said.rstrip('/')}/" if files.kind(path) == "folder" else ""
        photos = list(open_source(path, need_position=False, layout=layout, part=part).photos())
        if frames_of_walk and path.is_dir():
            photos.sort(key=lambda photo: _counted(photo.name))
        for photo in photos:
            if isinstance(photo, Skipped):
                photo = Photo(path / photo.name, photo.name)
            found.append(replace(photo, name=prefix + photo.name))
    if not found:
        raise InputError("no photos to locate; name photos, folders or CSV files")
    return found


def _counted(name: str) -> list[tuple[int, int, str]]:
    """To sort by: as people count, frame 2 before frame 10."""
    parts = re.split(r"(\d+)", name)
    return [(0, int(part), "") if part.isascii() and part.isdigit() else (1, 0, part) for part in parts]


def _frames(path: Path, said: str, every_s: float) -> list[Photo]:
    if not (math.isfinite(every_s) and every_s > 0):
        raise InputError(f"{every_s:g} s from frame to frame; expected a number above 0")
    try:
        return list(frames(path, said, every_s))
    except PhotoError:
        return [Photo(path, said, at_s=0.0)]  # to be answered with what is wrong with it

"""What layouts share: the parts of a data set, and the pictures that its tables name."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from whence.errors import InputError
from whence.photos import files
from whence.photos.columns import RowError
from whence.photos.decode import SUFFIXES

T = TypeVar("T")


def check_folder(path: Path, layout: str) -> None:
    """Refuses what is not a folder.

    Raises:
        InputError: Nothing there, or a file.
    """
    if files.kind(path) != "folder":
        raise InputError(f"{path} is not a folder; layout {layout} needs the data set's folder")


def listed(folder: Path, wanted: Callable[[os.DirEntry[str]], bool]) -> list[str]:
    """Names in a folder that are wanted, sorted; none where the folder cannot be read."""
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in entries if not entry.name.startswith(".") and wanted(entry))
    except OSError:
        return []


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Links to folders count: data sets are often put together from links."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def is_photo(name: str) -> bool:
    """By the suffix."""
    return name.lower().endswith(SUFFIXES)


def choose(parts: Mapping[str, T], part: str | None, path: Path) -> tuple[str, T]:
    """The part that is meant, by name. A single part need not be named.

    Raises:
        InputError: It is not there, or not named where there are several; the message lists them.
    """
    if not parts:
        raise InputError(f"{path} has no parts; leave out --part {part}")
    there = ", ".join(parts)
    if part is None:
        if len(parts) == 1:
            return next(iter(parts.items()))
        raise InputError(f"{path} has the parts {there}; name one with --part, such as --part {next(iter(parts))}")
    name = part.replace("\\", "/").strip("/")
    if name not in parts:
        raise InputError(f"{path} has no part {part}; there are {there}")
    return name, parts[name]


def find_photo(folders: list[Path], name: str) -> Path:
    """The first picture of that name, with the suffix or without; where none is there, where it was expected."""
    suffixes = [""] if is_photo(name) else [".jpg", *(suffix for suffix in SUFFIXES if suffix != ".jpg"), ".JPG", ""]
    for folder in folders:
        for suffix in suffixes:
            path = folder / (name + suffix)
            try:
                if path.is_file():
                    return path
            except (OSError, ValueError):  # a name that no file can have
                continue
    return folders[0] / (name + suffixes[0])


def below(path: Path, root: Path) -> str:
    """The path as photos of a folder are named: below it, with ``/``.

    Raises:
        RowError: A table leads out of its folder.
    """
    if not path.is_relative_to(root):
        raise RowError("the picture is not in the data set's folder")
    return path.relative_to(root).as_posix()

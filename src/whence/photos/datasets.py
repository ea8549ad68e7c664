"""Known data sets: how they are laid out, and where they are to be had. The facts are in ``datasets.toml``."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path


@dataclass(frozen=True, slots=True)
class DataSet:
    """One data set.

    Attributes:
        name: As its folder is usually called.
        title: In words.
        layout: The photo source that reads it.
        parts: Those that it is handed out with.
        holds: What is on the photos; how many where that is stated by those who made it.
        terms: Who may have it, as far as stated; ask them if in doubt.
        where: Addresses of a project page, a paper, or instructions.
        tree: What the folder looks like.
        note: A trap in it.
        tolerance_m: An error that usually counts as right, where that is not 25 m.
    """

    name: str
    title: str
    layout: str
    parts: tuple[str, ...]
    holds: str
    terms: str
    where: tuple[str, ...]
    tree: str
    note: str = ""
    tolerance_m: float | None = None

    @property
    def obtain(self) -> str:
        """Where it is to be had and what the folder must look like, in one line."""
        return f"{self.title} must be obtained from {' or '.join(self.where)}; its folder then holds {self.tree}"

    @property
    def example(self) -> str:
        """A command that indexes it."""
        part = f" --part {self.parts[0]}" if self.parts else ""
        tolerance = f" --tolerance {self.tolerance_m:g}" if self.tolerance_m is not None else ""
        return f"whence index {self.name} --layout {self.layout}{part}{tolerance} --gallery {self.name}-gallery"


@cache
def known() -> tuple[DataSet, ...]:
    """All of them, in the order of the table."""
    text = files("whence.photos").joinpath("datasets.toml").read_text(encoding="utf-8")
    rows = tomllib.loads(text)["dataset"]
    return tuple(DataSet(**{**row, "parts": tuple(row["parts"]), "where": tuple(row["where"])}) for row in rows)


def find(name: str) -> DataSet:
    """By its name.

    Raises:
        KeyError: No such data set: names are written in the code.
    """
    return {dataset.name: dataset for dataset in known()}[name]


def meant(name: str) -> DataSet | None:
    """The data set that a folder of that name would hold, however it is spelled: ``Pitts-30k`` too."""
    plain = _plain(name)
    return next((dataset for dataset in known() if _plain(dataset.name) == plain), None)


def missing(path: Path) -> DataSet | None:
    """The data set that a path which leads nowhere was meant for: one of its folders that are not there."""
    absent = [folder for folder in (*reversed(path.parents), path) if not _exists(folder)]
    return next((found for found in map(meant, (folder.name for folder in absent)) if found is not None), None)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a name that no file can have
        return False


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.casefold())

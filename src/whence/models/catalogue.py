"""Model files that whence knows by name: where they are to be had, and what they have to be."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from whence.errors import InputError

PACKAGES = ("timm:", "torchvision:")
"""What names of weights that a package publishes begin with."""


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One file of a model.

    Attributes:
        name: In the folder of models.
        url: At a fixed version.
        sha256: Of its bytes, in hexadecimal; its beginning where only that was published, in the file's name; empty
            where nobody did.
        bytes: Its size; 0 where nobody told it.
    """

    name: str
    url: str
    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Model:
    """What there is to know about a model before it is downloaded.

    Attributes:
        name: As in commands and recipes.
        title: What it does.
        where: The publication.
        licence: Of code and weights.
        trained: On what.
        needs: Extra that runs it.
        files: That it is made of.
        network: What it is made of, as ``whence.nets.architecture`` reads it; empty for other models.
        rename: Beginnings of the names in its state dict, and ours for them; the first that fits counts.
        dimension: Of the vectors of a network that describes whole photos.
        reported: What was published of it.
        consent: What has to be agreed to before it is fetched, such as a licence that asks for something in return.
        untrained: Whether only the backbone has weights, so that it has to be trained.
    """

    name: str
    title: str
    where: str
    licence: str
    trained: str
    needs: str
    files: tuple[ModelFile, ...]
    network: Mapping[str, Any] = field(default_factory=dict, hash=False)
    rename: tuple[tuple[str, str], ...] = ()
    dimension: int = 0
    reported: str = ""
    consent: str = ""
    untrained: bool = False

    @property
    def bytes(self) -> int:
        """Of all files whose size was told."""
        return sum(file.bytes for file in self.files)

    @property
    def size(self) -> str:
        """The same in words."""
        return f"{self.bytes / 1e6:.1f} MB" if all(file.bytes for file in self.files) else "size not published"


@cache
def models() -> dict[str, Model]:
    """All of them by name."""
    data: dict[str, dict[str, Any]] = tomllib.loads(
        files("whence.models").joinpath("catalogue.toml").read_text("utf-8")
    )
    return {
        name: Model(
            name,
            **{
                **said,
                "files": tuple(ModelFile(**file) for file in said["files"]),
                "rename": tuple(map(tuple, said.get("rename", ()))),
            },
        )
        for name, said in data.items()
    }


def model(name: str) -> Model:
    """One of them, or of timm's or torchvision's (``whence.models.packages``).

    Raises:
        InputError: There is none; the nearest name is given.
        MissingExtraError: A package's name, without the package.
    """
    if name.startswith(PACKAGES):
        from whence.models.packages import packaged

        return packaged(name)
    known = models()
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
    raise InputError(f"no model {name!r}; {hint}")

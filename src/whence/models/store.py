"""Model files on this computer: where they lie, and that they are what they should be."""

from __future__ import annotations

import hashlib
import os
from functools import lru_cache
from pathlib import Path

from whence.errors import ModelError
from whence.models.catalogue import Model, ModelFile

ABSENT = "not there"
"""What is wrong with a file that is missing."""
UNVERIFIED = "--accept-unverified"
"""Option that fetches a file whose digest nobody published."""
_LEAST = 8
"""Digits of a digest that tell one file from another."""
VARIABLE = "WHENCE_MODELS"
"""Environment variable that names the folder of models."""


def folder() -> Path:
    """Where model files lie: ``WHENCE_MODELS``, or a cache folder of the user."""
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named).expanduser()
    from platformdirs import user_cache_path

    return user_cache_path("whence", appauthor=False) / "models"


def path_of(model: Model, name: str) -> Path:
    """One file of a model, looked at before it is used.

    Raises:
        ModelError: It is not there, or is another file than it should be.
    """
    file = next(file for file in model.files if file.name == name)
    path = folder() / file.name
    problem = wrong(path, file)
    if problem == ABSENT:
        others = [other.name for other in model.files if other.name != name and not (folder() / other.name).exists()]
        missing = f"{path} is missing" if not others else f"{', '.join([name, *others])} are missing in {folder()}"
        raise ModelError(
            f"{model.name} is not there: {missing}; fetch it ({model.size}, {model.licence}): "
            f"whence models download {model.name}"
        )
    if problem:
        raise ModelError(f"{path} {problem}; fetch it anew: whence models download {model.name} --force")
    return path


def wrong(path: Path, file: ModelFile) -> str:
    """What is wrong with a file in words, ``ABSENT`` above all; empty if nothing is."""
    try:
        digest = digest_of(path)
    except FileNotFoundError:
        return ABSENT
    except OSError as error:
        return f"cannot be read ({error.strerror or type(error).__name__})"
    if file.sha256:
        known, what = file.sha256, "that was published"
    else:
        known, what = recorded(path), "that was fetched first"
        if not known:
            return f"is not known to be what was published; to take it for that: {UNVERIFIED}"
    if len(known) < _LEAST or not digest.startswith(known):
        return f"is not the file {what} (SHA-256 {digest[:12]}..., expected {known[:12]}...)"
    return ""


def record(path: Path) -> None:
    """Writes down what a file is whose digest nobody published, so that every later use can be checked against it.

    Raises:
        OSError: It cannot be read, or the record not be written.
    """
    _beside(path).write_text(f"{digest_of(path)}  {path.name}\n", "utf-8")


def recorded(path: Path) -> str:
    """What ``record`` wrote; empty if nothing."""
    try:
        return _beside(path).read_text("utf-8").split(maxsplit=1)[0]
    except (OSError, UnicodeDecodeError, IndexError):
        return ""


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")


def digest_of(path: Path) -> str:
    """SHA-256 of a file, computed once for as long as it stays as it is.

    Raises:
        OSError: It cannot be read.
    """
    state = path.stat()
    return _digest(path, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=64)
def _digest(path: Path, size: int, mtime_ns: int) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()

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
        raise ModelError(
            f"{model.name} is not there: {path} is missing; fetch it ({model.bytes / 1e6:.1f} MB, {model.licence}): "
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
    if digest != file.sha256:
        return f"is not the file that was published (SHA-256 {digest[:12]}..., expected {file.sha256[:12]}...)"
    return ""


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

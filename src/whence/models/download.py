"""Fetching model files from where their authors publish them. Nothing else in whence downloads a model."""

from __future__ import annotations

import hashlib
import os
import urllib.error
import urllib.request
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path

from whence.errors import ModelError
from whence.models.catalogue import Model, ModelFile
from whence.models.store import folder, wrong

_TIMEOUT_S = 30.0
_PART = 1 << 18


def download(
    model: Model, *, force: bool = False, tell: Callable[[ModelFile, int], None] = lambda file, got: None
) -> list[Path]:
    """Fetches what is missing of a model, or altered; a file appears whole and checked, or not at all.

    Args:
        model: Of the catalogue.
        force: Fetch what is there as well.
        tell: Called with a file and how many of its bytes have come.

    Returns:
        The files that were fetched.

    Raises:
        ModelError: A file cannot be had or stored, or is not what was published.
    """
    place = folder()
    fetched = []
    for file in model.files:
        path = place / file.name
        if not force and not wrong(path, file):
            continue
        try:
            place.mkdir(parents=True, exist_ok=True)
            _fetch(file, path, tell)
        except OSError as error:
            raise ModelError(
                f"{file.name} cannot be downloaded from {file.url}: {_reason(error)}. Fetch it on a computer that can, "
                f"and put it into {place}"
            ) from error
        fetched.append(path)
    return fetched


def _fetch(file: ModelFile, path: Path, tell: Callable[[ModelFile, int], None]) -> None:
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    digest, got = hashlib.sha256(), 0
    try:
        with urllib.request.urlopen(file.url, timeout=_TIMEOUT_S) as answer, part.open("wb") as stream:
            while data := answer.read(_PART):
                digest.update(data)
                got += len(data)
                stream.write(data)
                tell(file, got)
                if got > file.bytes:
                    break  # whatever it is, there may be no end to it
        if digest.hexdigest() != file.sha256:
            raise ModelError(
                f"{file.url} gave {'more than ' if got > file.bytes else ''}{got:,} bytes that are not the file that "
                f"was published ({file.bytes:,} bytes, SHA-256 {file.sha256[:12]}...); nothing was kept"
            )
        part.replace(path)
    except HTTPException as error:
        raise OSError(str(error) or type(error).__name__) from error
    finally:
        part.unlink(missing_ok=True)


def _reason(error: OSError) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"the server says {error.code} {error.reason}"
    if isinstance(error, urllib.error.URLError):
        inner = error.reason
        return str((inner.strerror if isinstance(inner, OSError) else None) or inner)
    return str(error.strerror or error or type(error).__name__)

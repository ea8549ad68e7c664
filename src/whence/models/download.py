"""Fetching model files from where their authors publish them. Nothing else in whence downloads a model."""

from __future__ import annotations

import hashlib
import os
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from http.client import HTTPException
from pathlib import Path

from whence.errors import ModelError
from whence.models.catalogue import Model, ModelFile
from whence.models.store import ABSENT, UNVERIFIED, folder, record, recorded, wrong

LICENCE = "--accept-licence"
"""Option that agrees to a model's licence."""
_TIMEOUT_S = 30.0
_PART = 1 << 18
_MOST = 1 << 33
"""Bytes of a file whose size nobody told."""


def download(
    model: Model,
    *,
    force: bool = False,
    unverified: bool = False,
    licence: bool = False,
    tell: Callable[[ModelFile, int], None] = lambda file, got: None,
) -> list[Path]:
    """Fetches what is missing of a model, or altered; a file appears whole and checked, or not at all.

    Args:
        model: Of the catalogue.
        force: Fetch what is there as well.
        unverified: Take files whose digest nobody published for what they should be, those that are there included;
            their digests are kept, and every later use is checked against them.
        licence: What the model asks to be agreed to is agreed to.
        tell: Called with a file and how many of its bytes have come.

    Returns:
        The files that were fetched.

    Raises:
        ModelError: A file cannot be had or stored, is not what was published, or was not agreed to.
    """
    place = folder()
    fetched = []
    for file in model.files:
        path = place / file.name
        problem = wrong(path, file)
        if not force and not problem:
            continue
        _agreed(model, file, unverified=unverified or bool(recorded(path)), licence=licence)
        try:
            if not file.sha256 and not force and problem != ABSENT and not recorded(path):
                record(path)  # somebody put it there
                continue
            place.mkdir(parents=True, exist_ok=True)
            first = "" if file.sha256 else recorded(path)
            _fetch(replace(file, sha256=file.sha256 or first), path, tell, trusted=bool(first))
            if not file.sha256:
                record(path)
        except OSError as error:
            raise ModelError(
                f"{file.name} cannot be downloaded from {file.url}: {_reason(error)}. Fetch it on a computer that can, "
                f"and put it into {place}"
            ) from error
        fetched.append(path)
    return fetched


def _agreed(model: Model, file: ModelFile, *, unverified: bool, licence: bool) -> None:
    if model.consent and not licence:
        raise ModelError(
            f"{model.name} was not fetched: {model.consent}; if you agree: "
            f"whence models download {model.name} {LICENCE}"
        )
    if not file.sha256 and not unverified:
        raise ModelError(
            f"{model.name} was not fetched: nobody published the SHA-256 of {file.name}, so nothing tells whether it "
            f"is what its authors made; to trust what {file.url} gives, now and from then on: "
            f"whence models download {model.name} {UNVERIFIED}"
        )


def _fetch(file: ModelFile, path: Path, tell: Callable[[ModelFile, int], None], *, trusted: bool = False) -> None:
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    digest, got, most = hashlib.sha256(), 0, file.bytes or _MOST
    try:
        with urllib.request.urlopen(file.url, timeout=_TIMEOUT_S) as answer, part.open("wb") as stream:
            announced = answer.length
            while data := answer.read(_PART):
                digest.update(data)
                got += len(data)
                stream.write(data)
                tell(file, got)
                if got > most:
                    break  # whatever it is, there may be no end to it
        if announced and got < announced:
            raise OSError(f"it ended after {got:,} of {announced:,} bytes")
        if got > most or not digest.hexdigest().startswith(file.sha256):
            size = f"{file.bytes:,} bytes, " if file.bytes else ""
            raise ModelError(
                f"{file.url} gave {'more than ' if got > most else ''}{got:,} bytes that are not the file that was "
                f"{'fetched first' if trusted else 'published'} ({size}SHA-256 {file.sha256[:12]}...); nothing was kept"
                + (f"; to trust another one, remove {path}.sha256" if trusted else "")
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

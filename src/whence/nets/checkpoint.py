"""Checkpoints: written whole or not at all, and read without unpickling anything but plain data."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch

from whence.errors import InputError, ModelError, first_line


def write(path: Path, state: dict[str, Any]) -> None:
    """Replaces a checkpoint; the one before stays until this one is safe on the disk.

    Raises:
        ModelError: It cannot be written; the one before is still there.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as stream:
            torch.save(state, stream)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(path)
    except (OSError, RuntimeError) as error:  # torch tells a full disk by a RuntimeError of its writer
        kept = "the one before is kept; " if path.exists() else ""
        raise ModelError(
            f"{path} cannot be written ({_reason(error)}); {kept}make room, and run the same command again to go on"
        ) from error
    finally:
        part.unlink(missing_ok=True)


def read(path: Path, settings: dict[str, Any]) -> dict[str, Any] | None:
    """The state to go on from; None if there is none.

    Args:
        path: Of the checkpoint.
        settings: Of this training, as plain data: those of the checkpoint have to be the same.

    Raises:
        ModelError: It is damaged.
        InputError: It is of another training.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        before = state["settings"]
    except FileNotFoundError:
        return None
    except Exception as error:  # torch raises nearly anything for a damaged file
        raise ModelError(f"{path} is no checkpoint, or a damaged one; remove it to begin anew") from error
    other = [name for name in settings if before.get(name) != settings[name]]
    if other:
        raise InputError(
            f"{path} is of another training: {other[0]} was {before.get(other[0])!r}, now it is "
            f"{settings[other[0]]!r}; use another --out, or remove the file to begin anew"
        )
    found: dict[str, Any] = state
    return found


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return first_line(error, 120)

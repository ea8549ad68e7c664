"""What was written into photos and beside them, so that all of it can be taken back.

One JSON line for each file, on the disk before the file itself changes. Whatever moment a run is killed at, a file is
as it was or as the journal says, and taking back leaves alone what is neither: somebody else has changed it since.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from whence.errors import InputError, PhotoError
from whence.photos import files
from whence.photos.writing.splices import Splice, applied, inverse

SUFFIX = ".jsonl"
TAKEN_BACK = ".undone"
_COPIES = ".originals"


def folder() -> Path:
    """Where journals are kept: a folder of the user."""
    from platformdirs import user_state_path

    return user_state_path("whence", appauthor=False) / "tag"


def newest() -> Path:
    """The journal of the last run that was not taken back.

    Raises:
        InputError: There is none.
    """
    place = folder()
    found = sorted(place.glob(f"*{SUFFIX}")) if place.is_dir() else []
    if not found:
        raise InputError(f"nothing to undo: {place} has no journal; name one by --journal FILE")
    return found[-1]


@dataclass(frozen=True, slots=True)
class Undone:
    """What became of one file.

    Attributes:
        path: The file.
        problem: Why it was left as it is; empty if it is as it was before.
    """

    path: Path
    problem: str = ""


class Journal:
    """Writes files and what takes it back. Not for many processes at once: each run has its own."""

    def __init__(self, path: Path | None = None) -> None:
        """At a path, or in the user's folder; the file is made with its first line.

        Raises:
            InputError: There is such a file already.
        """
        now = datetime.now(UTC)
        self.path = path or folder() / f"{now:%Y%m%dT%H%M%S.%fZ}-{os.getpid()}{SUFFIX}"
        if self.path.exists():
            raise InputError(f"{self.path} is there already; name a new file for the journal, or undo that one first")
        self._copied = 0

    def change(self, path: Path, old: bytes, new: bytes, splices: Sequence[Splice] | None) -> None:
        """Exchanges a file for a new version, keeping its times and permissions.

        Args:
            path: The file; where it is a link, what it leads to changes.
            old: Its content.
            new: What it is to be.
            splices: What makes the difference; None keeps a copy of the whole file.

        Raises:
            PhotoError: It is no longer as it was, or cannot be written. Nothing is half done.
        """
        target = Path(os.path.realpath(path))
        entry: dict[str, Any] = {"before": files.content_hash(old), "after": files.content_hash(new)}
        if splices is None:
            entry["copy"] = self._copy(target, old)
        else:
            back = inverse(splices)
            entry["splices"] = [[s.start, len(s.removed), base64.b64encode(s.inserted).decode()] for s in back]
        try:
            self._note(target, entry)
            _exchange(target, entry["before"], new)
        except OSError as error:
            raise PhotoError(f"it cannot be written ({error.strerror or type(error).__name__})") from error

    def create(self, path: Path, data: bytes) -> None:
        """Makes a file that is not there.

        Raises:
            PhotoError: It is there, or cannot be written.
        """
        try:
            if path.exists():
                raise PhotoError(f"{path.name} has appeared meanwhile")
            self._note(path.absolute(), {"before": None, "after": files.content_hash(data)})
            _safely(path, data)
        except OSError as error:
            raise PhotoError(f"{path.name} cannot be written ({error.strerror or type(error).__name__})") from error

    def _note(self, path: Path, entry: dict[str, Any]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        line = json.dumps({"path": os.fspath(path), **entry}, ensure_ascii=True) + "\n"
        with self.path.open("a", encoding="ascii") as stream:
            stream.write(line)
            stream.flush()
            os.fsync(stream.fileno())

    def _copy(self, target: Path, old: bytes) -> str:
        place = self.path.with_suffix(_COPIES)
        self._copied += 1
        name = f"{self._copied:06d}{target.suffix}"
        try:
            place.mkdir(parents=True, exist_ok=True)
            _safely(place / name, old)
        except OSError as error:
            raise PhotoError(f"no copy of it can be kept ({error.strerror or type(error).__name__})") from error
        return name


def undo(path: Path) -> Iterator[Undone]:
    """Takes back what a journal says, the last first; at the end the journal gets another name.

    Raises:
        InputError: No such journal, or a damaged one.
    """
    entries = _entries(path)
    whole = True
    for entry in reversed(entries):
        found = _taken_back(path, entry)
        whole = whole and not found.problem
        yield found
    if whole:
        path.replace(path.with_name(path.name + TAKEN_BACK))
        shutil.rmtree(path.with_suffix(_COPIES), ignore_errors=True)


def _entries(path: Path) -> list[dict[str, Any]]:
    try:
        lines = files.read(path).decode("ascii").splitlines(keepends=True)
    except (PhotoError, UnicodeDecodeError) as error:
        reason = error if isinstance(error, PhotoError) else "not a journal of `whence tag`"
        raise InputError(f"{path}: {reason}; expected a journal of `whence tag --write`") from error
    if not lines[-1].endswith("\n"):  # killed while it was written; the file that it tells of is as it was
        lines.pop()
    try:
        entries = [json.loads(line) for line in lines]
        for entry in entries:
            _checked(entry)
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is not a journal of `whence tag`, or is damaged") from error
    return entries


def _checked(entry: dict[str, Any]) -> None:
    if not isinstance(entry["path"], str) or not isinstance(entry["after"], str):
        raise TypeError
    if entry["before"] is None:
        return
    if "copy" in entry and Path(entry["copy"]).name != entry["copy"]:
        raise ValueError
    if "copy" not in entry:
        for start, removed, inserted in entry["splices"]:
            if not (isinstance(start, int) and isinstance(removed, int) and start >= 0 and removed >= 0):
                raise TypeError
            base64.b64decode(inserted, validate=True)


def _taken_back(journal: Path, entry: dict[str, Any]) -> Undone:
    path = Path(entry["path"])
    try:
        data = files.read(path)
    except PhotoError as error:
        return Undone(path) if entry["before"] is None and not path.exists() else Undone(path, str(error))
    digest = files.content_hash(data)
    if digest == entry["before"]:
        return Undone(path)
    if digest != entry["after"]:
        return Undone(path, "it has changed since, and was left as it is")
    try:
        if entry["before"] is None:
            path.unlink()
            return Undone(path)
        if "copy" in entry:
            old = files.read(journal.with_suffix(_COPIES) / entry["copy"])
        else:
            old = applied(data, _splices(data, entry))
        if files.content_hash(old) != entry["before"]:
            return Undone(path, "the journal does not lead back to what it was")
        _exchange(path, digest, old)
    except (OSError, ValueError, PhotoError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        return Undone(path, f"it cannot be written ({reason})")
    return Undone(path)


def _splices(data: bytes, entry: dict[str, Any]) -> list[Splice]:
    told = ((start, removed, base64.b64decode(inserted)) for start, removed, inserted in entry["splices"])
    return [Splice(start, data[start : start + removed], inserted) for start, removed, inserted in told]


def _exchange(target: Path, before: str, new: bytes) -> None:
    """The new version takes the file's place at once, with its times and permissions, if it is still what was read."""
    state = target.stat()
    part = target.with_name(f".{target.name[:200]}.{os.getpid()}.part")
    try:
        _flushed(part, new)
        shutil.copymode(target, part)
        if hasattr(os, "chown"):
            with suppress(OSError):  # not the owner; then it is the writer's file
                os.chown(part, state.st_uid, state.st_gid)
        os.utime(part, ns=(state.st_atime_ns, state.st_mtime_ns))
        if files.content_hash(files.read(target)) != before:
            raise PhotoError("it has changed meanwhile")
        part.replace(target)
        _settle(target.parent)
    finally:
        part.unlink(missing_ok=True)


def _safely(path: Path, data: bytes) -> None:
    part = path.with_name(f".{path.name[:200]}.{os.getpid()}.part")
    try:
        _flushed(part, data)
        part.replace(path)
        _settle(path.parent)
    finally:
        part.unlink(missing_ok=True)


def _flushed(path: Path, data: bytes) -> None:
    with path.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def _settle(parent: Path) -> None:
    """The new name, too, is on the disk; where a system does not let folders be opened, that is its own affair."""
    try:
        descriptor = os.open(parent, os.O_RDONLY)
    except OSError:
        return
    with suppress(OSError):
        os.fsync(descriptor)
    os.close(descriptor)

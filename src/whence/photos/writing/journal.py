"""What was written into photos and beside them, so that all of it can be taken back.

One JSON line for each file, on the disk before the file itself changes. Whatever moment a run is killed at, a file is
as it was or as the journal says, and taking back leaves alone what is neither: somebody else has changed it since.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from whence.errors import InputError, PhotoError
from whence.photos import files
from whence.photos.writing.exchange import create, exchange, is_there
from whence.photos.writing.splices import Splice, applied, inverse

SUFFIX = ".jsonl"
TAKEN_BACK = ".undone"
_COPIES = ".originals"
_LOCK, _PATIENCE_S = "writing.lock", 0.05


def folder() -> Path:
    """Where journals are kept: a folder of the user."""
    from platformdirs import user_state_path

    return user_state_path("whence", appauthor=False) / "tag"


def newest() -> Path:
    """The journal of the last run that wrote something and was not taken back.

    Raises:
        InputError: There is none.
    """
    place = folder()
    found = next((path for path in _journals(place) if _says_something(path)), None)
    if found is None:
        raise InputError(f"nothing to undo: {place} has no journal; name one by --journal FILE")
    return found


@contextmanager
def turn() -> Iterator[None]:
    """Waits until no other process of this user writes, so that what was looked at is what is changed.

    To be held for one photo. Where the user's folder takes no lock there is nobody to wait for.
    """
    held = None
    with suppress(OSError, NotImplementedError):  # the latter where a file system knows no locks
        folder().mkdir(parents=True, exist_ok=True)
        while (held := files.hold(folder() / _LOCK)) is None:
            time.sleep(_PATIENCE_S)
    with held or nullcontext():
        yield


def _journals(place: Path) -> list[Path]:
    """The latest first: their names begin with their times."""
    return sorted(place.glob(f"*{SUFFIX}"), reverse=True) if place.is_dir() else []


def _says_something(path: Path) -> bool:
    try:
        return b"\n" in path.read_bytes()
    except OSError:
        return True  # undo will tell what is wrong


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
        if os.path.lexists(self.path):
            raise InputError(f"{self.path} is there already; name a new file for the journal, or undo that one first")
        self._size = self._copied = 0
        self._made = False

    def change(self, path: Path, old: bytes, new: bytes, splices: Sequence[Splice] | None) -> None:
        """Exchanges a file for a new version, keeping its times, permissions and extended attributes.

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
        with self._noted(target, entry):
            exchange(target, entry["before"], new)

    def create(self, path: Path, data: bytes) -> None:
        """Makes a file that is not there.

        Raises:
            PhotoError: It is there, or cannot be written.
        """
        with self._noted(path.absolute(), {"before": None, "after": files.content_hash(data)}):
            if is_there(path):
                raise PhotoError(f"{path.name} has appeared meanwhile")
            create(path, data)

    @contextmanager
    def _noted(self, path: Path, entry: dict[str, Any]) -> Iterator[None]:
        """Writes a line before the file changes, and takes it back where the file then did not."""
        line = json.dumps({"path": os.fspath(path), **entry}, ensure_ascii=True) + "\n"
        known = self._size
        try:
            self._note(line.encode("ascii"))
        except OSError as error:
            self._forget(known)
            told = error.strerror or type(error).__name__
            raise PhotoError(f"{path.name} was not changed: the journal cannot be written ({told})") from error
        try:
            yield
        except (OSError, PhotoError) as error:
            self._forget(known)
            if isinstance(error, PhotoError):
                raise
            raise PhotoError(f"{path.name} cannot be written ({error.strerror or type(error).__name__})") from error

    def _note(self, line: bytes) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("r+b" if self._made else "xb", buffering=0) as stream:
            self._made = True
            stream.truncate(self._size)  # of what an error left behind
            stream.seek(self._size)
            done = 0
            while done < len(line):
                done += stream.write(line[done:]) or 0
            os.fsync(stream.fileno())
        self._size += len(line)

    def _forget(self, size: int) -> None:
        """What stands behind ``size`` did not happen; if that cannot be written now, the next line begins there."""
        self._size = size
        if not self._made:
            return
        with suppress(OSError):
            os.truncate(self.path, size)
            if not size:
                self.path.unlink()
                self._made = False

    def _copy(self, target: Path, old: bytes) -> str:
        place = _copies_of(self.path)
        try:
            place.mkdir(parents=True, exist_ok=True)
            while True:  # one that is there is of a journal that somebody took away
                self._copied += 1
                name = f"{self._copied:06d}{target.suffix}"
                if not is_there(place / name):
                    break
            create(place / name, old)
        except OSError as error:
            raise PhotoError(f"no copy of it can be kept ({error.strerror or type(error).__name__})") from error
        return name


def undo(path: Path) -> Iterator[Undone]:
    """Takes back what a journal says, the last first; at the end the journal gets another name.

    Raises:
        InputError: No such journal, or one without a line that can be understood.
    """
    entries, damaged = _entries(path)
    for number in damaged:
        yield Undone(path, f"line {number} is damaged; the file that it tells of was left as it is")
    whole = not damaged
    for entry in reversed(entries):
        with turn():
            found = _taken_back(path, entry)
        whole = whole and not found.problem
        yield found
    if whole:
        with suppress(FileNotFoundError):  # two at once take it back, to the same end
            path.replace(path.with_name(path.name + TAKEN_BACK))
        shutil.rmtree(_copies_of(path), ignore_errors=True)


def _copies_of(path: Path) -> Path:
    """Where a journal keeps whole files: the name has all of the journal's, so that no two share a folder."""
    return path.with_name(path.name + _COPIES)


def _entries(path: Path) -> tuple[list[dict[str, Any]], list[int]]:
    """What a journal says, and the numbers of lines that cannot be understood."""
    try:
        text = files.read(path).decode("ascii", "replace")
    except PhotoError as error:
        raise InputError(f"{path}: {error}; expected a journal of `whence tag --write`") from error
    lines = text.split("\n")[:-1]  # killed while it was written, the last has no end; its file is as it was
    entries, damaged = [], []
    for number, line in enumerate(lines, 1):
        try:
            entry = json.loads(line)
            _check(entry)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            damaged.append(number)
        else:
            entries.append(entry)
    if damaged and not entries:
        raise InputError(
            f"{path} is not a journal of `whence tag`, or is damaged; name another by --journal, or rename it"
        )
    return entries, damaged


def _check(entry: dict[str, Any]) -> None:
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
        return Undone(path) if entry["before"] is None and not os.path.lexists(path) else Undone(path, str(error))
    digest = files.content_hash(data)
    if digest == entry["before"]:
        return Undone(path)
    if digest != entry["after"]:
        later = _whose(entry["path"], digest, journal)
        if later is not None:
            return Undone(path, f"a later run has changed it; undo that one first: --undo --journal {later}")
        return Undone(path, "it has changed since, and was left as it is")
    try:
        if entry["before"] is None:
            path.unlink()
            return Undone(path)
        if "copy" in entry:
            old = files.read(_copies_of(journal) / entry["copy"])
        else:
            old = applied(data, _splices(data, entry))
        if files.content_hash(old) != entry["before"]:
            return Undone(path, "the journal does not lead back to what it was")
        exchange(path, digest, old)
    except (OSError, ValueError, PhotoError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        return Undone(path, f"it cannot be written ({reason})")
    return Undone(path)


def _whose(path: str, digest: str, journal: Path) -> Path | None:
    """The journal of the run that made a file what it is."""
    places = dict.fromkeys((folder().absolute(), journal.absolute().parent))
    for other in (found for place in places for found in _journals(place) if found != journal.absolute()):
        with suppress(InputError):
            if any(entry["path"] == path and entry["after"] == digest for entry in _entries(other)[0]):
                return other
    return None


def _splices(data: bytes, entry: dict[str, Any]) -> list[Splice]:
    told = ((start, removed, base64.b64decode(inserted)) for start, removed, inserted in entry["splices"])
    return [Splice(start, data[start : start + removed], inserted) for start, removed, inserted in told]

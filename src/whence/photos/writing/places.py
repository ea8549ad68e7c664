"""Where a photo's position goes: into its file or beside it, and beside its raw file; planned before it is done."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from whence.errors import PhotoError
from whence.photos import files
from whence.photos.decode import SUFFIXES
from whence.photos.sidecars import SUFFIXES as SIDECARS
from whence.photos.sidecars import Sidecars
from whence.photos.writing import inside, sidecar
from whence.photos.writing.estimate import Estimate, UnwritableError
from whence.photos.writing.exchange import is_protected, is_there
from whence.photos.writing.journal import Journal
from whence.photos.writing.splices import Splice, applied

RAW = (
    *(".3fr", ".ari", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".fff", ".iiq", ".kdc", ".mef", ".mos"),
    *(".mrw", ".nef", ".nrw", ".orf", ".pef", ".raf", ".raw", ".rw2", ".rwl", ".sr2", ".srf", ".srw", ".x3f"),
)
"""What cameras write, perhaps beside a JPEG of the same name; never changed, a sidecar speaks for it."""


@dataclass(frozen=True, slots=True)
class Change:
    """One file, as it is to be.

    Attributes:
        path: The file.
        old: Its content; None if it is to be made.
        new: What it is to be.
        splices: What makes the difference; None if that is not known.
    """

    path: Path
    old: bytes | None
    new: bytes
    splices: Sequence[Splice] | None

    def write(self, journal: Journal) -> None:
        """Does it.

        Raises:
            PhotoError: The file is no longer as it was, or cannot be written.
        """
        if self.old is None:
            journal.create(self.path, self.new)
        else:
            journal.change(self.path, self.old, self.new, self.splices)


class Folder:
    """Names of a folder, looked at once."""

    def __init__(self, path: Path) -> None:
        """Looks; a folder that cannot be listed has no names."""
        self.path = path
        self._names = _listed(path)
        self._known = {name.lower(): name for name in sorted(self._names)}
        photos = [name for name in self._names if name.lower().endswith(SUFFIXES)]
        self.sidecars = Sidecars(path, photos, [name for name in self._names if name.lower().endswith(SIDECARS)])

    def now(self) -> Folder:
        """The folder as it is by now."""
        return self if _listed(self.path) == self._names else Folder(self.path)

    def planned(self, path: Path, data: bytes, estimate: Estimate, *, beside: bool) -> tuple[list[Change], str]:
        """What gives a photo its position, and why that is not the whole of what was asked (empty if it is).

        Args:
            path: Of the photo, in this folder.
            data: Its content.
            estimate: To write.
            beside: Leave the photo alone.

        Raises:
            PhotoError: Nothing can give it one.
        """
        changes, reasons = [], []
        if not beside:
            try:
                changes.append(_inside(path, data, estimate))
            except UnwritableError as error:
                reasons.append(str(error))
        if not changes:
            changes.append(_beside(path.with_name(self._sidecar_of(path.name)), estimate))
        for raw in self._raws_of(path.name):
            name = self._sidecar_of(raw)
            if name in {change.path.name for change in changes}:
                continue
            try:
                changes.append(_beside(path.with_name(name), estimate))
            except PhotoError as error:
                reasons.append(f"nothing for {raw}: {error}")
        return changes, "; ".join(reasons)

    def _sidecar_of(self, name: str) -> str:
        """The XMP file of a photo that is there, or is to be."""
        usual = (f"{name}.xmp", f"{name.rpartition('.')[0]}.xmp")
        there = next((self._known[wanted.lower()] for wanted in usual if wanted.lower() in self._known), None)
        return there or sidecar_name(name)

    def _raws_of(self, name: str) -> list[str]:
        """Raw files of the same picture."""
        stem = name.rpartition(".")[0].lower()
        return sorted(other for other in self._names if is_raw(other) and other.rpartition(".")[0].lower() == stem)


def _listed(path: Path) -> set[str]:
    try:
        return {name for name in os.listdir(path) if not name.endswith(".part")}  # noqa: PTH208 -- names alone
    except OSError:
        return set()


def is_raw(name: str) -> bool:
    """Whether a file is what a camera wrote, by its name."""
    return name.lower().endswith(RAW)


def sidecar_name(name: str) -> str:
    """Of the XMP file of a photo that has none: ``a.jpg.xmp``, or ``a.xmp`` as is usual for raw files."""
    return f"{name.rpartition('.')[0] if is_raw(name) else name}.xmp"


def _inside(path: Path, data: bytes, estimate: Estimate) -> Change:
    if is_raw(os.path.realpath(path)) or is_raw(path.name):
        raise UnwritableError("raw files are not changed")
    try:
        if is_protected(path.stat()):
            raise UnwritableError("it is write-protected")
    except OSError as error:
        raise PhotoError(files.reason(error)) from error
    new, splices = inside.with_position(data, path.suffix, estimate)
    return Change(path, data, new, splices)


def _beside(path: Path, estimate: Estimate) -> Change:
    try:
        if not is_there(path):
            return Change(path, None, sidecar.new(estimate), None)
        state = path.stat()
    except FileNotFoundError as error:
        raise PhotoError(f"{path.name} is a link that leads nowhere") from error
    except OSError as error:
        raise PhotoError(f"{path.name} cannot be written ({error.strerror or type(error).__name__})") from error
    if is_protected(state):
        raise PhotoError(f"{path.name} is write-protected")
    try:
        data = files.read(path)
        splices = sidecar.splices(data, estimate)
    except (UnwritableError, PhotoError) as error:
        raise PhotoError(f"{path.name}: {error}") from error
    return Change(path, data, applied(data, splices), splices)

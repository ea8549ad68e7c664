"""Where a gallery lies: in a folder of this computer, or in object storage. Nothing else has to know which."""

from __future__ import annotations

import os
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whence.errors import GalleryBusyError, GalleryError, InputError, NotAGalleryError
from whence.gallery.trouble import full_disk, refused
from whence.photos import files
from whence.photos.names import is_text

if TYPE_CHECKING:
    from lancedb.db import DBConnection

    from whence.gallery.cached import Cache

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_AS_PATH = re.compile(r"(s3|gs|az):/[^/]")
LOCK = ".whence.lock"
"""What says that a gallery is being written."""


class Storage(ABC):
    """Where one gallery lies. ``str()`` is how it is named to people and to LanceDB."""

    @staticmethod
    def of(given: str | os.PathLike[str] | Storage) -> Storage:
        """By the name of a folder, or an address such as ``s3://bucket/folder``.

        Raises:
            InputError: It is an address, and cannot be used.
            NotAGalleryError: LanceDB cannot spell the name of a folder.
        """
        if isinstance(given, Storage):
            return given
        text = os.fspath(given)
        if is_address(text):
            from whence.gallery.bucket import Address, Bucket

            return Bucket(Address.parse(text))
        if _AS_PATH.match(text):
            raise InputError(
                f"{text}: expected two slashes, as in s3://bucket/folder; in Python an address is text, for a Path "
                "drops one of them"
            )
        return Folder(Path(given))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Storage) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    @abstractmethod
    def entries(self) -> set[str] | None:
        """Names of what lies there, one level deep; None where there is nothing.

        Raises:
            NotAGalleryError: It cannot be looked at.
        """

    @abstractmethod
    def size(self) -> int:
        """Bytes of all that lies there."""

    @abstractmethod
    def connect(self) -> DBConnection:
        """LanceDB's connection."""

    @abstractmethod
    def alone(self, *, create: bool) -> AbstractContextManager[None]:
        """Makes this process the only writer, until the context ends.

        Args:
            create: Whether the place may be made.

        Raises:
            GalleryBusyError: Another one is writing.
            GalleryError: The place cannot be made or written to.
        """

    def assure(self) -> None:  # noqa: B027 -- a lock file stays
        """Called before something is written or read to be written.

        Raises:
            GalleryBusyError: This process was the only writer and may no longer be.
        """

    def cache(self) -> Cache | None:
        """What keeps the features that are asked for often nearer by; None where they are near."""
        return None

    def name(self) -> str:
        """How a process that stands in another folder names it."""
        return str(self)

    def near(self) -> Path | None:
        """Where files lie that are derived from the gallery and mapped into memory; None where none are kept."""
        return None

    def holds(self, file: Path) -> bool:
        """Whether a file of this computer lies in it, or would."""
        return False

    @abstractmethod
    def trouble(self, error: BaseException) -> str | None:
        """What an error of a library has to do with the place, on one line; None if nothing."""

    @contextmanager
    def told(self) -> Iterator[None]:
        """Troubles with the place, in words.

        Raises:
            GalleryError: One of them.
        """
        try:
            yield
        except Exception as error:
            words = self.trouble(error)
            if words is None:
                raise
            raise GalleryError(words) from None  # which may name more than is to be shown

    @abstractmethod
    def local(self, task: str) -> Path:
        """The folder, for what can be done in folders alone.

        Raises:
            GalleryError: It is none; the message names the task.
        """


class Folder(Storage):
    """A folder of this computer."""

    def __init__(self, path: Path) -> None:
        """
        Raises:
            NotAGalleryError: LanceDB cannot spell the name.
        """
        if not is_text(os.fspath(path.absolute())):
            raise NotAGalleryError(f"{path}: the path of a gallery has to be valid UTF-8; name another folder")
        self._path = path

    def __str__(self) -> str:
        return str(self._path)

    def __fspath__(self) -> str:
        return str(self._path)

    def entries(self) -> set[str] | None:
        """See ``Storage``."""
        try:
            return {entry.name for entry in self._path.iterdir()} if self._path.exists() else None
        except OSError as error:
            raise NotAGalleryError(
                f"{self} is no folder that can be read; make a gallery elsewhere: whence index PHOTOS --gallery FOLDER"
            ) from error

    def size(self) -> int:
        """See ``Storage``."""
        total = 0
        for parent, _, names in os.walk(self._path):
            for name in names:
                try:
                    total += os.lstat(os.path.join(parent, name)).st_size  # noqa: PTH118
                except OSError:  # a writer tidied up meanwhile
                    continue
        return total

    def connect(self) -> DBConnection:
        """See ``Storage``."""
        connection: DBConnection = load_lancedb().connect(self._path)
        return connection

    @contextmanager
    def alone(self, *, create: bool) -> Iterator[None]:
        """See ``Storage``. A lock file says so."""
        try:
            if create:
                self._path.mkdir(parents=True, exist_ok=True)
            held = files.hold(self._path / LOCK)
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise GalleryError(f"the gallery {self} cannot be written: {reason}; name a folder of yours") from error
        if held is None:
            raise GalleryBusyError(f"{self} is being written by another process; try again when it is done")
        with held:
            yield

    def name(self) -> str:
        """See ``Storage``."""
        return str(self._path.absolute())

    def near(self) -> Path:
        """See ``Storage``."""
        return self._path

    def holds(self, file: Path) -> bool:
        """See ``Storage``."""
        return self._path.absolute() in (file.absolute(), *file.absolute().parents)

    def trouble(self, error: BaseException) -> str | None:
        """See ``Storage``: the disk is full, or files may not be used. What was stored before stays as it is."""
        if reason := refused(error):
            return (
                f"the gallery {self} cannot be read or written: {reason}; what is stored there is whole: run the same "
                "command as who owns all of its files"
            )
        if not full_disk(error):
            return None
        return (
            f"no space left on the disk of {self}; what is stored there is whole: make room and run the same "
            "command again to go on"
        )

    def local(self, task: str) -> Path:
        """See ``Storage``."""
        return self._path


def is_address(given: str) -> bool:
    """Whether a gallery is named by an address, rather than by a folder."""
    return _ADDRESS.match(given) is not None


def path_or_storage(given: str | os.PathLike[str] | Storage) -> Path | Storage:
    """For what may be a gallery or something else: an address as ``Storage``, and any other name as a path."""
    if isinstance(given, Storage) or is_address(os.fspath(given)):
        return Storage.of(given)
    return Path(given)


def load_lancedb() -> Any:
    """The library, which takes a while."""
    os.environ.setdefault("LANCEDB_LOG", "error")  # its log would leak into what we print
    import lancedb

    return lancedb

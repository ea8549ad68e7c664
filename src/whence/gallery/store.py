"""The folder of a gallery: creating, opening, locking, settings. No other module touches LanceDB's connection."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from whence.errors import GalleryBusyError, GalleryError, NotAGalleryError, SchemaVersionError
from whence.gallery import schema
from whence.gallery.schema import Settings, sections_today
from whence.gallery.sums import sealed, unsealed
from whence.gallery.trouble import full_disk_told
from whence.photos import files
from whence.photos.names import is_text
from whence.types import Crs

if TYPE_CHECKING:
    from lancedb.db import DBConnection
    from lancedb.table import Table

LOCK = ".whence.lock"
_READERS = timedelta(days=1)
"""How long readers may hold on to a version after another took its place."""


class Store:
    """One LanceDB database in one folder.

    Tables: ``settings`` (one row), ``photos`` (keyed by path), ``descriptors`` (one row per content hash, all of one
    model; derived from the features, so it can always be made again), ``artefacts`` (what models learned, by their
    fingerprint) and ``skipped`` (what was passed over).
    """

    def __init__(self, folder: Path, settings: Settings, connection: DBConnection) -> None:
        self.folder = folder
        self.settings = settings
        self._connection = connection

    @classmethod
    def open(cls, folder: Path) -> Store:
        """An existing gallery.

        Raises:
            NotAGalleryError: Nothing there, or something else.
            SchemaVersionError: Written by a newer whence.
        """
        _check_name(folder)
        if not folder.is_dir():
            raise NotAGalleryError(f"no gallery at {folder}; make one with: whence index PHOTOS --gallery {folder}")
        connection = _connect(folder)
        settings = _read_settings(folder, connection)
        return cls(folder, settings, connection)

    @classmethod
    def create(cls, folder: Path, settings: Settings) -> Store:
        """A new gallery in a folder that ``check_place`` approved. Call it under ``lock``."""
        connection = _connect(folder)
        store = cls(folder, settings, connection)
        store.save_settings(settings)
        return store

    @staticmethod
    def check_place(folder: Path) -> bool:
        """Whether there is a gallery already. Changes nothing.

        Raises:
            NotAGalleryError: There is something else.
        """
        _check_name(folder)
        try:
            found = {entry.name for entry in folder.iterdir()} if folder.exists() else set()
        except OSError as error:
            raise NotAGalleryError(f"{folder} is no folder that can be read; name another for the gallery") from error
        if {f"{schema.SETTINGS}.lance", f"{schema.PHOTOS}.lance"} <= found:
            return True
        ours = {LOCK, f"{schema.SETTINGS}.lance", f"{schema.SKIPPED}.lance"}  # a first run killed, or without a photo
        if {f"{schema.SETTINGS}.lance", f"{schema.DESCRIPTORS}.lance"} <= found:  # which come after the photos
            raise GalleryError(photos_lost(folder))
        strangers = sorted(found - ours)
        if strangers:
            raise NotAGalleryError(
                f"{folder} is not a gallery and not empty (it holds {strangers[0]}); name a new folder"
            )
        return False

    def save_settings(self, settings: Settings) -> None:
        """Replaces the settings in one transaction."""
        self.replace(schema.SETTINGS, settings_table(settings))
        self.settings = settings

    def raise_version(self) -> None:
        """Says that this version of the tables is written from now on. To be called before anything of it is written:
        an older whence then keeps away from what it does not know.
        """
        if self.settings.schema_version < schema.SCHEMA_VERSION:
            self.save_settings(replace(self.settings, schema_version=schema.SCHEMA_VERSION, needs=schema.NEEDS))

    def names(self) -> set[str]:
        """Tables that exist."""
        return _table_names(self._connection)

    def table(self, name: str) -> Table | None:
        """A table at its newest version, or None before anything was written to it."""
        if name not in self.names():
            return None
        try:
            return self._connection.open_table(name)
        except ValueError as error:
            if "not found" not in str(error):  # any other damage must not make a full table look like none
                raise
            return None  # its folder is there, but a writer was killed before the first version was complete

    def append(self, name: str, rows: pa.Table) -> None:
        """Adds rows in one transaction."""
        table = self.table(name)
        if table is None or not table.count_rows():  # emptied, it may have been made for vectors of another model
            self.replace(name, rows)
        else:
            table.add(rows)

    def drop(self, name: str) -> None:
        """Takes a table away; readers that have it open lose it."""
        self._connection.drop_table(name)

    def replace(self, name: str, rows: pa.Table | pa.RecordBatchReader) -> None:
        """Puts other rows in place of all, in one transaction; readers of the old version keep it."""
        self._connection.create_table(name, data=rows, mode="overwrite")


@contextmanager
def lock(folder: Path, *, create: bool = True) -> Iterator[None]:
    """Makes this process the only writer of a gallery.

    Raises:
        GalleryBusyError: Another process is writing.
        GalleryError: The folder cannot be made or written to, or its disk is full.
    """
    try:
        if create:
            folder.mkdir(parents=True, exist_ok=True)
        held = files.hold(folder / LOCK)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise GalleryError(f"the gallery {folder} cannot be written: {reason}; name a folder of yours") from error
    if held is None:
        raise GalleryBusyError(f"{folder} is being written by another process; try again when it is done")
    with held, full_disk_told(folder):
        yield


def photos_lost(folder: Path) -> str:
    """In words, for a gallery without its table of photos."""
    return f"the gallery {folder} has lost its photos; whence repair {folder} says what is left"


def age_to_keep(table: Any) -> timedelta:
    """Age up to which versions have to stay, so that readers have a day after a version was superseded.

    LanceDB counts from when a version was written, which may be long before another took its place: the one that was
    current a day ago has to stay as well.
    """
    now = datetime.now().astimezone()
    ages = [now - version["timestamp"].astimezone() for version in table.list_versions()]
    return min((age for age in ages if age >= _READERS), default=_READERS) + timedelta(minutes=1)


def load_lancedb() -> Any:
    """The library, which takes a while."""
    os.environ.setdefault("LANCEDB_LOG", "error")  # its log would leak into what we print
    import lancedb

    return lancedb


def _check_name(folder: Path) -> None:
    """LanceDB takes text alone."""
    if not is_text(os.fspath(folder.absolute())):
        raise NotAGalleryError(f"{folder}: the path of a gallery has to be valid UTF-8; name another folder")


def _connect(folder: Path) -> DBConnection:
    connection: DBConnection = load_lancedb().connect(folder)
    return connection


def _table_names(connection: DBConnection) -> set[str]:
    found: set[str] = set()
    token = None
    while True:
        page = connection.list_tables(page_token=token)
        found |= set(page.tables)
        token = page.page_token
        if not token:
            return found


def _read_settings(folder: Path, connection: DBConnection) -> Settings:
    if schema.SETTINGS not in _table_names(connection):
        raise NotAGalleryError(f"{folder} is not a gallery; make one with: whence index PHOTOS --gallery FOLDER")
    try:
        text = connection.open_table(schema.SETTINGS).to_arrow()["json"][0].as_py()
    except (ValueError, KeyError, IndexError, OSError, RuntimeError):
        text = None
    return read_settings(folder, text)


def settings_table(settings: Settings) -> pa.Table:
    """The one row of the table of settings."""
    return pa.table({"json": [sealed(asdict(settings))]}, schema=schema.SETTINGS_SCHEMA)


def read_settings(folder: Path, text: str | None) -> Settings:
    """Settings as they are stored; None where they cannot be read.

    Raises:
        NotAGalleryError: They are damaged.
        SchemaVersionError: A newer whence wrote them.
    """
    try:
        said = unsealed(text or "")
        version = int(said.get("schema_version", 0))
        if version > schema.SCHEMA_VERSION:
            wanted = f" and needs whence {needs}" if isinstance(needs := said.get("needs"), str) else ""
            raise SchemaVersionError(
                f"the gallery {folder} has schema version {version}{wanted}, this whence reads up to "
                f"{schema.SCHEMA_VERSION}; upgrade: pip install --upgrade whence"
            )
        known = {name: said[name] for name in Settings.__dataclass_fields__ if name in said}  # of before, it has fewer
        return Settings(**{**known, "crs": Crs(known["crs"]), "sections": sections_today(known["sections"])})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NotAGalleryError(
            f"the gallery {folder} is damaged or half made; whence repair {folder} says what is left"
        ) from error

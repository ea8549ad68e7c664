"""The tables of a gallery: creating, opening, locking, settings. No other module touches LanceDB's connection."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence, Set
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from whence.errors import GalleryError, NotAGalleryError, SchemaVersionError
from whence.gallery import schema
from whence.gallery.schema import Settings, sections_today
from whence.gallery.storage import LOCK, Storage
from whence.gallery.sums import sealed, unsealed
from whence.types import Crs

if TYPE_CHECKING:
    from lancedb.db import DBConnection
    from lancedb.table import Table

_TABLE = ".lance"
"""After the name of a table, where it lies."""
_ROUNDS = 8
"""In which tables are opened for a snapshot, at most."""
_READERS = timedelta(days=1)
"""How long readers may hold on to a version after another took its place."""


class Store:
    """One LanceDB database at one place.

    Tables: ``settings`` (one row), ``photos`` (keyed by path), ``descriptors`` (one row per content hash, all of one
    model; derived from the features, so it can always be made again), ``artefacts`` (what models learned, by their
    fingerprint) and ``skipped`` (what was passed over).
    """

    def __init__(self, folder: Storage, settings: Settings, connection: DBConnection) -> None:
        self.folder = folder
        self.settings = settings
        self._connection = connection

    @classmethod
    def open(cls, place: str | os.PathLike[str] | Storage) -> Store:
        """An existing gallery.

        Raises:
            NotAGalleryError: Nothing there, or something else.
            SchemaVersionError: Written by a newer whence.
        """
        folder = Storage.of(place)
        found = folder.entries()
        if found is None:
            raise NotAGalleryError(f"no gallery at {folder}; make one with: whence index PHOTOS --gallery {folder}")
        _check_not_lost(folder, found)
        if f"{schema.SETTINGS}{_TABLE}" not in found:
            raise NotAGalleryError(f"{folder} is not a gallery; make one with: whence index PHOTOS --gallery FOLDER")
        with folder.told():
            connection = folder.connect()
            return cls(folder, _read_settings(folder, connection), connection)

    @classmethod
    def create(cls, place: str | os.PathLike[str] | Storage, settings: Settings) -> Store:
        """A new gallery at a place that ``check_place`` approved. Call it under ``lock``."""
        folder = Storage.of(place)
        store = cls(folder, settings, folder.connect())
        store.save_settings(settings)
        return store

    @staticmethod
    def check_place(place: str | os.PathLike[str] | Storage) -> bool:
        """Whether there is a gallery already. Changes nothing.

        Raises:
            NotAGalleryError: There is something else.
        """
        folder = Storage.of(place)
        found = folder.entries() or set()
        if {f"{schema.SETTINGS}{_TABLE}", f"{schema.PHOTOS}{_TABLE}"} <= found:
            return True
        if {f"{schema.SETTINGS}{_TABLE}", f"{schema.DESCRIPTORS}{_TABLE}"} <= found:  # which come after the photos
            raise GalleryError(photos_lost(folder))
        _check_not_lost(folder, found)
        ours = {LOCK, f"{schema.SETTINGS}{_TABLE}", f"{schema.SKIPPED}{_TABLE}"}  # a first run killed, or no photo
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
        """Tables that exist, perhaps without a version that is complete."""
        found = self.folder.entries() or set()
        return {name.removesuffix(_TABLE) for name in found if name.endswith(_TABLE)}

    def table(self, name: str) -> Table | None:
        """A table at its newest version, or None before anything was written to it."""
        self.folder.assure()
        try:
            with self.folder.told():
                return self._connection.open_table(name)
        except ValueError as error:
            if "not found" not in str(error):  # any other damage must not make a full table look like none
                raise
            return None  # its folder is there, but a writer was killed before the first version was complete

    def check_photos(self) -> None:
        """
        Raises:
            GalleryError: There are descriptors, and no table of the photos.
        """
        if self.table(schema.PHOTOS) is not None:
            return
        described = self.table(schema.DESCRIPTORS)
        if described is not None and described.count_rows():
            raise GalleryError(photos_lost(self.folder))

    def snapshot(self, names: Sequence[str]) -> dict[str, Table | None]:
        """Tables as they were together at one moment, each pinned to its version of then.

        They are opened until no version has changed from one round to the next: what stayed all through was there at
        once (the double collect of Y. Afek et al., Atomic snapshots of shared memory, J. ACM 1993). Under a writer who
        is never at rest, the last round is taken: in the order of ``names``.
        """
        before: dict[str, int | None] | None = None
        for _ in range(_ROUNDS):
            tables = {name: self.table(name) for name in names}
            versions = {name: None if table is None else table.version for name, table in tables.items()}
            if versions == before:
                break
            before = versions
        for table in tables.values():
            if table is not None:
                table.checkout(table.version)
        return tables

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
        self.folder.assure()
        self._connection.create_table(name, data=rows, mode="overwrite")


@contextmanager
def lock(place: str | os.PathLike[str] | Storage, *, create: bool = True) -> Iterator[None]:
    """Makes this process the only writer of a gallery.

    Raises:
        GalleryBusyError: Another process is writing.
        GalleryError: The place cannot be made or written to, or its disk is full.
    """
    folder = Storage.of(place)
    with folder.alone(create=create), folder.told():
        yield


def photos_lost(folder: Storage) -> str:
    """In words, for a gallery without its table of photos."""
    return f"the gallery {folder} has lost its photos; whence repair {folder} says what is left"


def _check_not_lost(folder: Storage, found: Set[str]) -> None:
    """
    Raises:
        NotAGalleryError: There are tables of a gallery, and no settings.
    """
    ours = (schema.PHOTOS, schema.DESCRIPTORS, schema.ARTEFACTS, schema.QUARANTINE)
    if {f"{name}{_TABLE}" for name in ours} & found and f"{schema.SETTINGS}{_TABLE}" not in found:
        raise NotAGalleryError(
            f"the gallery {folder} has lost its settings ({schema.SETTINGS}{_TABLE}), without which nobody knows what "
            "its numbers mean; put them back from a copy, or index into a new folder"
        )


def age_to_keep(table: Any) -> timedelta:
    """Age up to which versions have to stay, so that readers have a day after a version was superseded.

    LanceDB counts from when a version was written, which may be long before another took its place: the one that was
    current a day ago has to stay as well.
    """
    now = datetime.now().astimezone()
    ages = [now - version["timestamp"].astimezone() for version in table.list_versions()]
    return min((age for age in ages if age >= _READERS), default=_READERS) + timedelta(minutes=1)


def _read_settings(folder: Storage, connection: DBConnection) -> Settings:
    try:
        text = connection.open_table(schema.SETTINGS).to_arrow()["json"][0].as_py()
    except (ValueError, KeyError, IndexError, OSError, RuntimeError):
        text = None
    return read_settings(folder, text)


def settings_table(settings: Settings) -> pa.Table:
    """The one row of the table of settings."""
    return pa.table({"json": [sealed(asdict(settings))]}, schema=schema.SETTINGS_SCHEMA)


def read_settings(folder: Storage | Path, text: str | None) -> Settings:
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

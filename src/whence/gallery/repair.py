"""What is damaged in a gallery, and a gallery of what is left.

Disks fail, copies break off, and somebody tidies up. Whatever can be read stays, of the newest versions or, where these
have lost it, of older ones; what cannot is named, so that it can be indexed again. Nothing is deleted: tables that are
replaced lie in a folder of the gallery afterwards.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from whence.errors import GalleryError, NotAGalleryError
from whence.gallery import schema
from whence.gallery.approximate import index_name
from whence.gallery.artefacts import unpack_arrays
from whence.gallery.codec import unpack
from whence.gallery.quarantine import read_contribution
from whence.gallery.rescue import Rescued, Row, Views, rescue, rows_of
from whence.gallery.schema import Settings
from whence.gallery.storage import load_lancedb
from whence.gallery.store import Store, read_settings, settings_table
from whence.gallery.sums import trouble_of
from whence.gallery.trouble import told
from whence.geo.cells import leaf_cell
from whence.photos.names import native
from whence.types import LatLon

ASIDE = "damaged-"
"""What folders of replaced tables are called, before the time."""
SCRATCH, _NEW = ".repair-", "new"
"""Folders that a repair works in, and that of whole tables in it."""
_LIGHT = ("path", "hash", "source")


@dataclass(slots=True)
class Findings:
    """Of one gallery.

    Attributes:
        photos: That are whole.
        damage: What is wrong, one line each.
        lost: Paths of photos that cannot be read any more, as far as they are known.
        nameless: Photos whose paths cannot be read either, or that are known by their descriptors alone.
        restored: Photos that an older version had, as they were then.
        sources: What was indexed, as far as it is known: to be indexed again.
        forgotten: Whether newer photos than these may have been there, of which nothing is known.
        aside: Where tables lie that were replaced; None if none was.
    """

    photos: int = 0
    damage: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    nameless: int = 0
    restored: int = 0
    sources: list[str] = field(default_factory=list)
    forgotten: bool = False
    aside: str | None = None

    @property
    def is_whole(self) -> bool:
        """Whether nothing is wrong."""
        return not self.damage


def examine(folder: Path, *, mend: bool) -> Findings:
    """Reads all of a gallery; puts what is left in the place of what is damaged, if asked to, under ``lock``.

    Descriptors and models that are lost are not made anew here.

    Raises:
        GalleryError: A file may not be read, which is no damage.
        NotAGalleryError: No gallery there, or its settings are lost: what its numbers mean nobody knows.
        SchemaVersionError: Written by a newer whence.
    """
    if not (folder / f"{schema.SETTINGS}.lance").is_dir():
        Store.open(folder)  # raises: no gallery
    _check_readable(folder)
    with tempfile.TemporaryDirectory(prefix=SCRATCH, dir=folder if mend else None) as scratch:
        work = _Work(folder, Path(scratch), mend)
        work.settings()
        # Before the photos: a writer adds theirs first, so that every descriptor then has its photo.
        described = work.rescued(schema.DESCRIPTORS, "hash", ("hash", "model"), _whole_descriptor, lambda row: True)
        hashes = None if described is None else set(described.facts)
        photos = work.photos(hashes)
        work.descriptors(described, photos)
        work.artefacts()
        work.skipped()
        work.quarantine()
        return work.found


def end_interrupted(folder: Path) -> None:
    """What is left of a repair that was killed: a table whose old one is set aside takes its place, the rest goes."""
    for left_over in folder.glob(f"{SCRATCH}*"):
        for table in left_over.glob(f"{_NEW}/*.lance"):
            if not (folder / table.name).exists():
                table.rename(folder / table.name)
        shutil.rmtree(left_over, ignore_errors=True)


def _check_readable(folder: Path) -> None:
    """What may not be read is not damaged."""
    for path in folder.rglob("*"):
        try:
            if path.is_file():
                path.open("rb").close()
        except PermissionError as error:
            raise GalleryError(
                f"{path} may not be read; `whence repair` takes out what is damaged: run it as who owns the gallery"
            ) from error
        except OSError:  # a bad disk: reading it will tell
            continue


class _Work:
    """One examination."""

    def __init__(self, folder: Path, scratch: Path, mend: bool) -> None:
        self._folder, self._scratch, self._mend = folder, scratch, mend
        self._views: dict[str, Views] = {}
        self.found = Findings()
        self._crs = "wgs84"

    def settings(self) -> None:
        """The newest settings that can be read.

        Raises:
            NotAGalleryError: There are none.
            SchemaVersionError: They are of a newer whence.
        """
        views = Views(self._folder, schema.SETTINGS, self._scratch)
        for place, version in enumerate(views.versions):
            table = views.open(version)
            try:
                text = None if table is None else table.to_arrow()["json"][0].as_py()
                settings: Settings = read_settings(self._folder, text)
            except (NotAGalleryError, RuntimeError, ValueError, OSError, IndexError, KeyError):
                continue
            self._crs = settings.crs
            if place or views.hinted > version:
                self.found.damage.append(f"{schema.SETTINGS}: the newest cannot be read; those before are taken")
                self._replace(schema.SETTINGS, settings_table(settings))
            return
        raise NotAGalleryError(
            f"the gallery {self._folder} has lost its settings and cannot be repaired; index into a new folder"
        )

    def rescued(self, name: str, key: str, light: tuple[str, ...], check: Any, belongs: Any) -> Rescued | None:
        """What is left of a table; None where there is none."""
        if not (self._folder / f"{name}.lance").is_dir():
            return None
        self._views[name] = Views(self._folder, name, self._scratch)
        return rescue(self._views[name], key, light, check, belongs)

    def photos(self, described: set[str] | None) -> Rescued | None:
        """Looks through the photos. What only an older version has was removed, if it has no descriptor any more."""
        found = self.found

        def belongs(row: Row) -> bool:
            return described is None or row.get("hash") in described

        rest = self.rescued(schema.PHOTOS, "path", _LIGHT, self._whole_photo, belongs)
        if rest is None:
            found.nameless = len(described or ())
            if found.nameless:
                found.damage.append(f"{schema.PHOTOS}: they are gone")
                self._replace(schema.PHOTOS, pa.Table.from_pylist([], schema=schema.PHOTOS_SCHEMA))
            return None
        found.photos, found.restored = len(rest.facts), rest.older
        found.lost = [native(row["path"]) for row in rest.lost]
        known = (*rest.facts.values(), *rest.lost)
        found.sources = sorted({native(row["source"]) for row in known if row.get("source")})
        unseen = len((described or set()) - {row.get("hash") for row in known})
        found.nameless = max(rest.nameless, unseen) if rest.stepped else rest.nameless
        found.forgotten = rest.stepped
        if rest.bad:
            found.damage.append(
                f"{schema.PHOTOS}: {rest.bad:,} of {rest.bad + len(rest.facts) - rest.older:,} photos "
                f"cannot be read ({rest.why})"
            )
        self._tell_versions(schema.PHOTOS, rest)
        if not rest.is_whole:
            self._keep(schema.PHOTOS, rest, schema.PHOTOS_SCHEMA)
        return rest

    def _whole_photo(self, row: Row) -> None:
        unpack(row["features"])
        if trouble := trouble_of(row):
            raise GalleryError(trouble)
        if None in (row["lat"], row["lon"]) and None in (row["x"], row["y"]):
            raise GalleryError("a photo has no position")
        if self._crs == "wgs84" and row.get("cell") is not None:
            lat, lon = row["lat"], row["lon"]
            if lat is None or lon is None or abs(lat) > 90 or leaf_cell(LatLon(lat, lon)) != row["cell"]:
                raise GalleryError("a position is not what was stored")

    def descriptors(self, rest: Rescued | None, photos: Rescued | None) -> None:
        """A descriptor for each photo; without any, they are made anew."""
        found, hashes = self.found, {row["hash"] for row in photos.facts.values()} if photos else set()
        if rest is None:
            if hashes:
                found.damage.append(f"{schema.DESCRIPTORS}: they are gone")
            return
        if rest.bad:
            found.damage.append(f"{schema.DESCRIPTORS}: {rest.bad:,} cannot be read ({rest.why})")
        self._tell_versions(schema.DESCRIPTORS, rest)
        missing = len(hashes - set(rest.facts))
        if missing and not rest.bad and not rest.stepped:
            found.damage.append(f"{schema.DESCRIPTORS}: {missing:,} are missing")
        models = {row["model"] for row in rest.facts.values()}
        if len(models) > 1:
            found.damage.append(f"{schema.DESCRIPTORS}: they are of {len(models)} models")
        if rest.bad or rest.stepped or missing or len(models) > 1:
            self._set_aside(schema.DESCRIPTORS)
        elif rest.hollow:
            views = self._views[schema.DESCRIPTORS]
            self._keep(schema.DESCRIPTORS, rest, views.open(views.versions[0]).schema)
        elif trouble := _index_trouble(self._views[schema.DESCRIPTORS]):
            found.damage.append(f"{schema.DESCRIPTORS}: their index cannot be used ({trouble})")
            self._drop_index()

    def artefacts(self) -> None:
        """What models learned, and trials."""
        rest = self.rescued(schema.ARTEFACTS, "fingerprint", ("fingerprint",), _whole_artefact, lambda row: True)
        if rest is None:
            return
        if rest.bad:
            self.found.damage.append(f"{schema.ARTEFACTS}: {rest.bad:,} cannot be read ({rest.why})")
        self._tell_versions(schema.ARTEFACTS, rest)
        if not rest.is_whole:
            self._keep(schema.ARTEFACTS, rest, schema.ARTEFACTS_SCHEMA)

    def skipped(self) -> None:
        """What was passed over; it can be looked at again."""
        rest = self.rescued(schema.SKIPPED, "path", ("path",), _anything, lambda row: False)
        if rest is not None and not rest.is_whole:
            self.found.damage.append(f"{schema.SKIPPED}: what was passed over cannot be read ({rest.why or 'at all'})")
            self._set_aside(schema.SKIPPED)

    def quarantine(self) -> None:
        """What was brought and waits, or was decided."""
        rest = self.rescued(schema.QUARANTINE, "id", ("id",), _whole_contribution, lambda row: True)
        if rest is None or rest.is_whole:
            return
        if rest.bad:
            self.found.damage.append(f"{schema.QUARANTINE}: {rest.bad:,} contributions cannot be read ({rest.why})")
        self._tell_versions(schema.QUARANTINE, rest)
        self._keep(schema.QUARANTINE, rest, schema.QUARANTINE_SCHEMA)

    def _tell_versions(self, name: str, rest: Rescued) -> None:
        if rest.stepped:
            self.found.damage.append(f"{name}: its newest version cannot be read")
        if rest.older:
            self.found.damage.append(f"{name}: {rest.older:,} are taken from an older version")
        if rest.hollow:
            self.found.damage.append(f"{name}: {rest.hollow:,} of its older versions cannot be read")

    def _keep(self, name: str, rest: Rescued, layout: pa.Schema) -> None:
        if self._mend:
            batches = rows_of(self._views[name], rest, layout)
            self._replace(name, pa.RecordBatchReader.from_batches(layout, batches))

    def _replace(self, name: str, rows: Any) -> None:
        """Puts a new table in the place of one that is set aside; until it is whole, that stays."""
        if not self._mend:
            return
        load_lancedb().connect(self._scratch / _NEW).create_table(name, data=rows, mode="overwrite")
        self._set_aside(name)
        (self._scratch / _NEW / f"{name}.lance").rename(self._folder / f"{name}.lance")

    def _set_aside(self, name: str) -> None:
        place = self._folder / f"{name}.lance"
        if not self._mend or not place.exists():
            return
        if self.found.aside is None:
            aside = self._folder / f"{ASIDE}{datetime.now(UTC):%Y%m%dT%H%M%S%f}"
            aside.mkdir()
            self.found.aside = str(aside)
        place.rename(Path(self.found.aside) / place.name)

    def _drop_index(self) -> None:
        if not self._mend:
            return
        try:
            table = load_lancedb().connect(self._folder).open_table(schema.DESCRIPTORS)
            for index in table.list_indices():
                table.drop_index(index.name)
        except Exception:  # noqa: BLE001 -- as where rows are read
            self._set_aside(schema.DESCRIPTORS)


def _anything(row: Row) -> None:
    """Whatever can be read is good."""


def _whole_descriptor(row: Row) -> None:
    known = row.get("crc")
    if known is not None and schema.descriptor_sum(row["hash"], row["model"], row["descriptor"]) != known:
        raise GalleryError("a descriptor is not what was stored")


def _whole_contribution(row: Row) -> None:
    read_contribution(row["json"])


def _whole_artefact(row: Mapping[str, Any]) -> None:
    unpack_arrays(row["data"])


def _index_trouble(views: Views) -> str:
    """Why a search by the index fails; empty if it does not, or there is none."""
    table = views.open(views.versions[0])
    try:
        if index_name(table) is None:
            return ""
        first = table.search().select(["descriptor"]).limit(1).to_arrow()
        if first.num_rows:
            table.search(first["descriptor"][0].as_py(), vector_column_name="descriptor").limit(1).to_arrow()
    except Exception as error:  # noqa: BLE001 -- as where rows are read
        return told(error, 80)
    return ""

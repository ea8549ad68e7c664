"""What is damaged in a gallery, and what is left when that is taken out.

Disks fail, copies break off, and somebody tidies up. Whatever can be read stays; what cannot is named, so that it can
be indexed again. A table's older versions, descriptors, learned models and indices help or can be made anew.
"""

from __future__ import annotations

import re
import shutil
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from whence.errors import GalleryError, NotAGalleryError
from whence.gallery import schema
from whence.gallery.artefacts import unpack_arrays
from whence.gallery.codec import unpack
from whence.gallery.store import Store
from whence.gallery.trouble import told
from whence.photos.names import native

_AT_ONCE = 256
_MANIFEST = re.compile(r"(\d+)\.manifest")


@dataclass(slots=True)
class Findings:
    """Of one gallery.

    Attributes:
        photos: That are whole.
        damage: What is wrong, one line each.
        lost: Paths of photos that cannot be read any more, as far as they are known.
        nameless: Photos whose paths cannot be read either.
        sources: What was indexed, as far as it is known: to be indexed again.
        forgotten: Whether newer photos than these may have been there, of which nothing is known.
    """

    photos: int = 0
    damage: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    nameless: int = 0
    sources: list[str] = field(default_factory=list)
    forgotten: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether nothing is wrong."""
        return not self.damage


@dataclass(slots=True)
class _Rows:
    """Rows of a table, by their ids: those that are whole, and those that are not."""

    good: list[int] = field(default_factory=list)
    bad: list[int] = field(default_factory=list)
    why: str = ""


def examine(folder: Path, *, mend: bool) -> Findings:
    """Reads all of a gallery; takes out what is damaged, if asked to. Call it under ``lock`` to mend.

    Descriptors and models that are lost are not made anew here.

    Raises:
        NotAGalleryError: No gallery there, or its settings are lost: what its numbers mean nobody knows.
        SchemaVersionError: Written by a newer whence.
    """
    found = Findings()
    for name in (schema.SETTINGS, schema.PHOTOS, schema.DESCRIPTORS, schema.ARTEFACTS, schema.SKIPPED):
        _step_back(folder, name, found, mend=mend)
    try:
        store = Store.open(folder)
    except NotAGalleryError as error:
        if (folder / f"{schema.SETTINGS}.lance").exists() and (folder / f"{schema.PHOTOS}.lance").exists():
            raise NotAGalleryError(
                f"the gallery {folder} has lost its settings and cannot be repaired; index into a new folder"
            ) from error
        raise
    hashes = _photos(store, found, mend=mend)
    _descriptors(store, found, hashes, mend=mend)
    _artefacts(store, found, mend=mend)
    _skipped(store, found, mend=mend)
    return found


def _step_back(folder: Path, name: str, found: Findings, *, mend: bool) -> None:
    """Takes away the newest versions of a table that say nothing any more; each tells of all that was there by then."""
    place = folder / f"{name}.lance" / "_versions"
    manifests = sorted((path for path in place.glob("*.manifest") if _MANIFEST.fullmatch(path.name)), key=_version)
    if _opens(folder, name) or not place.parent.is_dir():
        return
    found.damage.append(f"{name}: its newest version cannot be read")
    found.forgotten = found.forgotten or name == schema.PHOTOS
    while mend and len(manifests) > 1 and not _opens(folder, name):
        manifests.pop().unlink()
        (place / "latest_version_hint.json").unlink(missing_ok=True)
    if mend and name != schema.SETTINGS and not _opens(folder, name):  # nothing is left of it
        shutil.rmtree(place.parent)


def _version(path: Path) -> int:
    """Names count down from the largest number of 64 bits, so that the newest comes first; older ones count up."""
    number = int(path.stem)
    return 2**64 - 1 - number if number > 2**63 else number


def _opens(folder: Path, name: str) -> bool:
    from whence.gallery.store import load_lancedb

    try:
        load_lancedb().connect(folder).open_table(name).count_rows()
    except Exception:  # noqa: BLE001 -- as where rows are read
        return False
    return True


def _table(store: Store, name: str) -> Any:
    """A table that opens; None for others, of which is told already."""
    return store.table(name) if _opens(store.folder, name) else None


def _photos(store: Store, found: Findings, *, mend: bool) -> set[str]:
    """Looks through the photos; content hashes of those that are whole."""
    table = _table(store, schema.PHOTOS)
    if table is None:
        return set()
    names = table.schema.names
    rows = _looked_through(table, names, _whole_photo)
    found.photos = len(rows.good)
    light = [name for name in ("hash", "source") if name in names]
    facts = [row for batch in _read(table, rows.good, light) for row in batch.to_pylist()]
    if rows.bad:
        share = f"{len(rows.bad):,} of {len(rows.good) + len(rows.bad):,} photos"
        found.damage.append(f"{schema.PHOTOS}: {share} cannot be read ({rows.why})")
        named = _looked_through(table, ["path", "source"], _anything, rows.bad)
        told_of = [row for batch in _read(table, named.good, ["path", "source"]) for row in batch.to_pylist()]
        found.lost += [native(row["path"]) for row in told_of]
        found.nameless += len(named.bad)
        facts += told_of
        if mend:
            _keep(store, schema.PHOTOS, table, rows.good)
    found.sources = sorted({native(row["source"]) for row in facts if row.get("source")})
    return {row["hash"] for row in facts if "hash" in row}


def _whole_photo(row: dict[str, Any]) -> None:
    unpack(row["features"])
    known = row.get("features_crc")
    if known is not None and zlib.crc32(row["features"]) != known:
        raise GalleryError("stored features are not what was stored")
    if None in (row["lat"], row["lon"]) and None in (row["x"], row["y"]):
        raise GalleryError("a photo has no position")


def _anything(row: dict[str, Any]) -> None:
    """Whatever can be read is good."""


def _descriptors(store: Store, found: Findings, hashes: set[str], *, mend: bool) -> None:
    """A descriptor for each photo that is whole, and no other."""
    table = _table(store, schema.DESCRIPTORS)
    if table is None:
        if hashes:
            found.damage.append(f"{schema.DESCRIPTORS}: they are gone")
        return
    rows = _looked_through(table, table.schema.names, _anything)
    described = {h for batch in _read(table, rows.good, ["hash"]) for h in batch["hash"].to_pylist()}
    missing = len(hashes - described)
    if rows.bad:
        found.damage.append(f"{schema.DESCRIPTORS}: {len(rows.bad):,} cannot be read ({rows.why})")
    elif missing:
        found.damage.append(f"{schema.DESCRIPTORS}: {missing:,} are missing")
    strays = sorted(described - hashes)
    if strays:
        found.damage.append(f"{schema.PHOTOS}: {len(strays):,} that have descriptors are gone")
        found.forgotten = True
    broken = not rows.bad and _index_trouble(table)
    if broken:
        found.damage.append(f"{schema.DESCRIPTORS}: their index cannot be used ({broken})")
    if mend and (rows.bad or missing or broken):
        store.drop(schema.DESCRIPTORS)
    elif mend:
        for start in range(0, len(strays), _AT_ONCE):
            table.delete(f"hash IN ({', '.join(map(repr, strays[start : start + _AT_ONCE]))})")


def _index_trouble(table: Any) -> str:
    """Why a search by the index fails; empty if it does not, or there is none."""
    try:
        if not table.list_indices():
            return ""
        first = table.search().select(["descriptor"]).limit(1).to_arrow()
        if first.num_rows:
            table.search(first["descriptor"][0].as_py(), vector_column_name="descriptor").limit(1).to_arrow()
    except Exception as error:  # noqa: BLE001 -- as where rows are read
        return told(error, 80)
    return ""


def _artefacts(store: Store, found: Findings, *, mend: bool) -> None:
    table = _table(store, schema.ARTEFACTS)
    if table is None:
        return
    rows = _looked_through(table, table.schema.names, lambda row: unpack_arrays(row["data"]) and None)
    if rows.bad:
        found.damage.append(f"{schema.ARTEFACTS}: {len(rows.bad):,} learned models cannot be read ({rows.why})")
        if mend:
            _keep(store, schema.ARTEFACTS, table, rows.good)


def _skipped(store: Store, found: Findings, *, mend: bool) -> None:
    table = _table(store, schema.SKIPPED)
    if table is None:
        return
    rows = _looked_through(table, table.schema.names, _anything)
    if rows.bad:
        found.damage.append(f"{schema.SKIPPED}: what was passed over cannot be read ({rows.why})")
        if mend:
            store.drop(schema.SKIPPED)  # it is looked at again


def _looked_through(table: Any, names: Sequence[str], check: Any, ids: Sequence[int] | None = None) -> _Rows:
    """Which rows can be read in full and stand a check; halves and halves again where many at once cannot."""
    if ids is None:
        try:
            ids = table.search().select(["_rowid"]).with_row_id(True).to_arrow()["_rowid"].to_pylist()
        except Exception:  # noqa: BLE001 -- as below
            ids = _ids_one_by_one(table)
    rows = _Rows()
    waiting = [list(ids[start : start + _AT_ONCE]) for start in range(0, len(ids), _AT_ONCE)][::-1]
    while waiting:
        part = waiting.pop()
        try:
            for batch in _read(table, part, names):
                for number, row in zip(batch["_rowid"].to_pylist(), batch.to_pylist(), strict=True):
                    _checked(row, number, check, rows)
        except Exception as error:  # noqa: BLE001 -- damaged files make the library raise anything, panics of its own too
            rows.why = rows.why or told(error, 80)
            if len(part) == 1:
                rows.bad += part
            else:
                waiting += [part[len(part) // 2 :], part[: len(part) // 2]]
    return rows


def _checked(row: dict[str, Any], number: int, check: Any, rows: _Rows) -> None:
    try:
        check(row)
        rows.good.append(number)
    except (GalleryError, UnicodeDecodeError) as error:
        rows.why = rows.why or told(error, 80)
        rows.bad.append(number)


def _ids_one_by_one(table: Any) -> list[int]:
    """Where even the ids cannot be listed: those that a table of so many rows may have, as far as they answer."""
    return list(range(table.count_rows()))


def _read(table: Any, ids: Sequence[int], names: Sequence[str]) -> Iterator[Any]:
    """Rows by their ids, each with its id; some at a time."""
    for start in range(0, len(ids), _AT_ONCE):
        some = list(ids[start : start + _AT_ONCE])
        yield table.take_row_ids(some).select(list(names)).with_row_id().to_arrow()


def _keep(store: Store, name: str, table: Any, ids: Sequence[int]) -> None:
    """The table again, with some of its rows alone."""

    def batches() -> Iterator[pa.RecordBatch]:
        for part in _read(table, ids, table.schema.names):
            yield from part.select(table.schema.names).cast(table.schema).to_batches()

    if ids:
        store.replace(name, pa.RecordBatchReader.from_batches(table.schema, batches()))
    else:
        store.drop(name)

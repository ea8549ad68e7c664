"""Taking photos out of a gallery."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path, PurePath

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from whence.errors import GalleryError, InputError
from whence.gallery import schema
from whence.gallery.approximate import keep_codes
from whence.gallery.light import keep_light
from whence.gallery.storage import Storage
from whence.gallery.store import Store, lock
from whence.gallery.tidying import tidy
from whence.gallery.where import Where
from whence.photos.names import native, stored
from whence.types import Crs

_CHUNK = 5000
"""Rows dropped in one transaction."""


@dataclass(frozen=True, slots=True)
class Removal:
    """What was removed, or would be.

    Attributes:
        paths: Of the photos, as the gallery names them, sorted.
        total: Photos in the gallery now.
        unmatched: Paths, then groups, then hashes, as given, that no photo of the gallery has.
    """

    paths: tuple[str, ...]
    total: int
    unmatched: tuple[str, ...] = ()


def remove(
    gallery: str | os.PathLike[str] | Storage,
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]] = (),
    *,
    groups: str | Iterable[str] = (),
    hashes: Iterable[str] = (),
    where: Where | None = None,
    dry_run: bool = False,
    purge: bool = False,
) -> Removal:
    """Removes the photos that are named by any of the paths, are of any of the groups, have any of the hashes, and are
    where asked.

    Conditions of different kinds all have to be met; a kind that is not given is. Readers that are open keep what they
    see. A photo comes back if its source is indexed again.

    What was removed stays in older versions of the gallery's files until a later removal, a day on or more; in
    galleries of more than 10,000 photos until files are merged. ``purge`` writes the tables anew and drops the older
    versions at once, for this removal and all before it; readers that are open then fail.
    What the gallery learned from all its photos together stays.

    Args:
        gallery: Folder of the gallery, or its address in object storage.
        paths: As stored, or files, or folders of either kind; one or several.
        groups: Names of groups; one or several.
        hashes: Of the photos' files, as the gallery has them.
        where: Conditions on place and time.
        dry_run: Only say which photos would go.
        purge: Leave no bytes of removed photos behind. Without a condition, only that is done.

    Raises:
        InputError: No condition, or one that cannot be met by any photo of this kind of gallery.
        GalleryError: No gallery, or another process is writing to it.
    """
    named = [os.fspath(path) for path in ([paths] if isinstance(paths, str | os.PathLike) else paths)]
    groups, hashes = [groups] if isinstance(groups, str) else list(groups), list(hashes)
    asked = _Asked(named, groups, hashes, where or Where())
    conditions = bool(named or groups or hashes or asked.where)
    if not conditions and not purge:
        raise InputError("nothing says which photos to remove; name paths, groups, a place or a time")
    folder = Storage.of(gallery)
    store = Store.open(folder)
    if dry_run:
        with folder.told():
            found, total, unmatched = _chosen(store, asked) if conditions else ([], _count(store), ())
        return _removal(found, total, unmatched)
    with lock(folder, create=False):
        store = Store.open(folder)
        found, total, unmatched = _chosen(store, asked) if conditions else ([], _count(store), ())
        _drop(store, found)
        if purge:
            _purge(store)
            if (cache := folder.cache()) is not None:
                cache.forget()
        elif found:
            _tidy(store)
        if purge or found:
            keep_light(store)
    return _removal(found, total - len(found), unmatched)


def _removal(found: list[str], total: int, unmatched: tuple[str, ...]) -> Removal:
    return Removal(tuple(sorted(map(native, found))), total, unmatched)


@dataclass(frozen=True, slots=True)
class _Asked:
    """Conditions, by their kinds."""

    named: Sequence[str]
    groups: Sequence[str]
    hashes: Sequence[str]
    where: Where


def _chosen(store: Store, asked: _Asked) -> tuple[list[str], int, tuple[str, ...]]:
    """Paths of the photos that meet all conditions, how many photos there are, and what is said of none of them."""
    table = store.table(schema.PHOTOS)
    if table is None:
        store.check_photos()
        return [], 0, (*asked.named, *asked.groups, *asked.hashes)
    columns = ["path", "group", "hash", "time", *_axes(store.settings.crs)]
    rows = table.search().select(columns).to_arrow()
    paths: list[str] = rows["path"].to_pylist()
    coordinates = np.column_stack([rows[name].to_numpy() for name in _axes(store.settings.crs)])
    met = asked.where.mask(store.settings.crs, coordinates, rows["time"].to_numpy())
    unmatched: list[str] = []
    if asked.named:
        matched, unmatched = _named(paths, asked.named, Path(store.settings.root))
        met &= matched
    if asked.groups:
        wanted = list(map(stored, asked.groups))
        matched, there = _among(rows["group"], wanted)
        unmatched += [group for group, name in zip(asked.groups, wanted, strict=True) if name not in there]
        met &= matched
    if asked.hashes:
        matched, there = _among(rows["hash"], asked.hashes)
        unmatched += [digest for digest in asked.hashes if digest not in there]
        met &= matched
    return [paths[row] for row in np.flatnonzero(met)], len(paths), tuple(unmatched)


def _among(column: pa.ChunkedArray, wanted: Sequence[str]) -> tuple[NDArray[np.bool_], set[str]]:
    """``(N,)``: which values are among those wanted; and which of these there are."""
    mask = pc.is_in(column, value_set=pa.array(wanted, column.type))
    return mask.to_numpy(), set(column.filter(mask).to_pylist())


def _named(paths: list[str], named: Sequence[str], root: Path) -> tuple[NDArray[np.bool_], list[str]]:
    """Which stored paths are one of those named, or lie in a folder that is; and the names that none is or lies in."""
    forms = {name: _stored_forms(name, root) for name in named}
    wanted, met = set[str]().union(*forms.values()), set[str]()
    found = []
    for path in paths:
        hits = wanted.intersection(_above(path))
        met |= hits
        found.append(bool(hits))
    return np.array(found, np.bool_), [name for name in named if met.isdisjoint(forms[name])]


def _above(path: str) -> Iterator[str]:
    """A stored path, and the folders that it lies in."""
    if os.name == "nt":  # drives and shares
        yield from (path, *(parent.as_posix() for parent in PurePath(path).parents))
        return
    yield path
    cut = path.rfind("/")
    while cut > 0:
        path = path[:cut]
        yield path
        cut = path.rfind("/")
    yield "/" if cut == 0 else "."


def _stored_forms(name: str, root: Path) -> set[str]:
    """How a path may be stored: as it is written, or as the file that it names, relative to the root or absolute."""
    if not name.strip():
        raise InputError("an empty path names no photo")
    forms = {PurePath(os.path.normpath(name)).as_posix()} - {"."}  # where we are, which may not be the root
    roots = {root, Path(os.path.realpath(root))}
    absolute = Path(os.path.normpath(Path(name).absolute()))
    for place in (absolute, Path(os.path.realpath(absolute.parent)) / absolute.name):
        forms.add(place.as_posix())
        forms |= {place.relative_to(top).as_posix() for top in roots if place.is_relative_to(top)}
        forms |= {"." for top in roots if top.is_relative_to(place)}  # all that is stored relative lies below
    return set(map(stored, forms))


def _axes(crs: Crs) -> tuple[str, str]:
    return ("lat", "lon") if crs is Crs.WGS84 else ("x", "y")


def _count(store: Store) -> int:
    table = store.table(schema.PHOTOS)
    return 0 if table is None else int(table.count_rows())


def _drop(store: Store, paths: list[str]) -> None:
    """The photos first: killed in between, descriptors without a photo are left, which nobody sees.

    Those of earlier such accidents go as well.
    """
    photos, described = store.table(schema.PHOTOS), store.table(schema.DESCRIPTORS)
    if photos is None:
        return
    for part in _parts(paths):
        photos.delete(f"path IN ({part})")
    if described is None:
        return
    kept, hashes = (table.search().select(["hash"]).to_arrow()["hash"] for table in (photos, described))
    for part in _parts(hashes.filter(pc.invert(pc.is_in(hashes, value_set=kept))).to_pylist()):
        described.delete(f"hash IN ({part})")


def _parts(values: list[str]) -> Iterable[str]:
    for start in range(0, len(values), _CHUNK):
        yield ", ".join("'" + value.replace("'", "''") + "'" for value in values[start : start + _CHUNK])


def _tidy(store: Store) -> None:
    for name in (schema.PHOTOS, schema.DESCRIPTORS):
        table = store.table(name)
        if table is not None:
            tidy(table, removed=True)


def _purge(store: Store) -> None:
    """Writes anew what may hold removed rows, then drops all older versions.

    Merging files would not do: a file of which few rows were dropped is left as it is. Names that were passed over are
    forgotten, and looked at again by the next run.
    """
    if schema.SKIPPED in store.names():
        store.replace(schema.SKIPPED, schema.SKIPPED_SCHEMA.empty_table())
    for name in (schema.PHOTOS, schema.DESCRIPTORS):
        table = store.table(name)
        if table is None:
            continue
        stream = (batch for batch in table.search().to_batches(batch_size=256))
        store.replace(name, pa.RecordBatchReader.from_batches(table.schema, stream))
    keep_codes(store)
    for name in (schema.SKIPPED, schema.PHOTOS, schema.DESCRIPTORS, schema.CODES):
        table = store.table(name)
        if table is None:
            continue
        try:
            with warnings.catch_warnings(action="ignore", category=UserWarning):  # that readers will fail, as we say
                table.optimize(cleanup_older_than=timedelta(0), delete_unverified=True)
        except (OSError, RuntimeError) as error:
            raise GalleryError(
                f"the photos are removed, but older versions in {store.folder} could not be dropped ({error}); "
                "close what reads the gallery and run it again with --purge"
            ) from error

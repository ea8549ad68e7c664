"""What a gallery knows of its photos but pixels, features and descriptors: columns, photos in the order of their paths.

Photos come out of the columns one by one, as they are asked for: a million of them as objects would take gigabytes. At
the end of a run the columns of a large gallery are put in order and written to a file, which readers map into memory:
sorting and joining them takes seconds. The file is derived; without it, or beside newer tables, the columns are read
from the tables.
"""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cached_property
from operator import index
from pathlib import Path
from typing import Any, overload

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from whence.errors import GalleryError
from whence.gallery import schema
from whence.gallery.artefacts import unpack_arrays
from whence.gallery.photo import GalleryPhoto
from whence.gallery.schema import Settings
from whence.gallery.store import Store
from whence.gallery.where import Times
from whence.photos.cameras import from_fov
from whence.photos.names import native
from whence.types import XY, Crs, DoubleArray, Intrinsics, LatLon

BURSTS = "bursts1"
"""Under which it is kept which photos are as good as one."""
KEPT_FROM = 20_000
"""Photos from which on the columns are kept in a file."""
_COLUMNS = ["path", "hash", "lat", "lon", "x", "y", "group", "heading_deg", "position_source", "time", "intrinsics"]
_COLUMNS += ["width", "height", "label"]
_PLAIN = ("path", "position_source", "hash", "group", "heading_deg", "label", "width", "height", "intrinsics", "_burst")
_FILE = "light-{}-{}-{}.arrow"
_AT_ONCE = 8192


class Light(Sequence[GalleryPhoto]):
    """The photos that have a descriptor, by path, so that answers do not depend on the order of indexing.

    Attributes:
        rows: The columns.
        row_ids: ``(N,)`` in the table of photos.
        vector_ids: ``(N,)`` in the table of descriptors.
        code_ids: ``(N,)`` in the table of codes; -1 without one.
        coordinates: ``(N, 2)``: latitude and longitude in degrees, or x and y in metres.
    """

    def __init__(self, rows: pa.Table, settings: Settings) -> None:
        self.rows = rows
        self._settings = settings
        self.row_ids: NDArray[np.int64] = rows["_rowid"].to_numpy().astype(np.int64, copy=False)
        self.vector_ids: NDArray[np.int64] = rows["_vector"].to_numpy().astype(np.int64, copy=False)
        self.code_ids: NDArray[np.int64] = rows["_code"].to_numpy()
        names = ("lat", "lon") if settings.crs is Crs.WGS84 else ("x", "y")
        if any(rows[name].null_count for name in names):
            raise GalleryError("a photo in the gallery has no position; run `whence index` on a new gallery")
        self.coordinates: DoubleArray = np.column_stack([rows[name].to_numpy() for name in names])
        self._kind: Any = LatLon if settings.crs is Crs.WGS84 else XY

    @classmethod
    def read(cls, store: Store, photos: Any, described: Any, codes: Any, artefacts: Any) -> Light:
        """Of pinned versions of the tables: from the file, if it is of these, else from the tables."""
        if photos is None or described is None:
            return cls(_nothing(), store.settings)
        near = store.folder.near()
        rows = None if near is None else _mapped(near / _name(photos, described, codes))
        return cls(_gathered(photos, described, codes, artefacts) if rows is None else rows, store.settings)

    def __len__(self) -> int:
        return len(self.row_ids)

    @overload
    def __getitem__(self, at: int) -> GalleryPhoto: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[GalleryPhoto, ...]: ...
    def __getitem__(self, at: int | slice) -> GalleryPhoto | tuple[GalleryPhoto, ...]:
        if isinstance(at, slice):
            return tuple(self[row] for row in range(*at.indices(len(self))))
        row = index(at)
        if not -len(self) <= row < len(self):
            raise IndexError(f"photo {row} of {len(self)}")
        row %= len(self)
        return next(self._photos(row, 1))

    def __iter__(self) -> Iterator[GalleryPhoto]:
        for start in range(0, len(self), _AT_ONCE):
            yield from self._photos(start, _AT_ONCE)

    def column(self, name: str) -> pa.ChunkedArray:
        """One column: ``path``, ``hash``, ``group``, ``label``, ``position_source``, ``width`` or ``height``."""
        return self.rows[name]

    @cached_property
    def times(self) -> Times:
        """``(N,)`` as stored; not a time where none is known."""
        return np.asarray(self.rows["time"].to_numpy())

    def row_of(self, content_hash: str) -> int | None:
        """Row of the photo with a content hash; None if there is none."""
        hashes = self.rows["hash"]
        place = bisect_left(range(len(self)), content_hash, key=lambda at: hashes[int(self._by_hash[at])].as_py())
        row = int(self._by_hash[place]) if place < len(self) else None
        return row if row is not None and hashes[row].as_py() == content_hash else None

    def rank(self) -> NDArray[np.intp]:
        """``(N,)``: place of each photo in the order of content hashes, which is as good as random."""
        found = np.empty(len(self), np.intp)
        found[self._by_hash] = np.arange(len(self))
        return found

    def places(self) -> NDArray[np.intp]:
        """``(N,)``: equal for photos of one group, else of one burst (``GalleryPhoto.place``), and for no others."""
        rows = np.arange(len(self))
        group = self.rows["group"].combine_chunks().dictionary_encode().indices
        burst = self.rows["_burst"].fill_null(-1).to_numpy()
        alone = np.where(burst >= 0, burst, rows)
        grouped = pc.fill_null(group, -1).to_numpy()
        return np.where(grouped >= 0, len(self) + grouped, alone)

    @cached_property
    def _by_hash(self) -> NDArray[np.int32]:
        """``(N,)`` rows in the order of their hashes."""
        if "_by_hash" in self.rows.column_names:
            return np.asarray(self.rows["_by_hash"].to_numpy())
        return _order_of(self.rows["hash"])

    def _photos(self, start: int, count: int) -> Iterator[GalleryPhoto]:
        part = self.rows.slice(start, count)
        columns = [part[name].to_pylist() for name in _PLAIN]
        fov_deg = self._settings.fov_deg
        for (first, second), *rest in zip(self.coordinates[start : start + count].tolist(), *columns, strict=True):
            path, source, digest, group, heading, label, width, height, known, burst = rest
            camera = Intrinsics(*known) if known else None
            if camera is None and fov_deg is not None and width and height:
                camera = from_fov(fov_deg, width, height)
            yield GalleryPhoto(
                path=native(path),
                position=self._kind(first, second),
                position_source=source,
                content_hash=digest,
                group=group and native(group),
                heading_deg=heading,
                label=label,
                burst=None if group or burst is None else f"burst of {native(self.rows['path'][burst].as_py())}",
                size=(width or 0, height or 0),
                camera=camera,
            )


def keep_light(store: Store) -> None:
    """Writes the columns of a large gallery to its file, if that is not there yet, and takes older ones away.

    Call it under the lock, when the tables are as they will stay.
    """
    names = (schema.PHOTOS, schema.DESCRIPTORS, schema.CODES, schema.ARTEFACTS)
    photos, described, codes, artefacts = (store.table(name) for name in names)
    near = store.folder.near()
    if near is None or photos is None or described is None or photos.count_rows() < KEPT_FROM:
        forget_light(near)
        return
    name = _name(photos, described, codes)
    forget_light(near, but=name)
    if (near / name).exists():
        return
    rows = _gathered(photos, described, codes, artefacts)
    order = pa.array(_order_of(rows["hash"]))
    unfinished = near / f"{name}.part"
    try:
        with pa.OSFile(os.fspath(unfinished), "wb") as stream, pa.ipc.new_file(stream, _layout(rows)) as out:
            out.write_table(rows.append_column("_by_hash", order))
        unfinished.replace(near / name)
    except OSError:  # it only makes opening faster
        with suppress(OSError):
            unfinished.unlink()


def forget_light(folder: Path | None, *, but: str = "") -> None:
    """Takes the files away: what they tell is no longer so, or must not be left behind."""
    for found in () if folder is None else folder.glob(_FILE.format("*", "*", "*") + "*"):
        if found.name != but:
            with suppress(OSError):  # Windows lets nobody take away what a reader has mapped; the next run will
                found.unlink()


def _name(photos: Any, described: Any, codes: Any) -> str:
    return _FILE.format(photos.version, described.version, 0 if codes is None else codes.version)


def _layout(rows: pa.Table) -> pa.Schema:
    return rows.schema.append(pa.field("_by_hash", pa.int32()))


def _mapped(path: Path) -> pa.Table | None:
    """The columns of a file, of which nothing is read before it is looked at; None where there is none to be read."""
    try:
        rows = pa.ipc.open_file(pa.memory_map(os.fspath(path))).read_all()
    except (OSError, pa.ArrowInvalid):
        return None
    return rows if {*_COLUMNS, "_rowid", "_vector", "_code", "_burst", "_by_hash"} <= {*rows.column_names} else None


def _gathered(photos: Any, described: Any, codes: Any, artefacts: Any) -> pa.Table:
    """From the tables. ``_rowid``, ``_vector`` and ``_code`` are rows there, ``_burst`` is one here."""
    known = described.search().select(["hash"]).with_row_id(True).to_arrow()
    there = [name for name in _COLUMNS if name in photos.schema.names]
    rows = photos.search().select(there).with_row_id(True).to_arrow()
    for name in _COLUMNS:
        if name not in there:  # an older whence wrote it
            rows = rows.append_column(name, pa.nulls(rows.num_rows, schema.PHOTOS_SCHEMA.field(name).type))
    place = pc.index_in(rows["hash"], value_set=known["hash"])
    rows = rows.append_column("_vector", pc.take(known["_rowid"], place)).filter(pc.is_valid(place))
    rows = rows.take(pc.sort_indices(rows, sort_keys=[("path", "ascending")])).combine_chunks()
    rows = rows.append_column("_code", _codes(codes, rows["hash"]))
    return rows.append_column("_burst", _bursts(artefacts, rows["hash"]))


def _codes(codes: Any, hashes: pa.ChunkedArray) -> pa.ChunkedArray | pa.Array:
    """``(N,)`` row of each photo's code; -1 without one."""
    if codes is None:
        return pa.array(np.full(len(hashes), -1))
    known = codes.search().select(["hash"]).with_row_id(True).to_arrow()
    place = pc.index_in(hashes, value_set=known["hash"])
    return pc.fill_null(pc.cast(pc.take(known["_rowid"], place), pa.int64()), -1)


def _bursts(artefacts: Any, hashes: pa.ChunkedArray) -> pa.Array:
    """``(N,)`` for each photo of a burst the row of its first that is there; nothing for the others."""
    none = pa.nulls(len(hashes), pa.int32())
    if artefacts is None:
        return none
    kept = artefacts.search().where(f"fingerprint = '{BURSTS}'").limit(1).to_arrow()
    if not kept.num_rows:
        return none
    arrays = unpack_arrays(kept["data"][0].as_py())
    photo = pc.index_in(hashes, value_set=pa.array(arrays["photo"].tolist(), pa.string()))
    rows = np.flatnonzero(pc.is_valid(photo).to_numpy(zero_copy_only=False))
    _, burst = np.unique(arrays["first"], return_inverse=True)
    mine = burst[photo.drop_null().to_numpy()]
    first = np.full(len(hashes), len(hashes), np.int32)
    np.minimum.at(first, mine, rows.astype(np.int32))
    found = np.zeros(len(hashes), np.int32)
    found[rows] = first[mine]
    return pa.array(found, mask=np.isin(np.arange(len(hashes)), rows, invert=True))


def _order_of(hashes: pa.ChunkedArray) -> NDArray[np.int32]:
    return np.asarray(pc.sort_indices(hashes).to_numpy().astype(np.int32))


def _nothing() -> pa.Table:
    columns = [*(schema.PHOTOS_SCHEMA.field(name) for name in _COLUMNS)]
    own = [pa.field(name, pa.int64()) for name in ("_rowid", "_vector", "_code")] + [pa.field("_burst", pa.int32())]
    return pa.schema([*columns, *own]).empty_table()

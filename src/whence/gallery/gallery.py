"""A gallery as readers see it: one version, fixed while it is open."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from whence.errors import GalleryError, InputError
from whence.gallery import schema, search
from whence.gallery.approximate import ApproximateSearch, index_name, vectors_of
from whence.gallery.artefacts import unpack_arrays
from whence.gallery.codec import unpack
from whence.gallery.schema import Settings
from whence.gallery.search import ExactSearch, Search
from whence.gallery.store import Store, photos_lost
from whence.gallery.trouble import damage_told
from whence.gallery.where import Times, Where
from whence.photos.cameras import from_fov, scaled
from whence.photos.names import native
from whence.types import XY, Crs, DoubleArray, FloatArray, Intrinsics, LatLon, LocalFeatures, Position

_LIGHT = ["path", "hash", "lat", "lon", "x", "y", "group", "heading_deg", "position_source", "time", "intrinsics"]
_LIGHT += ["width", "height", "label"]
BURSTS = "bursts1"
"""Under which it is kept which photos are as good as one."""
_AT_ONCE = 512
"""Photos whose features are in memory at once while many are gone through."""
_CACHED = 2048
"""Photos whose features stay in memory between queries: about 150 MB."""


@dataclass(frozen=True, slots=True)
class GalleryPhoto:
    """One photo of a gallery, without its pixels and features.

    Attributes:
        path: Relative to the gallery's root, or absolute where it lies elsewhere.
        position: Where it was taken.
        position_source: What said so: ``csv`` or ``exif``.
        content_hash: Of the file.
        group: Of photos taken at one place.
        heading_deg: Direction of view.
        size: Width and height of the full-size upright photo in pixels; zeros where unknown.
        camera: In the full-size photo's pixels, if it is known.
        label: Class that its data set puts it in.
        burst: Shared by photos without a group that are copies of each other, or were taken in one burst with one pin.
    """

    path: str
    position: Position
    position_source: str
    content_hash: str
    group: str | None
    heading_deg: float | None
    size: tuple[int, int] = (0, 0)
    camera: Intrinsics | None = None
    label: str | None = None
    burst: str | None = None

    @property
    def place(self) -> str | None:
        """Its group, else its burst: photos of one place are no evidence for each other."""
        return self.group or self.burst

    def camera_at(self, width: int, height: int) -> Intrinsics | None:
        """The camera in the pixels of this photo resized to ``width`` x ``height``, if it is known."""
        known = self.camera is not None and min(*self.size, width, height) > 0
        return scaled(self.camera, self.size, (width, height)) if self.camera is not None and known else None


class Gallery:
    """Photos whose positions are known, with what is needed to find them again.

    Opening pins one version: a writer at work in another process changes nothing here. Safe to read from many threads.

    Example:
        >>> gallery = Gallery.open("my-gallery")  # doctest: +SKIP
        >>> len(gallery), gallery.settings.crs  # doctest: +SKIP
        (1770, <Crs.LOCAL: 'local'>)
    """

    def __init__(self, store: Store, root: Path | None = None) -> None:
        self.folder = store.folder
        self.settings: Settings = store.settings
        self.root = root or Path(store.settings.root)
        self._store = store
        described = store.table(schema.DESCRIPTORS)  # before the photos: every descriptor then has its photo
        photos = store.table(schema.PHOTOS)
        if photos is None or described is None:
            photos = described = None
        else:
            described.checkout(described.version)
            photos.checkout(photos.version)
        self._photos_table, self._described = photos, described
        found = _light(photos, described)
        self.model = _model(described)
        self._row_ids: list[int] = found["_rowid"].to_pylist()
        self._vector_ids: NDArray[np.int64] = found["_vector"].to_numpy().astype(np.int64)
        self.coordinates: DoubleArray = _coordinates(found, store.settings.crs)
        self.times: Times = found["time"].to_numpy()
        bursts = _bursts(store, found)
        self.photos: tuple[GalleryPhoto, ...] = tuple(_photos(found, self.coordinates, store.settings, bursts))
        self._cache: OrderedDict[int, LocalFeatures] = OrderedDict()
        self._caching = Lock()

    @classmethod
    def open(cls, folder: str | os.PathLike[str], *, root: str | os.PathLike[str] | None = None) -> Gallery:
        """Opens a gallery for reading.

        Args:
            folder: Of the gallery.
            root: Where the photos' root is now, if it was moved; nothing is written.

        Raises:
            NotAGalleryError: Nothing there, or something else.
            SchemaVersionError: Written by a newer whence.
            GalleryError: Its files are damaged.
            InputError: ``root`` is no folder.
        """
        if root is not None and not Path(root).is_dir():
            raise InputError(f"root {root} is not a folder; expected the one that the gallery's paths are relative to")
        with damage_told(Path(folder)):
            store = Store.open(Path(folder))
            described = store.table(schema.DESCRIPTORS)
            if described is not None and described.count_rows() and store.table(schema.PHOTOS) is None:
                raise GalleryError(photos_lost(store.folder))
            return cls(store, None if root is None else Path(root))

    def __len__(self) -> int:
        return len(self.photos)

    @property
    def dimension(self) -> int:
        """D of the descriptors; 0 without any."""
        return (
            self._described.schema.field("descriptor").type.list_size
            if self._described is not None and len(self)
            else 0
        )

    @cached_property
    def descriptors(self) -> FloatArray:
        """``(N, D)``: all of them, read into memory when first asked for."""
        if self._described is None or not len(self):
            return np.zeros((0, 1), np.float32)
        with self._lost_told():
            found = self._described.search().select(["descriptor"]).with_row_id(True).to_arrow()
        places = np.argsort(ids := found["_rowid"].to_numpy().astype(np.int64))
        return vectors_of(found["descriptor"])[places[np.searchsorted(ids[places], self._vector_ids)]]

    @cached_property
    def search(self) -> Search:
        """Exact, up to so many photos that an index pays; beyond by the index, if there is one."""
        name = index_name(self._described) if self._described is not None and len(self) > search.EXACT_UP_TO else None
        if self._described is None or name is None:
            return ExactSearch(self.descriptors)
        return ApproximateSearch(self._described, name, self._vector_ids)

    def allowed(self, where: Where) -> NDArray[np.bool_]:
        """``(N,)``: which photos meet some conditions."""
        return where.mask(self.settings.crs, self.coordinates, self.times)

    @cached_property
    def by_hash(self) -> dict[str, int]:
        """Row of the photo with a content hash."""
        return {photo.content_hash: row for row, photo in enumerate(self.photos)}

    def trials(self, key: str) -> tuple[dict[str, NDArray[Any]], int] | None:
        """What came of asking the gallery its own photos in one way, and how many it had then; None if nobody did."""
        table = self._store.table(schema.ARTEFACTS)
        if table is None:
            return None
        with self._lost_told():
            for name in (trials_name(self.model, key), f"trials3-{key}-{self.model}"):  # which told nothing of plans
                found = table.search().where(f"fingerprint = '{name}'").limit(1).to_arrow()
                if found.num_rows:
                    break
        if not found.num_rows:
            return None
        return unpack_arrays(found["data"][0].as_py()), int(found["learned_from"][0].as_py())

    def artefact(self) -> dict[str, NDArray[Any]] | None:
        """What the descriptors' model learned; None if it learned nothing from this gallery."""
        table = self._store.table(schema.ARTEFACTS)
        if table is None or not self.model:
            return None
        with self._lost_told():
            found = table.search().where(f"fingerprint = '{self.model}'").limit(1).to_arrow()
        return unpack_arrays(found["data"][0].as_py()) if found.num_rows else None

    def features(self, rows: Sequence[int]) -> list[LocalFeatures]:
        """Local features of some photos, in the order asked for."""
        with self._caching:
            found = {row: self._cache[row] for row in rows if row in self._cache}
        fresh = {
            row: unpack(data)
            for row, data in self._read([r for r in dict.fromkeys(rows) if r not in found], "features")
        }
        with self._caching:
            self._cache.update(fresh)
            while len(self._cache) > _CACHED:
                self._cache.popitem(last=False)
        found |= fresh
        return [found[row] for row in rows]

    def features_in_turn(self, rows: Sequence[int]) -> Iterator[list[LocalFeatures]]:
        """Features of many photos, some at a time: all at once may be more than memory holds."""
        for start in range(0, len(rows), _AT_ONCE):
            yield self.features(rows[start : start + _AT_ONCE])

    def thumbnails(self, rows: Sequence[int]) -> list[bytes]:
        """Small JPEG files, empty where there is none, in the order asked for."""
        found = dict(self._read(list(dict.fromkeys(rows)), "thumbnail"))
        return [found[row] or b"" for row in rows]

    def glances(self) -> list[bytes]:
        """Grey levels of all photos at 32 x 32 pixels; empty for those that an older whence indexed."""
        if self._photos_table is None or "glance" not in self._photos_table.schema.names:
            return [b""] * len(self)
        with self._lost_told():
            found = self._photos_table.search().select(["glance"]).with_row_id(True).to_arrow()
        kept = dict(zip(found["_rowid"].to_pylist(), found["glance"].to_pylist(), strict=True))
        return [kept.get(row) or b"" for row in self._row_ids]

    def file(self, row: int) -> Path:
        """Where the photo's file was when it was indexed, or is now that its root was moved."""
        return self.root / self.photos[row].path

    @property
    def _lost(self) -> str:
        return f"the gallery {self.folder} lost rows while it was open; open it again"

    @contextmanager
    def _lost_told(self) -> Iterator[None]:
        """What a gallery that was purged meanwhile makes of reading it."""
        try:
            yield
        except (RuntimeError, OSError, ValueError) as error:
            if "not found" not in str(error).lower():
                raise
            raise GalleryError(self._lost) from error

    def _read(self, rows: list[int], column: str) -> Iterator[tuple[int, Any]]:
        """One column of some rows, in any order."""
        if not rows or self._photos_table is None:
            return
        row_of = {self._row_ids[row]: row for row in rows}
        query = self._photos_table.take_row_ids(list(row_of)).select([column]).with_row_id()
        with self._lost_told():
            found = query.to_arrow()
        if found.num_rows != len(rows):
            raise GalleryError(self._lost)
        yield from zip((row_of[i] for i in found["_rowid"].to_pylist()), found[column].to_pylist(), strict=True)


def trials_name(model: str, key: str) -> str:
    """Under which trials are kept: they are of one model, and of one way to ask."""
    return f"trials4-{key}-{model}"


def photo_position(lat: float | None, lon: float | None, x: float | None, y: float | None) -> Position:
    """A position from its columns."""
    if lat is not None and lon is not None:
        return LatLon(lat, lon)
    if x is not None and y is not None:
        return XY(x, y)
    raise GalleryError("a photo in the gallery has no position; run `whence index` on a new gallery")


def position_columns(position: Position) -> dict[str, float | None]:
    """Inverse of ``photo_position``."""
    if isinstance(position, LatLon):
        return {"lat": position.lat, "lon": position.lon, "x": None, "y": None}
    return {"lat": None, "lon": None, "x": position.x, "y": position.y}


def crs_of(position: Position) -> Crs:
    """The kind of coordinates of a position."""
    return Crs.WGS84 if isinstance(position, LatLon) else Crs.LOCAL


def intrinsics_column(camera: Intrinsics | None) -> list[float] | None:
    """fx, fy, cx, cy."""
    return None if camera is None else [camera.fx, camera.fy, camera.cx, camera.cy]


def _light(photos: Any, described: Any) -> pa.Table:
    """Photos that have a descriptor, by path, so that answers do not depend on the order of indexing.

    ``_rowid`` is their row in the table of photos, ``_vector`` that in the table of descriptors.
    """
    if photos is None:
        none = pa.schema([*(schema.PHOTOS_SCHEMA.field(name) for name in _LIGHT)])
        return none.append(pa.field("_rowid", pa.uint64())).append(pa.field("_vector", pa.uint64())).empty_table()
    known = described.search().select(["hash"]).with_row_id(True).to_arrow()
    there = [name for name in _LIGHT if name in photos.schema.names]
    rows = photos.search().select(there).with_row_id(True).to_arrow()
    for name in _LIGHT:
        if name not in there:  # an older whence wrote it, and nobody has written to it since
            rows = rows.append_column(name, pa.nulls(len(rows), schema.PHOTOS_SCHEMA.field(name).type))
    place = pc.index_in(rows["hash"], value_set=known["hash"])
    rows = rows.append_column("_vector", pc.take(known["_rowid"], place)).filter(pc.is_valid(place))
    return rows.take(pc.sort_indices(rows, sort_keys=[("path", "ascending")]))


def _model(described: Any) -> str:
    """The fingerprint that all descriptors name; empty without any."""
    found = [] if described is None else described.search().select(["model"]).limit(1).to_arrow()["model"].to_pylist()
    return found[0] if found else ""


def _coordinates(rows: pa.Table, crs: Crs) -> DoubleArray:
    """``(N, 2)``: latitude and longitude in degrees, or x and y in metres."""
    names = ("lat", "lon") if crs is Crs.WGS84 else ("x", "y")
    if any(rows[name].null_count for name in names):
        raise GalleryError("a photo in the gallery has no position; run `whence index` on a new gallery")
    return np.column_stack([rows[name].to_numpy() for name in names])


def _bursts(store: Store, rows: pa.Table) -> dict[str, str]:
    """Names of bursts by content hash: after the first photo of each."""
    table = store.table(schema.ARTEFACTS)
    if table is None:
        return {}
    kept = table.search().where(f"fingerprint = '{BURSTS}'").limit(1).to_arrow()
    if not kept.num_rows:
        return {}
    arrays = unpack_arrays(kept["data"][0].as_py())
    named = rows.filter(pc.is_in(rows["hash"], pa.array(arrays["first"].tolist(), pa.string())))
    paths = dict(zip(named["hash"].to_pylist(), named["path"].to_pylist(), strict=True))
    pairs = zip(arrays["photo"].tolist(), arrays["first"].tolist(), strict=True)
    return {photo: f"burst of {native(paths.get(first, first))}" for photo, first in pairs}


def _photos(
    rows: pa.Table, coordinates: DoubleArray, settings: Settings, bursts: dict[str, str]
) -> Iterator[GalleryPhoto]:
    kind = LatLon if settings.crs is Crs.WGS84 else XY
    names = ("path", "position_source", "hash", "group", "heading_deg", "label", "width", "height", "intrinsics")
    columns = [rows[name].to_pylist() for name in names]
    for (first, second), *rest in zip(coordinates.tolist(), *columns, strict=True):
        path, source, digest, group, heading, label, width, height, known = rest
        camera = Intrinsics(*known) if known else None
        if camera is None and settings.fov_deg is not None and width and height:
            camera = from_fov(settings.fov_deg, width, height)
        yield GalleryPhoto(
            path=native(path),
            position=kind(first, second),
            position_source=source,
            content_hash=digest,
            group=group and native(group),
            heading_deg=heading,
            label=label,
            burst=None if group else bursts.get(digest),
            size=(width or 0, height or 0),
            camera=camera,
        )

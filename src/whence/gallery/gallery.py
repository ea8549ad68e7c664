"""A gallery as readers see it: one version, fixed while it is open."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from whence.errors import GalleryError
from whence.gallery import schema
from whence.gallery.artefacts import unpack_arrays
from whence.gallery.codec import unpack
from whence.gallery.schema import Settings
from whence.gallery.search import ExactSearch
from whence.gallery.store import Store
from whence.geo.plane import coordinates
from whence.photos.names import native
from whence.types import XY, Crs, DoubleArray, FloatArray, Intrinsics, LatLon, LocalFeatures, Position

_LIGHT = ["path", "hash", "lat", "lon", "x", "y", "group", "heading_deg", "position_source", "source", "time"]
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
    """

    path: str
    position: Position
    position_source: str
    content_hash: str
    group: str | None
    heading_deg: float | None


class Gallery:
    """Photos whose positions are known, with what is needed to find them again.

    Opening pins one version: a writer at work in another process changes nothing here. Safe to read from many threads.

    Example:
        >>> gallery = Gallery.open("my-gallery")  # doctest: +SKIP
        >>> len(gallery), gallery.settings.crs  # doctest: +SKIP
        (1770, <Crs.LOCAL: 'local'>)
    """

    def __init__(self, store: Store) -> None:
        self.folder = store.folder
        self.settings: Settings = store.settings
        self._store = store
        described = store.table(schema.DESCRIPTORS)  # before the photos: every descriptor then has its photo
        photos = store.table(schema.PHOTOS)
        self._photos_table = photos
        rows: dict[str, list[Any]] = {name: [] for name in [*_LIGHT, "_rowid"]}
        self.model = ""
        vectors = np.zeros((0, 1), np.float32)
        if photos is not None and described is not None:
            described.checkout(described.version)
            photos.checkout(photos.version)
            known, self.model, vectors = _descriptors(described.to_arrow())
            rows = photos.search().select(_LIGHT).with_row_id(True).to_arrow().to_pydict()
            kept = [i for i, digest in enumerate(rows["hash"]) if digest in known]
            kept.sort(key=lambda i: rows["path"][i])  # so that answers do not depend on the order of indexing
            rows = {name: [column[i] for i in kept] for name, column in rows.items()}
            vectors = vectors[[known[digest] for digest in rows["hash"]]]
        self._row_ids: list[int] = rows.pop("_rowid")
        self.photos: tuple[GalleryPhoto, ...] = tuple(_photos(rows))
        self.descriptors: FloatArray = vectors
        self.search = ExactSearch(vectors)
        self._cache: OrderedDict[int, LocalFeatures] = OrderedDict()
        self._caching = Lock()

    @classmethod
    def open(cls, folder: str | os.PathLike[str]) -> Gallery:
        """Opens a gallery for reading.

        Raises:
            NotAGalleryError: Nothing there, or something else.
            SchemaVersionError: Written by a newer whence.
        """
        return cls(Store.open(Path(folder)))

    def __len__(self) -> int:
        return len(self.photos)

    @cached_property
    def coordinates(self) -> DoubleArray:
        """``(N, 2)``: latitude and longitude in degrees, or x and y in metres."""
        return coordinates([photo.position for photo in self.photos])

    @cached_property
    def by_hash(self) -> dict[str, int]:
        """Row of the photo with a content hash."""
        return {photo.content_hash: row for row, photo in enumerate(self.photos)}

    def artefact(self) -> dict[str, NDArray[Any]] | None:
        """What the descriptors' model learned; None if it learned nothing from this gallery."""
        table = self._store.table(schema.ARTEFACTS)
        if table is None or not self.model:
            return None
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

    def thumbnails(self, rows: Sequence[int]) -> list[bytes]:
        """Small JPEG files, empty where there is none, in the order asked for."""
        found = dict(self._read(list(dict.fromkeys(rows)), "thumbnail"))
        return [found[row] or b"" for row in rows]

    def file(self, row: int) -> Path:
        """Where the photo's file was when it was indexed."""
        return Path(self.settings.root) / self.photos[row].path

    def _read(self, rows: list[int], column: str) -> Iterator[tuple[int, Any]]:
        """One column of some rows, in any order."""
        if not rows or self._photos_table is None:
            return
        row_of = {self._row_ids[row]: row for row in rows}
        query = self._photos_table.take_row_ids(list(row_of)).select([column]).with_row_id()
        found = query.to_arrow()
        if found.num_rows != len(rows):
            raise GalleryError(f"the gallery {self.folder} lost rows while it was open; open it again")
        yield from zip((row_of[i] for i in found["_rowid"].to_pylist()), found[column].to_pylist(), strict=True)


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


def _photos(rows: dict[str, list[Any]]) -> Iterable[GalleryPhoto]:
    for i, path in enumerate(rows["path"]):
        position = photo_position(rows["lat"][i], rows["lon"][i], rows["x"][i], rows["y"][i])
        group = rows["group"][i]
        yield GalleryPhoto(
            native(path),
            position,
            rows["position_source"][i],
            rows["hash"][i],
            group and native(group),
            rows["heading_deg"][i],
        )


def _descriptors(rows: Any) -> tuple[dict[str, int], str, FloatArray]:
    """Row per content hash, the model's fingerprint, and the matrix ``(N, D)`` float32."""
    hashes = rows["hash"].to_pylist()
    if not hashes:
        return {}, "", np.zeros((0, 1), np.float32)
    chunks = [np.asarray(chunk.flatten()) for chunk in rows["descriptor"].chunks]
    dimension = rows.schema.field("descriptor").type.list_size
    vectors = np.concatenate(chunks).reshape(-1, dimension).astype(np.float32)
    return {digest: row for row, digest in enumerate(hashes)}, rows["model"][0].as_py(), vectors

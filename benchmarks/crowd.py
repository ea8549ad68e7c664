"""Galleries of as many photos as asked for, in minutes: a few thousand real photos, and rows made around them.

Eight views show a place. The descriptor of a place is that of a real photo, moved by the difference of two others; a
view is its place, moved by another difference, as far as real photos lie from their nearest. So descriptors spread as
real ones do, and are neither a few tight heaps nor noise. Positions lie in towns, views a few metres apart. Local
features, with thumbnails, are stored for the real photos, for all that is most similar to some queries, so that what
they lead to is verified, and for some others; they are those of real photos, so that matching them takes its time.

Rows go through the tables of the product; nothing here writes to a gallery in a way of its own. Equal arguments give
equal galleries.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

import whence
from whence.gallery import schema
from whence.gallery.codec import pack
from whence.gallery.gallery import Gallery
from whence.gallery.light import BURSTS
from whence.gallery.store import Store, lock
from whence.gallery.writer import Writer
from whence.geo.cells import leaf_cell
from whence.types import Crs, DoubleArray, FloatArray, LatLon, LocalFeatures

VIEWS = 8
"""Of a place."""
_CHUNK = 8192
"""Rows made at once; a multiple of ``VIEWS``."""
_STORED = 4
"""Chunks in one transaction."""
_NEAR, _ELSEWHERE = 100, 0.01
"""Photos most similar to each query that have local features, and the share of all others that have."""
_BURST, _GROUPED, _TIMED, _HEADED = 0.15, 0.5, 0.9, 0.6
"""Shares of views taken seconds after the one before, of places that are groups, and of photos that tell when and in
which direction they were taken."""
_TOWNS, _TOWN_M, _VIEW_M = 60, 2500.0, 5.0
_PER_DEGREE_M = 111_195.0
_DAY_US = 86_400_000_000
_START = np.datetime64("2014-01-01T00:00:00", "us")


@dataclass(frozen=True, slots=True, eq=False)
class Base:
    """Real photos.

    Attributes:
        rows: Of the table of photos, in the order of paths.
        vectors: ``(R, D)`` of unit length.
        settings: Of their gallery.
        artefacts: What it learned.
        model: Fingerprint of what made the vectors.
        apart: Median cosine of the real photos with their nearest.
    """

    rows: pa.Table
    vectors: FloatArray
    settings: schema.Settings
    artefacts: pa.Table
    model: str
    apart: float

    @classmethod
    def read(cls, folder: Path) -> Base:
        """From a gallery on the Earth, made by ``whence index``; photos without a descriptor are left out."""
        store = Store.open(folder)
        photos, described, kept = (store.table(n) for n in (schema.PHOTOS, schema.DESCRIPTORS, schema.ARTEFACTS))
        if store.settings.crs is not Crs.WGS84 or photos is None or described is None:
            raise SystemExit(f"{folder}: a gallery of photos with latitude and longitude is wanted")
        gallery = Gallery.open(folder)
        rows = photos.to_arrow().sort_by("path")
        blank = ~gallery.descriptors.any(axis=1)
        rows = rows.filter(pa.array(~blank))
        vectors = gallery.descriptors[~blank]
        artefacts = (kept.to_arrow() if kept is not None else schema.ARTEFACTS_SCHEMA.empty_table()).filter(
            pa.compute.not_equal(pa.compute.field("fingerprint"), BURSTS)
        )
        near = vectors @ vectors.T
        np.fill_diagonal(near, -1)
        return cls(rows, vectors, store.settings, artefacts, gallery.model, float(np.median(near.max(axis=1))))


@dataclass(frozen=True, slots=True, eq=False)
class Views:
    """Some rows of a crowd, before anything is written.

    Attributes:
        start: Number of the first.
        vectors: ``(N, D)`` of unit length, in half precision as stored, as float32.
        base: ``(N,)`` rows of the real photos that they look like.
    """

    start: int
    vectors: FloatArray
    base: NDArray[np.intp]


class Crowd:
    """The rows of a gallery of ``count`` photos: the real ones, then made ones, a chunk at a time."""

    def __init__(self, base: Base, count: int, *, seed: int = 0) -> None:
        if count < len(base.vectors):
            raise SystemExit(f"{count} photos: there are {len(base.vectors)} real ones already")
        self._base, self._seed = base, seed
        self.count, self.made = count, count - len(base.vectors)
        self._apart = np.float32((1 / base.apart - 1) ** 0.5)  # two views are then as alike as two real photos

    def views(self, number: int) -> Views:
        """The chunk of this number."""
        base, start = self._base.vectors, number * _CHUNK
        count = min(_CHUNK, self.made - start)
        rng = np.random.default_rng((self._seed, 1, number))
        places = -(-count // VIEWS)
        of = rng.integers(0, len(base), places)
        middles = _unit(base[of] + rng.uniform(0.2, 0.9, (places, 1)).astype(np.float32) * self._moves(rng, places))
        shown = np.repeat(np.arange(places), VIEWS)[:count]
        far = self._apart * rng.uniform(0.5, 1.5, (count, 1)).astype(np.float32)
        vectors = _unit(middles[shown] + far * self._moves(rng, count))
        return Views(start, vectors.astype(np.float16).astype(np.float32), of[shown])

    def chunks(self) -> Iterator[Views]:
        """All that are made."""
        for number in range(-(-self.made // _CHUNK)):
            yield self.views(number)

    def queries(self, count: int) -> FloatArray:
        """``(count, D)``: further views of places of the crowd, which no row shows."""
        rng = np.random.default_rng((self._seed, 2))
        chunks = rng.permutation(-(-self.made // _CHUNK))[:8]
        found = np.concatenate([self.views(int(number)).vectors for number in chunks])
        return _unit(found[rng.integers(0, len(found), count)] + self._apart * self._moves(rng, count))

    def _moves(self, rng: np.random.Generator, count: int) -> FloatArray:
        """``(count, D)`` differences of real descriptors, of unit length."""
        base = self._base.vectors
        one, other = rng.integers(0, len(base), (2, count))
        return _unit(base[one] - base[(other + (one == other)) % len(base)])

    def most_similar(self, queries: FloatArray, count: int) -> NDArray[np.intp]:
        """Numbers of the rows that are among the ``count`` most similar to any of some queries."""
        scores = np.full((len(queries), count), -1, np.float32)
        best = np.full((len(queries), count), -1, np.intp)
        for views in self.chunks():
            fresh = queries @ views.vectors.T
            numbers = np.broadcast_to(np.arange(views.start, views.start + fresh.shape[1]), fresh.shape)
            scores, best = np.hstack([scores, fresh]), np.hstack([best, numbers])
            kept = np.argpartition(-scores, count - 1, axis=1)[:, :count]
            scores, best = np.take_along_axis(scores, kept, 1), np.take_along_axis(best, kept, 1)
        return np.unique(best[best >= 0])

    def rows(self, views: Views, featured: NDArray[np.bool_]) -> pa.Table:
        """Of the table of photos."""
        count = len(views.vectors)
        rng = np.random.default_rng((self._seed, 3, views.start))
        numbers = np.arange(views.start, views.start + count)
        places = numbers // VIEWS
        follows = (numbers % VIEWS > 0) & (rng.random(count) < _BURST)
        town, positions = self._positions(rng, places, follows)
        grouped = rng.random(int(places[-1] - places[0]) + 1)[places - places[0]] < _GROUPED
        sized = self._base.rows.select(["width", "height"]).take(pa.array(views.base))
        local = self._features(rng, featured)
        hashes = [hashlib.blake2b(b"%d/%d" % (self._seed, n), digest_size=16).hexdigest() for n in numbers.tolist()]
        columns: dict[str, Any] = {
            "path": [f"town{t:02d}/{p:07d}/IMG_{n:08d}.jpg" for t, p, n in zip(town, places, numbers, strict=True)],
            "hash": hashes,
            "size": rng.integers(1_500_000, 6_000_000, count),
            "mtime_ns": 1_500_000_000_000_000_000 + numbers * 1_000_000,
            "lat": positions[:, 0],
            "lon": positions[:, 1],
            "position_source": ["exif"] * count,
            "source": ["crowd"] * count,
            "cell": [leaf_cell(LatLon(lat, lon)) for lat, lon in positions.tolist()],
            "time": pa.array(self._times(rng, places, follows), mask=rng.random(count) >= _TIMED),
            "time_is_utc": np.ones(count, np.bool_),
            "heading_deg": pa.array(rng.uniform(0, 360, count), mask=rng.random(count) >= _HEADED),
            "group": [f"place {p}" if is_one else None for p, is_one in zip(places, grouped, strict=True)],
            "said": [""] * count,
            "width": sized["width"],
            "height": sized["height"],
            "glance": self._glances(rng, views, follows),
            **local,
        }
        arrays = [columns.get(name, [None] * count) for name in schema.PHOTOS_SCHEMA.names]
        return pa.table(dict(zip(schema.PHOTOS_SCHEMA.names, arrays, strict=True)), schema=schema.PHOTOS_SCHEMA)

    def _positions(
        self, rng: np.random.Generator, places: NDArray[np.intp], follows: NDArray[np.bool_]
    ) -> tuple[NDArray[np.intp], DoubleArray]:
        """Town of each row, and ``(N, 2)`` latitudes and longitudes; views of a burst share a pin."""
        towns = np.random.default_rng((self._seed, 4))
        centres = np.column_stack([towns.uniform(38, 58, _TOWNS), towns.uniform(-5, 25, _TOWNS)])
        share = 1 / np.arange(2, _TOWNS + 2)
        kept = np.unique(places)
        of_place = rng.choice(_TOWNS, len(kept), p=share / share.sum())
        middles = rng.normal(0, _TOWN_M * (0.3 + 4 * share[of_place, None] / share[0]), (len(kept), 2))
        at = places - places[0]
        metres = middles[at] + rng.normal(0, _VIEW_M, (len(places), 2))
        for row in np.flatnonzero(follows):
            metres[row] = metres[row - 1]
        town = of_place[at]
        lat = centres[town, 0] + metres[:, 0] / _PER_DEGREE_M
        lon = centres[town, 1] + metres[:, 1] / (_PER_DEGREE_M * np.cos(np.radians(lat)))
        return town, np.column_stack([lat, lon])

    @staticmethod
    def _times(
        rng: np.random.Generator, places: NDArray[np.intp], follows: NDArray[np.bool_]
    ) -> NDArray[np.datetime64]:
        """Any time of ten years; those of a burst are seconds apart."""
        times = rng.integers(0, 3652 * _DAY_US, len(places))
        for row in np.flatnonzero(follows):
            times[row] = times[row - 1] + 2_000_000
        return _START + times.astype("timedelta64[us]")

    def _glances(self, rng: np.random.Generator, views: Views, follows: NDArray[np.bool_]) -> pa.Array:
        """Real ones, changed coarsely so that no two are near duplicates, but for bursts."""
        kept = [data or bytes(1024) for data in self._base.rows["glance"].take(pa.array(views.base)).to_pylist()]
        grey = np.frombuffer(b"".join(kept), np.uint8).reshape(-1, 8, 4, 8, 4).astype(np.int16)
        coarse = rng.integers(-70, 70, (len(grey), 8, 1, 8, 1), np.int16)
        for row in np.flatnonzero(follows):
            coarse[row] = coarse[row - 1]
        fine = rng.integers(-3, 4, grey.shape, np.int16)
        flat = np.clip(grey + coarse + fine, 0, 255).astype(np.uint8).reshape(len(grey), -1)
        return pa.array([row.tobytes() for row in flat], pa.binary())

    def _features(self, rng: np.random.Generator, featured: NDArray[np.bool_]) -> dict[str, Any]:
        """Columns of what was found in the pixels: that of some real photo, or nothing."""
        names = ["features", "features_crc", "feature_count", "thumbnail"]
        nothing = pack(LocalFeatures(np.zeros((0, 4), np.float32), np.zeros((0, 64), np.int8), 512, 384))
        blank = {"features": nothing, "features_crc": _crc(nothing), "feature_count": 0, "thumbnail": None}
        of = rng.integers(0, self._base.rows.num_rows, len(featured))
        real = self._base.rows.select(names).take(pa.array(of[featured])).to_pylist()
        taken = iter(real)
        chosen = [next(taken) if has else blank for has in featured.tolist()]
        return {name: [row[name] for row in chosen] for name in names}


def write(base: Base, count: int, folder: Path, queries: FloatArray, *, seed: int = 0, index: bool = True) -> Crowd:
    """Writes a gallery of ``count`` photos, which opens and locates as any other.

    Args:
        base: Real photos.
        count: Of all photos.
        folder: Of the new gallery.
        queries: ``(Q, D)`` what will be asked: what is most similar has local features.
        seed: Of all that is made up.
        index: Whether to tidy up and to make the index, as ``whence index`` does at its end.
    """
    crowd = Crowd(base, count, seed=seed)
    near = crowd.most_similar(queries, _NEAR) if len(queries) else np.zeros(0, np.intp)
    with lock(folder):
        store = Store.create(folder, replace(base.settings, written_by=whence.__version__))
        real = pa.table({name: base.rows[name] for name in schema.PHOTOS_SCHEMA.names}, schema=schema.PHOTOS_SCHEMA)
        store.append(schema.PHOTOS, real)
        store.append(
            schema.DESCRIPTORS, schema.descriptor_table(base.rows["hash"].to_pylist(), base.model, base.vectors)
        )
        if base.artefacts.num_rows:
            store.append(schema.ARTEFACTS, base.artefacts)
        waiting: list[tuple[pa.Table, pa.Table]] = []
        for views in crowd.chunks():
            rng = np.random.default_rng((seed, 5, views.start))
            featured = rng.random(len(views.vectors)) < _ELSEWHERE
            featured[near[(near >= views.start) & (near < views.start + len(featured))] - views.start] = True
            rows = crowd.rows(views, featured)
            waiting.append((rows, schema.descriptor_table(rows["hash"].to_pylist(), base.model, views.vectors)))
            if len(waiting) == _STORED:
                _store(store, waiting)
        _store(store, waiting)
        if index:
            writer = Writer(store, whence.__version__)
            writer.tidy()
            writer.settle()
    return crowd


def _store(store: Store, waiting: list[tuple[pa.Table, pa.Table]]) -> None:
    if waiting:
        photos, described = zip(*waiting, strict=True)
        store.append(schema.PHOTOS, pa.concat_tables(photos))
        store.append(schema.DESCRIPTORS, pa.concat_tables(described))
        waiting.clear()


def _crc(data: bytes) -> int:
    import zlib

    return zlib.crc32(data)


def _unit(vectors: FloatArray) -> FloatArray:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12), np.float32)

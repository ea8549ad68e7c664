"""A gallery as readers see it: one version, fixed while it is open."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from whence.errors import GalleryError, InputError
from whence.gallery import schema, search
from whence.gallery.approximate import ApproximateSearch, Codebook, codes_of, halves_of, vectors_of
from whence.gallery.artefacts import unpack_arrays
from whence.gallery.codec import unpack
from whence.gallery.light import Light
from whence.gallery.schema import Settings
from whence.gallery.search import ExactSearch, Search
from whence.gallery.storage import Storage
from whence.gallery.store import Store
from whence.gallery.trouble import damage_told
from whence.gallery.where import Times, Where
from whence.types import DoubleArray, FloatArray, LocalFeatures

_AT_ONCE = 512
"""Photos whose features are in memory at once while many are gone through."""
_READ = 8192
"""Descriptors read at a time."""
_CACHED = 2048
"""Photos whose features stay in memory between queries: about 150 MB."""


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
        # Codes and descriptors before photos: each of them then has its photo, whatever is written meanwhile.
        tables = store.snapshot((schema.ARTEFACTS, schema.CODES, schema.DESCRIPTORS, schema.PHOTOS))
        self._artefacts, codes, described, photos = tables.values()
        self._all_photos = photos
        if photos is None or described is None:
            photos = described = None
        self._photos_table, self._described, self._codes = photos, described, codes
        self.model = _model(described)
        self.photos = Light.read(store, photos, described, codes, self._artefacts)
        self.coordinates: DoubleArray = self.photos.coordinates
        self._cache: OrderedDict[int, LocalFeatures] = OrderedDict()
        self._caching = Lock()
        self._near = store.folder.cache()

    @classmethod
    def open(cls, folder: str | os.PathLike[str] | Storage, *, root: str | os.PathLike[str] | None = None) -> Gallery:
        """Opens a gallery for reading.

        Args:
            folder: Of the gallery; or its address in object storage, such as ``s3://bucket/folder``.
            root: Where the photos' root is now, if it was moved; nothing is written.

        Raises:
            NotAGalleryError: Nothing there, or something else.
            SchemaVersionError: Written by a newer whence.
            GalleryError: Its files are damaged.
            InputError: ``root`` is no folder.
        """
        if root is not None and not Path(root).is_dir():
            raise InputError(f"root {root} is not a folder; expected the one that the gallery's paths are relative to")
        place = Storage.of(folder)
        with damage_told(place), place.told():
            store = Store.open(place)
            found = cls(store, None if root is None else Path(root))
            if found._photos_table is None:
                store.check_photos()
            return found

    def __len__(self) -> int:
        return len(self.photos)

    @property
    def undescribed(self) -> int:
        """Photos that are stored and cannot be found: a writer was killed, or descriptors were lost."""
        return 0 if self._all_photos is None else int(self._all_photos.count_rows()) - len(self)

    def check_described(self) -> None:
        """
        Raises:
            GalleryError: There are photos, and none has a descriptor.
        """
        if not len(self) and self.undescribed:
            raise GalleryError(
                f"the gallery {self.folder} lacks the descriptors of its photos; run `whence index` on them again, or: "
                f"whence repair {self.folder}"
            )

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
        return vectors_of(found["descriptor"])[places[np.searchsorted(ids[places], self.photos.vector_ids)]]

    @cached_property
    def search(self) -> Search:
        """Exact, up to so many photos that codes pay; beyond by their codes, if there are any."""
        with self._lost_told():
            exact = ExactSearch.filled(len(self), max(self.dimension, 1), self._halves())
            codes, coded = self._codes, self.photos.code_ids >= 0
            if codes is None or len(self) <= search.EXACT_UP_TO or not coded.any():
                return exact
            book = Codebook.of(self._artefacts, codes)
            if book is None or book.model != self.model:  # described anew, and its writer was killed
                return exact
            rows = np.flatnonzero(coded)
            return ApproximateSearch(exact, book, codes_of(codes, self.photos.code_ids[rows]), rows)

    def _halves(self) -> Iterator[tuple[NDArray[np.intp], NDArray[np.float16]]]:
        """Rows and their descriptors, in the order in which they are stored."""
        if self._described is None:
            return
        order = np.argsort(self.photos.vector_ids)
        ids = self.photos.vector_ids[order]
        stream = self._described.search().select(["descriptor"]).with_row_id(True).to_batches(batch_size=_READ)
        for batch in stream if len(ids) else ():
            asked = batch["_rowid"].to_numpy().astype(np.int64)
            place = np.minimum(np.searchsorted(ids, asked), len(ids) - 1)
            there = ids[place] == asked
            yield order[place[there]], halves_of(batch["descriptor"])[there]

    def allowed(self, where: Where) -> NDArray[np.bool_]:
        """``(N,)``: which photos meet some conditions."""
        return where.mask(self.settings.crs, self.coordinates, self.times)

    @property
    def times(self) -> Times:
        """``(N,)`` when the photos were taken, as stored; not a time where none is known."""
        return self.photos.times

    def row_of(self, content_hash: str) -> int | None:
        """Row of the photo with a content hash; None if there is none."""
        return self.photos.row_of(content_hash)

    def trials(self, key: str) -> tuple[dict[str, NDArray[Any]], int] | None:
        """What came of asking the gallery its own photos in one way, and how many it had then; None if nobody did."""
        table = self._artefacts
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
        table = self._artefacts
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

    def glances(self, rows: Sequence[int]) -> list[bytes]:
        """Grey levels at 32 x 32 pixels, in the order asked for; empty for photos that an older whence indexed."""
        if self._photos_table is None or "glance" not in self._photos_table.schema.names:
            return [b""] * len(rows)
        found = dict(self._read(list(dict.fromkeys(rows)), "glance"))
        return [found[row] or b"" for row in rows]

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
            with self.folder.told():
                yield
        except (RuntimeError, OSError, ValueError) as error:
            if "not found" not in str(error).lower():
                raise
            raise GalleryError(self._lost) from error

    def _read(self, rows: list[int], column: str) -> Iterator[tuple[int, Any]]:
        """One column of some rows, in any order."""
        if self._near is None:
            yield from self._read_there(rows, column)
            return
        names = {row: f"{column} {self.settings.extractor} {self.photos[row].content_hash}" for row in rows}
        known = self._near.get(names.values())
        fresh = dict(self._read_there([row for row in rows if names[row] not in known], column))
        self._near.put({names[row]: data for row, data in fresh.items() if data})
        yield from fresh.items()
        yield from ((row, known[name]) for row, name in names.items() if row not in fresh)

    def _read_there(self, rows: list[int], column: str) -> Iterator[tuple[int, Any]]:
        """``_read``, from the gallery itself."""
        if not rows or self._photos_table is None:
            return
        row_of = {int(self.photos.row_ids[row]): row for row in rows}
        query = self._photos_table.take_row_ids(list(row_of)).select([column]).with_row_id()
        with self._lost_told():
            found = query.to_arrow()
        if found.num_rows != len(rows):
            raise GalleryError(self._lost)
        yield from zip((row_of[i] for i in found["_rowid"].to_pylist()), found[column].to_pylist(), strict=True)


def trials_name(model: str, key: str) -> str:
    """Under which trials are kept: they are of one model, and of one way to ask."""
    return f"trials4-{key}-{model}"


def _model(described: Any) -> str:
    """The fingerprint that all descriptors name; empty without any."""
    found = [] if described is None else described.search().select(["model"]).limit(1).to_arrow()["model"].to_pylist()
    return found[0] if found else ""

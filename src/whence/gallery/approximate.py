"""Nearest descriptors of large galleries: short codes tell which are worth comparing, and these are compared exactly.

Product quantisation (H. Jégou, M. Douze, C. Schmid, PAMI 2011) of pairs of dimensions to four bits, all codes looked
through by the processor's shuffles (F. André, A.-M. Kermarrec, N. Le Scouarnec, VLDB 2015), by FAISS. No lists are left
out: descriptors that are whitened lie as far apart as dimensions allow, and no centre is near to any of them.

Codes are a table of their own, derived from the descriptors: a row per content hash. Their codebook is kept with what
models learned, under the name that every code bears.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from whence.gallery import schema, search
from whence.gallery.artefacts import pack_arrays, unpack_arrays
from whence.gallery.search import ExactSearch, Found, Mask, nothing, ordered
from whence.types import FloatArray

if TYPE_CHECKING:
    from whence.gallery.store import Store

_PART, _BITS = 2, 4
"""Dimensions that share one of 16 centres."""
_REFINED = 20
"""So many times the asked number are compared exactly; with ten, one of the nearest in fifty is missed."""
_SAMPLE, _ITERATIONS = 50_000, 12
"""Descriptors to learn the centres from at most, and rounds of k-means."""
_GROWTH = 4
"""The centres are learned anew when the table has grown by this factor."""
_UNUSED = 0.1
"""Share of codes without a photo from which on they are dropped."""
_AT_ONCE = 8192
_BOOK = "codes1-"


@dataclass(frozen=True, slots=True, eq=False)
class Codebook:
    """What codes mean.

    Attributes:
        name: Of the codebook; changes with it, and with the model of the descriptors.
        model: Fingerprint of what made the descriptors.
        centres: ``(M, 16, 2)`` for each part of a descriptor.
        learned_from: Descriptors that the table had.
    """

    name: str
    model: str
    centres: FloatArray
    learned_from: int

    @classmethod
    def learn(cls, sample: FloatArray, model: str, learned_from: int) -> Codebook:
        """From ``(S, D)`` descriptors; D has to be even. Deterministic."""
        quantiser = _quantiser(sample.shape[1])
        quantiser.cp.niter, quantiser.cp.min_points_per_centroid = _ITERATIONS, 1
        quantiser.train(np.ascontiguousarray(sample))
        import faiss

        centres = faiss.vector_to_array(quantiser.centroids).reshape(-1, 1 << _BITS, _PART)
        digest = hashlib.blake2b(model.encode() + centres.tobytes(), digest_size=8).hexdigest()
        return cls(f"{_BOOK}{digest}", model, centres, learned_from)

    @classmethod
    def of(cls, artefacts: Any, codes: Any) -> Codebook | None:
        """That of a table of codes; None where there is none."""
        named = codes.search().select(["book"]).limit(1).to_arrow()["book"].to_pylist()
        if not named or artefacts is None:
            return None
        found = artefacts.search().where(f"fingerprint = '{named[0]}'").limit(1).to_arrow()
        if not found.num_rows:
            return None
        kept = unpack_arrays(found["data"][0].as_py())
        return cls(named[0], str(kept["model"]), kept["centres"], int(found["learned_from"][0].as_py()))

    def row(self) -> dict[str, Any]:
        """Of the table of artefacts."""
        data = pack_arrays({"model": np.array(self.model), "centres": self.centres})
        return {"fingerprint": self.name, "learned_from": self.learned_from, "data": data}

    def encoder(self) -> Any:
        """FAISS's quantiser with these centres."""
        import faiss

        made = _quantiser(len(self.centres) * _PART)
        faiss.copy_array_to_vector(np.ascontiguousarray(self.centres, np.float32).ravel(), made.centroids)
        return made


def keep_codes(store: Store) -> None:
    """Makes the codes of a descriptors table that is large enough to need them, or adds those that are missing."""
    table, codes = store.table(schema.DESCRIPTORS), store.table(schema.CODES)
    if table is None:
        return
    _drop_index(table)
    rows, dimension = table.count_rows(), table.schema.field("descriptor").type.list_size
    if rows <= search.EXACT_UP_TO or dimension % (2 * _PART):
        return
    known = table.search().select(["hash", "model"]).with_row_id(True).to_arrow()
    model = known["model"][0].as_py()
    book = None if codes is None else Codebook.of(store.table(schema.ARTEFACTS), codes)
    if codes is None or book is None or book.model != model or rows > _GROWTH * book.learned_from:
        sample = known["_rowid"].to_pylist()[:: -(-rows // _SAMPLE)]
        book = Codebook.learn(
            vectors_of(table.take_row_ids(sample).select(["descriptor"]).to_arrow()["descriptor"]), model, rows
        )
        _forget(store, f"fingerprint = '{book.name}'")
        store.append(schema.ARTEFACTS, pa.Table.from_pylist([book.row()], schema=schema.ARTEFACTS_SCHEMA))
        stream = table.search().select(["hash", "descriptor"]).to_batches(batch_size=_AT_ONCE)
        _replace(store, book, _encoded(book, stream))
        _forget(store, f"fingerprint LIKE '{_BOOK}%' AND fingerprint != '{book.name}'")
        return
    coded = codes.search().select(["hash"]).to_arrow()["hash"]
    used = pc.is_in(coded, value_set=known["hash"])
    if pc.sum(used).as_py() < (1 - _UNUSED) * len(coded):
        kept = codes.to_arrow().filter(used)
        _replace(store, book, iter(kept.to_batches()))
    fresh = known.filter(pc.invert(pc.is_in(known["hash"], value_set=coded)))["_rowid"].to_pylist()
    for start in range(0, len(fresh), _AT_ONCE):
        found = table.take_row_ids(fresh[start : start + _AT_ONCE]).select(["hash", "descriptor"]).to_arrow()
        store.append(schema.CODES, pa.Table.from_batches(_encoded(book, found.to_batches()), _layout(book)))


class ApproximateSearch:
    """All descriptors in memory in half precision, their codes before them. A choice of few is searched exactly."""

    def __init__(self, exact: ExactSearch, book: Codebook, codes: NDArray[np.uint8], rows: NDArray[np.intp]) -> None:
        """
        Args:
            exact: Of all N descriptors.
            book: That the codes are of.
            codes: ``(C, M / 2)``.
            rows: ``(C,)`` whose they are. Those without a code are compared with every query.
        """
        import faiss

        self._exact, self._rows = exact, rows
        uncoded = np.ones(len(exact), np.bool_)
        uncoded[rows] = False
        self._rest = np.flatnonzero(uncoded)
        plain: Any = faiss.IndexPQ(len(book.centres) * _PART, len(book.centres), _BITS, faiss.METRIC_INNER_PRODUCT)
        plain.pq = book.encoder()
        plain.is_trained, plain.ntotal = True, len(codes)
        faiss.copy_array_to_vector(np.ascontiguousarray(codes).ravel(), plain.codes)
        self._index: Any = faiss.IndexPQFastScan(plain)

    def nearest(self, query: FloatArray, count: int, allowed: Mask | None = None) -> Found:
        """See ``Search``. The cosines are exact; a few of the nearest may be missed (benchmarks/million.py)."""
        rows = len(self._exact) if allowed is None else int(np.count_nonzero(allowed))
        count = min(count, rows)
        if count < 1:
            return nothing()
        wanted = math.ceil(count * _REFINED * len(self._exact) / rows)
        if wanted > len(self._rows) / 4 or (allowed is not None and rows <= search.EXACT_UP_TO):
            return self._exact.nearest(query, count, allowed)
        _, places = self._index.search(np.ascontiguousarray(query[None], dtype=np.float32), wanted)
        found = np.concatenate([self._rows[places[0][places[0] >= 0]], self._rest])
        if allowed is not None:
            found = found[allowed[found]]
        if len(found) < min(count * _REFINED / 2, rows):  # what is similar is hardly allowed: these are at the edge
            return self._exact.nearest(query, count, allowed)
        return ordered(found, self._exact.cosines(found, query), count)


def codes_of(codes: Any, row_ids: NDArray[np.int64]) -> NDArray[np.uint8]:
    """``(C, M / 2)`` from a table of codes, by row ids."""
    found = codes.search().select(["code"]).with_row_id(True).to_arrow()
    size = found["code"].type.byte_width
    parts = [np.frombuffer(c.buffers()[1], np.uint8)[c.offset * size :][: len(c) * size] for c in found["code"].chunks]
    ids = found["_rowid"].to_numpy().astype(np.int64)
    order = np.argsort(ids)
    return np.asarray(np.concatenate(parts).reshape(-1, size)[order[np.searchsorted(ids[order], row_ids)]])


def vectors_of(column: Any) -> FloatArray:
    """``(N, D)`` float32 of a column of descriptors."""
    return halves_of(column).astype(np.float32)


def halves_of(column: Any) -> NDArray[np.float16]:
    """``(N, D)`` as they are stored."""
    chunks = column.chunks if hasattr(column, "chunks") else [column]
    dimension = column.type.list_size
    parts = [np.asarray(chunk.flatten()).reshape(-1, dimension) for chunk in chunks]
    return np.concatenate(parts) if parts else np.zeros((0, dimension), np.float16)


def _quantiser(dimension: int) -> Any:
    import faiss

    return faiss.ProductQuantizer(dimension, dimension // _PART, _BITS)


def _encoded(book: Codebook, batches: Iterator[pa.RecordBatch] | list[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    encoder, layout = book.encoder(), _layout(book)
    for batch in batches:
        codes = encoder.compute_codes(vectors_of(batch["descriptor"]))
        size = layout.field("code").type
        packed = pa.FixedSizeBinaryArray.from_buffers(size, len(codes), [None, pa.py_buffer(codes.tobytes())])
        names = pa.array([book.name] * len(codes), pa.string())
        yield pa.RecordBatch.from_arrays([batch["hash"], names, packed], schema=layout)


def _layout(book: Codebook) -> pa.Schema:
    return schema.codes_schema(len(book.centres) * _BITS // 8)


def _replace(store: Store, book: Codebook, batches: Iterator[pa.RecordBatch]) -> None:
    store.replace(schema.CODES, pa.RecordBatchReader.from_batches(_layout(book), batches))


def _forget(store: Store, condition: str) -> None:
    table = store.table(schema.ARTEFACTS)
    if table is not None:
        table.delete(condition)


def _drop_index(table: Any) -> None:
    """Earlier versions of whence made an index of the table itself."""
    for index in table.list_indices():
        table.drop_index(index.name)

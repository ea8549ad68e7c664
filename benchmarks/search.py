"""Exact and approximate search of descriptors: time to build, time of a query, what is found, memory.

All methods get the same vectors, rounded to half precision as galleries store them, and the same queries, one at a
time. Vectors are views of places: a place is a mixture of real descriptors (of ``--gallery``, else of 600 photos of
``--set``, described here; without them random ones whose variance falls from dimension to dimension) and a view is
its place mixed with two others. They are as alike as photos of a town, but nobody took them. MB are of the
vectors, for what is held in memory, or of the index, for what is on disk; what of it is cached is not counted.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

import whence
from common import heading, parser, photo_set, show, work_folder
from whence.gallery import approximate, schema, search
from whence.gallery.gallery import Gallery
from whence.gallery.schema import Settings
from whence.gallery.storage import Storage
from whence.gallery.store import Store
from whence.types import Crs, FloatArray

DIMENSION, ASKED, QUERIES = 512, 50, 60
_REAL_PHOTOS = 600
_VIEWS = 10


@dataclass(frozen=True, slots=True)
class Method:
    """A way to search.

    Attributes:
        name: For the table.
        build_s: Seconds to make it.
        megabytes: In memory, or on disk.
        where: ``memory`` or ``disk``.
        rows: Of the most similar vectors to a query, best first.
    """

    name: str
    build_s: float
    megabytes: float
    where: str
    rows: Callable[[FloatArray], NDArray[Any]]


def main() -> None:
    """Runs all methods on galleries of all sizes."""
    made = parser(__doc__)
    made.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 200_000], help="vectors")
    made.add_argument("--gallery", type=Path, help="a gallery of real photos to take descriptors from")
    args = made.parse_args()
    heading("Search")
    with work_folder(args.work) as work:
        real = _real(args, work)
        print(f"mixtures of {len(real)} descriptors of {real.shape[1]} dimensions\n", flush=True)
        for size in args.sizes:
            vectors, queries = _views(real, size)
            _compare(vectors, queries, work / f"vectors-{size}")


def _real(args: Any, work: Path) -> FloatArray:
    """Descriptors that are not blank."""
    if args.gallery is None and args.data is not None:
        args.set, args.photos = args.set or "getty", _REAL_PHOTOS
        args.gallery = work / f"real-{args.set}"
        whence.index(photo_set(args, work, hold_out=False).table, args.gallery)
    if args.gallery is None:
        print("no real photos named (--gallery or --data): random descriptors", file=sys.stderr)
        spread = np.arange(1, DIMENSION + 1) ** -0.5
        made = np.random.default_rng(0).standard_normal((_REAL_PHOTOS, DIMENSION)) * spread
        return _unit(made.astype(np.float32))
    found: FloatArray = Gallery.open(args.gallery).descriptors
    found = found[np.linalg.norm(found, axis=1) > 0.5]
    return _unit(found[:, : found.shape[1] // 8 * 8])


def _views(real: FloatArray, count: int) -> tuple[FloatArray, FloatArray]:
    """Database and queries: views of the same places."""
    rng = np.random.default_rng(1)

    def mixed(count: int, parts: int) -> FloatArray:
        weights = rng.dirichlet(np.ones(parts), count).astype(np.float32)
        signs = rng.choice(np.array([-1, 1], np.float32), (count, parts))
        chosen = rng.integers(0, len(real), (count, parts))
        total = sum(weights[:, i, None] * signs[:, i, None] * real[chosen[:, i]] for i in range(parts))
        return _unit(np.asarray(total, np.float32))

    places = mixed(max(1, count // _VIEWS), 3)

    def views(count: int) -> FloatArray:
        return _unit(places[rng.integers(0, len(places), count)] + 0.9 * mixed(count, 2))

    return views(count).astype(np.float16).astype(np.float32), views(QUERIES)


def _unit(vectors: FloatArray) -> FloatArray:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def _compare(vectors: FloatArray, queries: FloatArray, folder: Path) -> None:
    methods = [_exact(vectors), _index(vectors, folder), _faiss_ivf(vectors)]
    truth: Sequence[NDArray[Any]] = []
    rows = []
    for method in methods:
        method.rows(queries[0])  # caches are warm, as they are after the first photo of many
        seconds, found = [], []
        for query in queries:
            start = perf_counter()
            found.append(method.rows(query))
            seconds.append(perf_counter() - start)
        truth = truth or found
        shares = [len(np.intersect1d(a, b)) / len(b) for a, b in zip(found, truth, strict=True)]
        first = float(np.mean([len(a) > 0 and a[0] == b[0] for a, b in zip(found, truth, strict=True)]))
        row = (method.name, method.build_s, 1e3 * float(np.median(seconds)), float(np.mean(shares)), first)
        rows.append((*row, method.megabytes, method.where))
    columns = ("method", "build s", "ms a query", f"recall@{ASKED}", "same first", "MB", "held in")
    show(f"{len(vectors):,} x {vectors.shape[1]}, {len(queries)} queries", columns, rows)


def _exact(vectors: FloatArray) -> Method:
    start = perf_counter()
    exact = search.ExactSearch(vectors)
    build = perf_counter() - start
    return Method(
        "whence exact (FAISS flat)", build, vectors.nbytes / 1e6, "memory", lambda q: exact.nearest(q, ASKED)[0]
    )


def _index(vectors: FloatArray, folder: Path) -> Method:
    """Through a gallery's table, as ``whence index`` makes it."""
    folder.mkdir()
    settings = Settings(Crs.WGS84, 25.0, False, "default", {}, "features", str(folder), whence.__version__)
    store = Store.create(folder, settings)
    names = [f"{number:032x}" for number in range(len(vectors))]
    store.append(schema.DESCRIPTORS, schema.descriptor_table(names, "model", vectors))
    table: Any = store.table(schema.DESCRIPTORS)
    before, start = Storage.of(folder).size(), perf_counter()
    search.EXACT_UP_TO = 1000  # else small ones would have no index
    approximate.keep_index(table)
    build = perf_counter() - start
    name = approximate.index_name(table)
    if name is None:
        sys.exit("no index was made")
    ids = table.search().select(["hash"]).with_row_id(True).to_arrow().sort_by("hash")["_rowid"]
    found = approximate.ApproximateSearch(table, name, ids.to_numpy().astype(np.int64))
    size = (Storage.of(folder).size() - before) / 1e6
    return Method("whence index (LanceDB IVF_RQ)", build, size, "disk", lambda q: found.nearest(q, ASKED)[0])


def _faiss_ivf(vectors: FloatArray) -> Method:
    """FAISS's own inverted lists, unquantised, of its usual number, a third of them looked into."""
    count = round(len(vectors) ** 0.5)
    start = perf_counter()
    flat: Any = faiss.IndexFlatIP(vectors.shape[1])
    index: Any = faiss.IndexIVFFlat(flat, vectors.shape[1], count, faiss.METRIC_INNER_PRODUCT)
    index.cp.max_points_per_centroid = 64
    index.train(vectors)
    index.add(vectors)
    index.nprobe = max(1, count // 3)
    build = perf_counter() - start
    size = vectors.nbytes / 1e6
    return Method("FAISS IVF flat, 1/3 probed", build, size, "memory", lambda q: index.search(q[None], ASKED)[1][0])


if __name__ == "__main__":
    main()

"""What whence's search costs beside FAISS called directly, on a gallery's own descriptors, one query at a time."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any

import faiss
import numpy as np

import whence
from common import show
from whence.types import FloatArray

_SECONDS = 0.5
"""To repeat each way for."""
_LINKS, _LEAST_REACH, _PROBED = 32, 64, 8
"""Of HNSW, and how many of its photos and of the inverted lists are looked at."""


def compare(gallery: whence.Gallery, queries: FloatArray, count: int, threads: int) -> None:
    """Prints a table.

    Args:
        gallery: Opened.
        queries: ``(Q, D)`` global descriptors.
        count: Photos wanted for a query.
        threads: For FAISS.
    """
    faiss.omp_set_num_threads(threads)
    vectors, count = np.ascontiguousarray(gallery.descriptors, np.float32), min(count, len(gallery))
    ways: dict[str, Callable[[FloatArray], Any]] = {
        "whence: Gallery.search": lambda query: gallery.search.nearest(query, count)[0]
    }
    made = {"whence: Gallery.search": 0.0}
    for name, index in _indexes(vectors.shape[0], vectors.shape[1], count).items():
        start = perf_counter()
        index.train(vectors)
        index.add(vectors)
        made[name] = perf_counter() - start
        ways[name] = _searching(index, count)
    exact = [set(ways["whence: Gallery.search"](query).tolist()) for query in queries]
    own, rows = 0.0, []
    for name, way in ways.items():
        shared = [len(truth & set(way(query).tolist())) / count for query, truth in zip(queries, exact, strict=True)]
        spent = _microseconds(way, queries)
        own = own or spent
        built = "" if name.startswith("whence") else f"{1000 * made[name]:.1f}"
        rows.append([name, built, spent, f"{spent / own:.2f} x", f"{np.mean(shared):.3f}"])
    columns = ["search", "ms to build", "us a query", "over whence", f"of the exact {count}"]
    show(f"{len(vectors):,} descriptors of {vectors.shape[1]:,} dimensions, {threads} threads", columns, rows)


def _searching(index: Any, count: int) -> Callable[[FloatArray], Any]:
    return lambda query: index.search(query[None], count)[1][0]


def _indexes(photos: int, dimension: int, count: int) -> dict[str, Any]:
    lists = max(1, min(photos // 39, round(4 * photos**0.5)))  # 39: k-means warns with fewer points to a list
    inverted = faiss.IndexIVFFlat(faiss.IndexFlatIP(dimension), dimension, lists, faiss.METRIC_INNER_PRODUCT)
    inverted.nprobe = min(_PROBED, lists)
    links = faiss.IndexHNSWFlat(dimension, _LINKS, faiss.METRIC_INNER_PRODUCT)
    links.hnsw.efSearch = max(_LEAST_REACH, 2 * count)
    return {
        "FAISS IndexFlatIP": faiss.IndexFlatIP(dimension),
        f"FAISS IndexIVFFlat, {inverted.nprobe} of {lists} lists": inverted,
        f"FAISS IndexHNSWFlat, {_LINKS} links": links,
    }


def _microseconds(way: Callable[[FloatArray], Any], queries: FloatArray) -> float:
    """Median over the rounds of the mean over the queries; the first round is a warm-up."""
    rounds: list[float] = []
    until = perf_counter() + _SECONDS
    while len(rounds) < 3 or perf_counter() < until:
        start = perf_counter()
        for query in queries:
            way(query)
        rounds.append(1e6 * (perf_counter() - start) / len(queries))
    return float(np.median(rounds[1:]))

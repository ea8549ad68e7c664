"""Nearest descriptors of large galleries: an index on disk finds those worth comparing, and they are compared exactly.

Inverted lists over vectors quantised to a few bits a dimension (RaBitQ: J. Gao and C. Long, SIGMOD 2024), by LanceDB.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from whence.gallery import search
from whence.gallery.search import ExactSearch, Found, Mask, nothing, ordered
from whence.types import FloatArray

if TYPE_CHECKING:
    from lancedb.table import Table

_COLUMN = "descriptor"
_BITS = 5
"""A dimension. With one, a query finds but half of its 50 nearest."""
_LIST = 4096
"""Descriptors per inverted list. A query looks into all lists: into a third of them it is hardly faster, and misses
one in four of its nearest (docs/benchmarks.md)."""
_REFINED = 6
"""So many times the asked number are compared exactly."""
_ITERATIONS = 20
"""Of k-means, when the lists are learned."""
_UNINDEXED = 0.05
"""Share of rows outside the index, which every query is compared with, from which on they are put into it."""
_GROWTH = 4
"""The index is learned anew when the table has grown by this factor."""
_NAME = "nearest"


def keep_index(table: Table) -> None:
    """Makes, extends or renews the index of a descriptors table that is large enough to need one."""
    from lancedb.index import IvfRq

    rows, found = table.count_rows(), index_name(table)
    if rows <= search.EXACT_UP_TO or table.schema.field(_COLUMN).type.list_size % 8:  # which RaBitQ asks for
        return
    if found is not None and rows <= _GROWTH * _learned_from(found):
        stats = table.index_stats(found)
        if stats is not None and stats.num_unindexed_rows > _UNINDEXED * rows:
            table.optimize()
        return
    if found is not None:  # killed in between, the gallery is searched exactly
        table.drop_index(found)
    lists = max(1, rows // _LIST)
    layout = IvfRq(distance_type="dot", num_partitions=lists, num_bits=_BITS, max_iterations=_ITERATIONS)
    table.create_index(_COLUMN, config=layout, name=f"{_NAME}-{rows}-{lists}")


def index_name(table: Table) -> str | None:
    """Name of the index that a version of the table has; None without one."""
    names = [index.name for index in table.list_indices() if index.name.startswith(f"{_NAME}-")]
    return names[0] if names else None


def _learned_from(name: str) -> int:
    return int(name.split("-")[1])


class ApproximateSearch:
    """Searches an indexed table; neither it nor the index is held in memory as a whole.

    Rows that came after the index are compared one by one. A choice of few photos is searched exactly.
    """

    def __init__(
        self,
        table: Table,
        name: str,
        row_ids: NDArray[np.int64],
        told: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        """
        Args:
            table: Descriptors, pinned to a version that has the index ``name``.
            name: Of the index.
            row_ids: ``(N,)``: row id in the table of every row of the gallery.
            told: Puts troubles with reading into words.
        """
        self._table, self._told = table, told
        self._row_ids = row_ids
        self._order = np.argsort(row_ids)
        self._sorted = row_ids[self._order]
        self._lists = int(name.split("-")[2])
        self._few: tuple[Mask, NDArray[np.intp], ExactSearch] | None = None
        self._choosing = Lock()

    def nearest(self, query: FloatArray, count: int, allowed: Mask | None = None) -> Found:
        """See ``Search``. The cosines are exact; a few of the nearest may be missed (benchmarks/search.py)."""
        with self._told():
            return self._nearest(query, count, allowed)

    def _nearest(self, query: FloatArray, count: int, allowed: Mask | None) -> Found:
        rows = len(self._row_ids) if allowed is None else int(np.count_nonzero(allowed))
        count = min(count, rows)
        if count < 1:
            return nothing()
        if allowed is not None and rows <= search.EXACT_UP_TO:
            chosen, exact = self._chosen(allowed)
            places, cosines = exact.nearest(query, count)
            return chosen[places], cosines
        wanted = math.ceil(count * len(self._row_ids) / rows)
        found, cosines = self._compared(query, self._by_index(query, wanted), allowed)
        if len(found) < count:  # what is similar is not allowed
            return self._scanned(query, count, allowed)
        return ordered(found, cosines, count)

    def _by_index(self, query: FloatArray, wanted: int) -> Any:
        search: Any = self._table.search(query, vector_column_name=_COLUMN)
        return (
            search.distance_type("dot")
            .nprobes(self._lists)
            .refine_factor(_REFINED)
            .limit(wanted)
            .select([_COLUMN, "_distance"])
            .with_row_id(True)
            .to_arrow()
        )

    def _compared(self, query: FloatArray, found: Any, allowed: Mask | None) -> Found:
        """Rows of the gallery among what was found, and their cosines, computed as an exact search does."""
        if not found.num_rows:
            return nothing()
        rows = self._rows_of(found["_rowid"].to_numpy())
        kept = rows >= 0
        if allowed is not None:
            kept &= allowed[rows]
        return rows[kept], vectors_of(found[_COLUMN])[kept] @ query

    def _rows_of(self, row_ids: NDArray[Any]) -> NDArray[np.intp]:
        """Rows of the gallery; -1 for a descriptor whose photo is not there."""
        places = np.minimum(np.searchsorted(self._sorted, row_ids), len(self._sorted) - 1)
        return np.where(self._sorted[places] == row_ids, self._order[places], -1)

    def _chosen(self, allowed: Mask) -> tuple[NDArray[np.intp], ExactSearch]:
        """An exact search among few photos; the last one is kept, for queries of one run look among the same."""
        with self._choosing:
            if self._few is None or not np.array_equal(self._few[0], allowed):
                wanted = self._row_ids[allowed].tolist()
                found = self._table.take_row_ids(wanted).select([_COLUMN]).with_row_id().to_arrow()
                rows = self._rows_of(found["_rowid"].to_numpy())
                order = np.argsort(rows)
                self._few = allowed.copy(), rows[order], ExactSearch(vectors_of(found[_COLUMN])[order])
            return self._few[1], self._few[2]

    def _scanned(self, query: FloatArray, count: int, allowed: Mask | None) -> Found:
        """All descriptors compared, a few at a time."""
        best = nothing()
        batches = self._table.search().select([_COLUMN]).with_row_id(True).to_batches(batch_size=8192)
        for batch in batches:
            rows, cosines = self._compared(query, batch, allowed)
            best = ordered(np.concatenate([best[0], rows]), np.concatenate([best[1], cosines]), count)
        return best


def vectors_of(column: Any) -> FloatArray:
    """``(N, D)`` float32 of a column of descriptors."""
    chunks = column.chunks if hasattr(column, "chunks") else [column]
    dimension = column.type.list_size
    parts = [np.asarray(chunk.flatten()).reshape(-1, dimension) for chunk in chunks]
    return np.concatenate(parts).astype(np.float32) if parts else np.zeros((0, dimension), np.float32)

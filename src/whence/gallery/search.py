"""Nearest descriptors: what a search does, and the exact one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from whence.types import FloatArray

EXACT_UP_TO = 100_000
"""Descriptors up to which all are compared; beyond, short codes tell those worth comparing."""

Mask = NDArray[np.bool_]
Found = tuple[NDArray[np.intp], FloatArray]
"""Rows of the gallery, and their cosines."""


class Search(Protocol):
    """Finds the photos most similar to a query. Safe to use from many threads."""

    def nearest(self, query: FloatArray, count: int, allowed: Mask | None = None) -> Found:
        """Rows and cosines of the ``count`` most similar descriptors to ``query (D,)``, most similar first.

        Equal cosines come in the order of rows. Fewer are found only where there are no more.

        Args:
            query: Of unit length, or zeros.
            count: How many.
            allowed: ``(N,)``: rows to look among; None for all.
        """
        ...


class ExactSearch:
    """Inner products with all descriptors, by FAISS, which holds them in half precision, as galleries store them."""

    def __init__(self, descriptors: FloatArray) -> None:
        """``descriptors``: ``(N, D)`` of unit length."""
        self._hold(*descriptors.shape)
        self._half[:] = descriptors

    @classmethod
    def filled(cls, count: int, dimension: int, parts: Iterable[tuple[NDArray[Any], NDArray[Any]]]) -> Self:
        """From rows and their descriptors, some at a time: a million of them take a gigabyte, once."""
        made = cls.__new__(cls)
        made._hold(count, dimension)
        for rows, vectors in parts:
            made._half[rows] = vectors
        return made

    def _hold(self, count: int, dimension: int) -> None:
        import faiss

        self._faiss: Any = faiss
        kind = faiss.ScalarQuantizer.QT_fp16
        self._index: Any = faiss.IndexScalarQuantizer(dimension, kind, faiss.METRIC_INNER_PRODUCT)
        self._index.codes.resize(2 * count * dimension)  # adding them would hold them twice at times
        self._index.ntotal = count
        held = faiss.rev_swig_ptr(self._index.codes.data(), 2 * count * dimension) if count else np.zeros(0, np.uint8)
        self._half: NDArray[np.float16] = held.view(np.float16).reshape(count, dimension)

    def __len__(self) -> int:
        return len(self._half)

    def cosines(self, rows: NDArray[np.intp], query: FloatArray) -> FloatArray:
        """``(K,)`` of some rows with a query."""
        return np.asarray(self._half[rows].astype(np.float32) @ query)

    def nearest(self, query: FloatArray, count: int, allowed: Mask | None = None) -> Found:
        """See ``Search``."""
        count = min(count, self._index.ntotal if allowed is None else int(np.count_nonzero(allowed)))
        if count < 1:
            return nothing()
        selected = None
        if allowed is not None:
            bits = np.packbits(allowed, bitorder="little")
            selected = self._faiss.SearchParameters(sel=self._faiss.IDSelectorBitmap(bits))
        cosines, rows = self._index.search(np.ascontiguousarray(query[None], dtype=np.float32), count, params=selected)
        return ordered(rows[0], cosines[0], count)


def nothing() -> Found:
    """No rows."""
    return np.zeros(0, np.intp), np.zeros(0, np.float32)


def ordered(rows: NDArray[Any], cosines: FloatArray, count: int) -> Found:
    """The best ``count``, ties in the order of rows, so that the answer does not depend on how a library sorts."""
    order = np.lexsort((rows, -cosines))[:count]
    return rows[order].astype(np.intp), cosines[order].astype(np.float32)

"""The photos whose local features come closest to the query's: an index of all descriptors instead of all photos.

Sources: J. Sivic and A. Zisserman, Video Google, ICCV 2003 (inverted lists); M. Douze et al., The Faiss Library, 2024.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from whence.gallery.gallery import Gallery
from whence.gallery.search import Found, Mask, nothing, ordered
from whence.photos.threads import one_thread_each
from whence.types import FloatArray, LocalFeatures

_PER_LIST, _ROUNDS = 64, 8
"""Descriptors for each list to learn from, and rounds of k-means."""
_SUMMED = 2000
"""Photos, those found most often, whose distances are summed."""


@dataclass(frozen=True, slots=True)
class LocalOptions:
    """Options of retrieval by local features.

    Attributes:
        top_k: Photos that are looked at more closely.
        count: Smallest distances that a photo is judged by.
        neighbours: Descriptors of the gallery that are found for each keypoint of the query.
        lists: Of the index that are read for each keypoint.
    """

    top_k: int = 50
    count: int = 50
    neighbours: int = 50
    lists: int = 8


class LocalSearch:
    """Each keypoint's nearest in the whole gallery; photos by the sum of their smallest distances.

    Of features of several kinds the first kind is looked for. A photo in which a keypoint found nothing is held to be
    as far as the last neighbour found, so that the sum is a lower bound. The index is made with the locator, in about
    5 s for a million keypoints, and takes 76 bytes for each of whence's SIFT.
    """

    options_type = LocalOptions

    def __init__(self, options: LocalOptions | None = None) -> None:
        self.options = options or LocalOptions()

    def prepare(self, gallery: Gallery) -> None:
        """See ``Retriever``."""
        import faiss

        self._faiss: Any = faiss
        parts = [photo.parts[0].descriptors for some in gallery.features_in_turn(range(len(gallery))) for photo in some]
        self._vectors = gallery.descriptors
        self._counts = np.array([len(part) for part in parts], np.intp)
        self._owners = np.repeat(np.arange(len(parts), dtype=np.int32), self._counts)
        with one_thread_each:  # else the lists would depend on the number of cores
            self._index: Any = _index(faiss, np.concatenate(parts)) if len(self._owners) else None

    def shortlist(self, features: LocalFeatures, vector: FloatArray, allowed: Mask | None = None) -> Found:
        """See ``Retriever``; nothing for a photo without keypoints."""
        features = features.parts[0]
        if self._index is None or not len(features) or (allowed is not None and not allowed.any()):
            return nothing()
        rows, sums = self._sums(features, allowed)
        best, _ = ordered(rows, -sums, self.options.top_k)
        return best, (self._vectors[best] @ vector).astype(np.float32)

    def _sums(self, features: LocalFeatures, allowed: Mask | None) -> tuple[NDArray[np.intp], FloatArray]:
        """Photos in which some keypoint found a neighbour, and the sum of the smallest distances of each."""
        distances, owners = self._neighbours(features, allowed)
        named, votes = np.unique(owners[owners >= 0], return_counts=True)
        found = np.sort(named[np.argsort(-votes, kind="stable")[:_SUMMED]]).astype(np.intp)
        place = np.searchsorted(found, owners)
        hit = (place < len(found)) & (found[np.minimum(place, len(found) - 1)] == owners)
        nearest = np.broadcast_to(distances[:, -1], (len(found), len(features))).copy()
        keypoints = np.broadcast_to(np.arange(len(features))[:, None], owners.shape)
        np.minimum.at(nearest, (place[hit], keypoints[hit]), distances[hit])
        count = min(self.options.count, len(features))
        return found, np.partition(nearest, count - 1, axis=1)[:, :count].sum(axis=1)

    def _neighbours(self, features: LocalFeatures, allowed: Mask | None) -> tuple[FloatArray, NDArray[np.int32]]:
        """``(N, K)`` distances, ascending, and gallery rows of the photos; -1 where the lists held no more."""
        chosen, selected = self.options, None
        if allowed is not None:
            bits = np.packbits(np.repeat(allowed, self._counts), bitorder="little")
            selected = self._faiss.IDSelectorBitmap(bits)
        asked = self._faiss.SearchParametersIVF(nprobe=chosen.lists, sel=selected)
        with one_thread_each:
            squared, ids = self._index.search(features.descriptors.astype(np.float32), chosen.neighbours, params=asked)
        squared = np.where(ids < 0, np.max(squared, initial=0, where=ids >= 0), np.maximum(squared, 0))
        return np.sqrt(squared), np.where(ids < 0, -1, self._owners[ids])


def _index(faiss: Any, descriptors: NDArray[Any]) -> Any:
    """Inverted lists of ``(N, D)`` descriptors, which are kept as they are where they are bytes."""
    count, dimension = descriptors.shape
    lists = int(np.clip(count // _PER_LIST, 1, np.sqrt(count)))
    kinds = {"int8": faiss.ScalarQuantizer.QT_8bit_direct_signed, "uint8": faiss.ScalarQuantizer.QT_8bit_direct}
    kind = kinds.get(descriptors.dtype.name, faiss.ScalarQuantizer.QT_fp16)
    centres = faiss.IndexFlatL2(dimension)
    index = faiss.IndexIVFScalarQuantizer(centres, dimension, lists, kind, faiss.METRIC_L2, False)
    index.cp.niter, index.cp.min_points_per_centroid, index.cp.seed = _ROUNDS, 1, 0
    index.train(descriptors[:: max(1, count // (lists * _PER_LIST))].astype(np.float32))
    for part in np.array_split(descriptors, max(1, count // 100_000)):
        index.add(part.astype(np.float32))
    return index

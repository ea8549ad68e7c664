"""VLAD: one vector per photo from its local features.

Sources: H. Jégou et al., Aggregating local descriptors into a compact image representation, CVPR 2010 (VLAD);
R. Arandjelović and A. Zisserman, All about VLAD, CVPR 2013 (intra-normalisation); J. Delhumeau et al., Revisiting the
VLAD image representation, ACM MM 2013 (residual normalisation); H. Jégou and O. Chum, Negative evidences and
co-occurrences in image retrieval, ECCV 2012 (PCA whitening).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from whence.describe import builtin
from whence.describe.digest import digest_of
from whence.describe.projection import learn_projection
from whence.errors import RecipeError
from whence.types import FloatArray, Image, LocalFeatures

_SHIPPED = {"sift": "builtin", "xfeat": "xfeat"}
FEATURES_FOR_WORDS = 50_000
"""Local features that a vocabulary is learned from, about."""


@dataclass(frozen=True, slots=True)
class VladOptions:
    """Options of VLAD.

    Attributes:
        words: Visual words of a learned vocabulary.
        dimension: At most so many dimensions after the learned projection.
        learn_from: A gallery learns its own vocabulary and projection from so many photos on.
        vocabulary: For smaller galleries: a shipped one, ``sift`` or ``xfeat``, as the features are; or ``random-D``,
            words drawn at random, for any other features of D numbers.
    """

    words: int = 128
    dimension: int = 512
    learn_from: int = 300
    vocabulary: str = "sift"


class Vlad:
    """Residuals of local features to their visual words, summed per word, normalised, and perhaps projected.

    Of features of several kinds the first kind is described.
    """

    options_type = VladOptions

    def __init__(self, options: VladOptions, vocabulary: FloatArray, projection: FloatArray | None = None) -> None:
        self.options = options
        self.vocabulary = vocabulary
        self.projection = projection

    @classmethod
    def shipped(cls, options: VladOptions | None = None) -> Self:
        """The vocabulary that comes with whence, without a projection: for galleries too small to learn from."""
        options = options or VladOptions()
        return cls(options, _unlearned_words(options))

    @classmethod
    def learn(cls, options: VladOptions, photos: Iterable[LocalFeatures], *, seed: int = 0) -> Self:
        """Vocabulary and projection from the features of some photos. Deterministic for a seed and an order.

        Args:
            options: Sizes and exponents.
            photos: A sample of the gallery, at least ``options.words`` features in all.
            seed: Of the sampling and of k-means.
        """
        sample = list(photos)
        vocabulary = _learn_words(sample, options.words, seed)
        plain = cls(options, vocabulary)
        with ThreadPoolExecutor(os.cpu_count()) as threads:
            vectors = np.stack(list(threads.map(plain.describe, sample)))
        dimension = min(options.dimension, max(1, len(vectors) // 2))
        return cls(options, vocabulary, learn_projection(vectors, dimension))

    @classmethod
    def restore(cls, options: VladOptions, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Inverse of ``arrays``."""
        return cls(options, arrays["vocabulary"], arrays.get("projection"))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All that was learned, as plain arrays."""
        learned: dict[str, NDArray[Any]] = {"vocabulary": self.vocabulary}
        if self.projection is not None:
            learned["projection"] = self.projection
        return learned

    @property
    def fingerprint(self) -> str:
        """Changes with the options and with everything learned."""
        learned = [array for _, array in sorted(self.arrays().items())]
        options = {name: value for name, value in asdict(self.options).items() if name != "vocabulary"}
        return digest_of("vlad", 1, options, *learned)  # the vocabulary itself is among what was learned

    @property
    def learns_from(self) -> int:
        """Photos from which on a gallery learns a model of its own."""
        return self.options.learn_from

    @property
    def sees(self) -> str:
        """Nothing: local features suffice."""
        return ""

    def whole(self, image: Image) -> FloatArray | None:
        """None: local features suffice."""
        return None

    @property
    def dimension(self) -> int:
        """D of the vectors."""
        return self.vocabulary.size if self.projection is None else len(self.projection)

    def describe(self, features: LocalFeatures) -> FloatArray:
        """``(D,)`` float32 of unit length; all zeros for a photo without features."""
        features = features.parts[0]
        if not len(features):
            return np.zeros(self.dimension, dtype=np.float32)
        vector = aggregated(unit(features.descriptors.astype(np.float32)), self.vocabulary)
        return vector if self.projection is None else unit(self.projection @ vector, axis=None)


def aggregated(points: FloatArray, vocabulary: FloatArray) -> FloatArray:
    """``(K * D,)`` of unit length: residuals of ``(N, D)`` unit points to the nearest of ``(K, D)`` words."""
    nearest = np.argmax(points @ vocabulary.T - 0.5 * np.square(vocabulary).sum(axis=1), axis=1)
    residuals = unit(points - vocabulary[nearest])
    member = np.zeros((len(vocabulary), len(points)), dtype=np.float32)
    member[nearest, np.arange(len(points))] = 1
    words = unit(member @ residuals)
    return unit(np.sign(words) * np.sqrt(np.abs(words)), axis=None).ravel()


def unit(rows: FloatArray, axis: int | None = 1) -> FloatArray:
    """Rows (or with ``axis=None`` the whole array) scaled to length 1; zeros stay zeros."""
    norms = np.sqrt(np.square(rows).sum(axis=axis, keepdims=True))
    return np.asarray(rows / np.maximum(norms, 1e-12), np.float32)


def _unlearned_words(options: VladOptions) -> FloatArray:
    """``(words, D)`` for galleries that have not learned any."""
    name = options.vocabulary
    if name in _SHIPPED:
        return np.asarray(builtin.arrays(_SHIPPED[name])["vocabulary"], np.float32)
    kind, _, dimension = name.partition("-")
    if kind != "random" or not dimension.isdecimal() or not 0 < int(dimension) <= 4096:
        raise RecipeError(f"[describe] vocabulary = {name!r}: expected {', '.join(_SHIPPED)} or random-128")
    drawn = np.random.default_rng(0).normal(size=(options.words, int(dimension)))
    return unit(drawn.astype(np.float32))


def _learn_words(photos: list[LocalFeatures], words: int, seed: int) -> FloatArray:
    """``(words, D)`` k-means centres of unit local descriptors, the same number taken from every photo."""
    import faiss

    random = np.random.default_rng(seed)
    share = max(20, FEATURES_FOR_WORDS // max(1, len(photos)))
    parts = []
    for features in (photo.parts[0] for photo in photos):
        chosen = np.sort(random.permutation(len(features))[:share])
        parts.append(features.descriptors[chosen].astype(np.float32))
    points = unit(np.concatenate(parts))
    few, many = 1, len(points)  # faiss warns about a bad ratio on stdout; we chose the sample
    kmeans = faiss.Kmeans(
        points.shape[1], words, niter=20, seed=seed, min_points_per_centroid=few, max_points_per_centroid=many
    )
    kmeans.train(np.ascontiguousarray(points))
    return np.asarray(kmeans.centroids, dtype=np.float32)

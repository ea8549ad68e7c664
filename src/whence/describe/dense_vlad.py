"""VLAD of SIFT descriptors on a grid, and a learned whitening of it.

Sources: A. Torii et al., 24/7 place recognition by view synthesis, CVPR 2015 (dense VLAD); R. Arandjelović and
A. Zisserman, Three things everyone should know to improve object retrieval, CVPR 2012 (RootSIFT), and All about VLAD,
CVPR 2013 (intra-normalisation); H. Jégou and O. Chum, Negative evidences and co-occurrences in image retrieval,
ECCV 2012 (whitening).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from whence.describe import builtin
from whence.describe.dense import dense_sift
from whence.describe.digest import digest_of
from whence.describe.projection import learn_projection
from whence.describe.unlearned import whole_of
from whence.describe.vlad import aggregated, unit
from whence.errors import RecipeError
from whence.types import FloatArray, Image, LocalFeatures

_LEAST_CONTRAST = 10.0
"""Length of a gradient histogram, in grey levels summed over its bins, below which there is nothing but noise."""

_LEAST_SIDE_PX = 16
"""What the smallest descriptor covers."""


@dataclass(frozen=True, slots=True)
class DenseVladOptions:
    """Options of dense VLAD.

    Attributes:
        side_px: Longest side that the photo is reduced to.
        step_px: Between neighbouring descriptors.
        scales: How many sizes of descriptors, of bins of 4, 6, 8, 10... pixels.
        dimension: At most so many dimensions after the learned projection, and at most half as many as photos.
        shrinkage: Of the eigenvalues towards their mean; 0 whitens fully, as published.
        learn_from: A gallery learns its own projection from so many photos on.
    """

    side_px: int = 640
    step_px: int = 8
    scales: int = 4
    dimension: int = 1024
    shrinkage: float = 0.5
    learn_from: int = 300


class DenseVlad:
    """Residuals of upright RootSIFT to the words of a vocabulary that ships with whence.

    The vocabulary never changes, so that what is kept of a photo stays good whatever the gallery learns later.
    """

    options_type = DenseVladOptions

    def __init__(self, options: DenseVladOptions, projection: FloatArray | None = None) -> None:
        """With a projection, or without one.

        Raises:
            RecipeError: An option out of range.
        """
        if options.shrinkage > 1:
            raise RecipeError(f"[describe] shrinkage = {options.shrinkage}: expected a number from 0 to 1")
        if options.side_px < _LEAST_SIDE_PX:
            raise RecipeError(f"[describe] side_px = {options.side_px}: expected at least {_LEAST_SIDE_PX}")
        self.options = options
        self.projection = projection

    @classmethod
    def shipped(cls, options: DenseVladOptions | None = None) -> Self:
        """VLAD as it is, without a projection."""
        return cls(options or DenseVladOptions())

    @classmethod
    def learn(cls, options: DenseVladOptions, photos: Iterable[LocalFeatures]) -> Self:
        """The projection, from at least one photo."""
        vectors = np.stack([whole_of(features) for features in photos])
        dimension = min(options.dimension, max(1, len(vectors) // 2))
        return cls(options, learn_projection(vectors, dimension, options.shrinkage))

    @classmethod
    def restore(cls, options: DenseVladOptions, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Inverse of ``arrays``."""
        return cls(options, arrays.get("projection"))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All that was learned, as plain arrays."""
        return {} if self.projection is None else {"projection": self.projection}

    @property
    def learns_from(self) -> int:
        """Photos from which on a gallery learns a projection of its own."""
        return self.options.learn_from

    @property
    def fingerprint(self) -> str:
        """Changes with the options, the vocabulary and what was learned."""
        return digest_of("dense-vlad", 1, asdict(self.options), *_vocabulary(), *self.arrays().values())

    @property
    def sees(self) -> str:
        """Changes with what decides the vector before the projection."""
        seen = {name: getattr(self.options, name) for name in ("side_px", "step_px", "scales")}
        return digest_of("dense-vlad-taken", 1, seen, *_vocabulary())

    @property
    def dimension(self) -> int:
        """D of the vectors."""
        return _vocabulary()[2].size if self.projection is None else len(self.projection)

    def whole(self, image: Image) -> FloatArray:
        """``(8192,)`` float32 of unit length, before any projection; zeros for a blank image."""
        mean, basis, vocabulary = _vocabulary()
        bins = range(4, 4 + 2 * self.options.scales, 2)
        found = dense_sift(_reduced(image, self.options.side_px), self.options.step_px, bins)
        found = found[np.square(found).sum(axis=1) > _LEAST_CONTRAST**2]
        if not len(found):
            return np.zeros(vocabulary.size, np.float32)
        root = np.sqrt(found / found.sum(axis=1, keepdims=True))
        return aggregated(unit((root - mean) @ basis.T), vocabulary)

    def describe(self, features: LocalFeatures) -> FloatArray:
        """``(D,)`` float32 of unit length; all zeros for a blank photo."""
        vector = whole_of(features)
        return unit(vector if self.projection is None else self.projection @ vector, axis=None)


def _vocabulary() -> tuple[FloatArray, FloatArray, FloatArray]:
    """``mean (128,)`` and ``basis (64, 128)`` of RootSIFT on a grid, ``vocabulary (K, 64)``."""
    shipped = builtin.arrays("dense")
    return shipped["mean"], shipped["basis"], shipped["vocabulary"]


def _reduced(image: Image, side: int) -> FloatArray:
    """Grey, and no larger than asked for."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    height, width = grey.shape
    if max(height, width) <= side:
        return np.asarray(grey, np.float32)
    size = (max(1, round(width * side / max(height, width))), max(1, round(height * side / max(height, width))))
    return np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.float32)

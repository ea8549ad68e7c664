"""VLAD of keypoints and VLAD of a grid in one vector: each finds places that the other misses.

Keypoints stand on what is striking and follow it through changes of scale; a grid also sees walls, sky and the lie of
things. The cosine of two vectors is the weighted mean of both cosines (docs/benchmarks.md has what that gains).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from whence.describe.dense_vlad import DenseVlad, DenseVladOptions
from whence.describe.digest import digest_of
from whence.describe.vlad import Vlad, VladOptions
from whence.errors import RecipeError
from whence.types import FloatArray, Image, LocalFeatures


@dataclass(frozen=True, slots=True)
class VladDenseOptions:
    """Options of both.

    Attributes:
        words: Visual words of a learned vocabulary of keypoints.
        dimension: At most so many dimensions of keypoints after the learned projection.
        vocabulary: Of keypoints, for smaller galleries; see ``VladOptions``.
        side_px: Longest side that the photo is reduced to for the grid.
        step_px: Of the grid.
        scales: How many sizes of descriptors stand on it.
        grid_dimension: At most so many dimensions of the grid after its projection.
        grid_share: Weight of the grid's cosine, from 0 to 1; the rest is that of the keypoints.
        learn_from: A gallery learns its own vocabulary and projections from so many photos on.
    """

    words: int = 128
    dimension: int = 512
    vocabulary: str = "sift"
    side_px: int = 400
    step_px: int = 8
    scales: int = 3
    grid_dimension: int = 1024
    grid_share: float = 0.5
    learn_from: int = 300

    @property
    def points(self) -> VladOptions:
        """Of the part for keypoints."""
        return VladOptions(self.words, self.dimension, self.learn_from, self.vocabulary)

    @property
    def grid(self) -> DenseVladOptions:
        """Of the part for the grid."""
        return DenseVladOptions(
            self.side_px, self.step_px, self.scales, self.grid_dimension, learn_from=self.learn_from
        )


class VladDense:
    """Two VLADs side by side."""

    options_type = VladDenseOptions

    def __init__(self, options: VladDenseOptions, points: Vlad, grid: DenseVlad) -> None:
        """From its two parts.

        Raises:
            RecipeError: A share above 1.
        """
        if options.grid_share > 1:
            raise RecipeError(f"[describe] grid_share = {options.grid_share}: expected a number from 0 to 1")
        self.options = options
        self._points, self._grid = points, grid

    @classmethod
    def shipped(cls, options: VladDenseOptions | None = None) -> Self:
        """Shipped vocabularies without projections: for galleries too small to learn from."""
        options = options or VladDenseOptions()
        return cls(options, Vlad.shipped(options.points), DenseVlad.shipped(options.grid))

    @classmethod
    def learn(cls, options: VladDenseOptions, photos: Iterable[LocalFeatures]) -> Self:
        """The vocabulary of keypoints and both projections. Deterministic for an order."""
        sample = list(photos)
        return cls(options, Vlad.learn(options.points, sample), DenseVlad.learn(options.grid, sample))

    @classmethod
    def restore(cls, options: VladDenseOptions, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Inverse of ``arrays``."""
        points, grid = (
            {name.removeprefix(f"{part}."): array for name, array in arrays.items() if name.startswith(f"{part}.")}
            for part in ("points", "grid")
        )
        return cls(options, Vlad.restore(options.points, points), DenseVlad.restore(options.grid, grid))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All that was learned, by part."""
        parts = {"points": self._points.arrays(), "grid": self._grid.arrays()}
        return {f"{part}.{name}": array for part, learned in parts.items() for name, array in learned.items()}

    @property
    def learns_from(self) -> int:
        """Photos from which on a gallery learns a model of its own."""
        return self.options.learn_from

    @property
    def fingerprint(self) -> str:
        """Changes with whatever changes one of the parts, and with their weights."""
        options = {name: value for name, value in asdict(self.options).items() if name != "vocabulary"}
        parts = {"points": self._points.fingerprint, "grid": self._grid.fingerprint}
        return digest_of("vlad-dense", 1, options | parts)

    @property
    def sees(self) -> str:
        """That of the grid."""
        return self._grid.sees

    def whole(self, image: Image) -> FloatArray:
        """``(8192,)`` of the grid; see ``DenseVlad``."""
        return self._grid.whole(image)

    @property
    def dimension(self) -> int:
        """D of the vectors."""
        return self._points.dimension + self._grid.dimension

    def describe(self, features: LocalFeatures) -> FloatArray:
        """``(D,)`` float32 of unit length; all zeros for a blank photo. A part that sees nothing leaves the other."""
        share = self.options.grid_share
        points, grid = self._points.describe(features), self._grid.describe(features)
        vector = np.concatenate([np.sqrt(1 - share) * points, np.sqrt(share) * grid])
        return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-12), np.float32)

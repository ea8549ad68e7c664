"""What is to be beaten too: the class with the nearest mean vector."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from whence.direct.estimators.estimator import Arrays, Circumstances, Examples, OfVectors, need_classes
from whence.direct.targets.target import Target
from whence.types import DoubleArray, FloatArray


@dataclass(frozen=True, slots=True)
class NearestMeanOptions:
    """Options of the nearest mean: there are none."""


class NearestMean(OfVectors):
    """Scores are negative squared distances from each class's mean, over the mean squared distance within classes."""

    options_type = NearestMeanOptions

    def __init__(self, means: FloatArray, spread: float) -> None:
        self._means, self._spread = means, spread

    @classmethod
    def fit(
        cls,
        options: NearestMeanOptions,
        examples: Examples,
        checked: Examples | None,
        target: Target,
        around: Circumstances,
    ) -> Self:
        """See ``Estimator``.

        Raises:
            RecipeError: The target is coordinates.
        """
        names = need_classes(target, "nearest-mean").partitions
        vectors = np.asarray(examples.vectors, np.float64)
        middle = vectors.mean(axis=0)
        means, apart = [], []
        for column, classes in zip(examples.truth.T, names, strict=True):
            for number in range(len(classes)):
                own = vectors[column == number]
                means.append(own.mean(axis=0) if len(own) else middle)
                apart.append(((own - means[-1]) ** 2).sum() if len(own) else 0.0)
        spread = sum(apart) / max(len(vectors) * len(names), 1)
        return cls(np.asarray(means, np.float32), max(float(spread), 1e-9))

    @classmethod
    def restore(cls, options: NearestMeanOptions, arrays: Arrays, words: Mapping[str, Any], target: Target) -> Self:
        """See ``Estimator``."""
        return cls(np.asarray(arrays["means"], np.float32), float(arrays["spread"]))

    def outputs(self, vectors: FloatArray) -> DoubleArray:
        """See ``Estimator``."""
        given = np.asarray(vectors, np.float64)
        means = np.asarray(self._means, np.float64)
        squares = (given**2).sum(axis=1)[:, None] + (means**2).sum(axis=1) - 2 * given @ means.T
        return np.asarray(-squares / self._spread)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """See ``Estimator``."""
        return {"means": self._means, "spread": np.array(self._spread)}

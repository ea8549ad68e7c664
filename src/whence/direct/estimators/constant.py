"""What is to be beaten: the same answer for every photo."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from whence.direct.estimators.estimator import Arrays, Circumstances, Examples, OfVectors
from whence.direct.prediction import weighted_median
from whence.direct.targets.target import Classes, Target
from whence.types import DoubleArray, FloatArray, Image


@dataclass(frozen=True, slots=True)
class ConstantOptions:
    """Options of a constant answer: there are none."""


class Constant(OfVectors):
    """The shares of the classes among the photos it was trained with; for coordinates, the point in their middle."""

    options_type = ConstantOptions
    takes = "nothing"

    def __init__(self, answer: DoubleArray) -> None:
        self._answer = answer

    @classmethod
    def fit(
        cls,
        options: ConstantOptions,
        examples: Examples,
        checked: Examples | None,
        target: Target,
        around: Circumstances,
    ) -> Self:
        """See ``Estimator``."""
        if isinstance(target, Classes):
            shares = [
                np.bincount(column[column >= 0], minlength=len(names)) + 1e-3
                for column, names in zip(examples.truth.T, target.partitions, strict=True)
            ]
            return cls(np.concatenate([np.log(counts / counts.sum()) for counts in shares]))
        middle = weighted_median(examples.truth, np.ones(len(examples)), metric=True)
        return cls(middle if target.width == 2 else np.tile([*middle, 0.0, 0.0], target.width // 4))

    @classmethod
    def restore(cls, options: ConstantOptions, arrays: Arrays, words: Mapping[str, Any], target: Target) -> Self:
        """See ``Estimator``."""
        return cls(np.asarray(arrays["answer"], np.float64).reshape(target.width))

    def outputs(self, vectors: FloatArray) -> DoubleArray:
        """See ``Estimator``."""
        return np.tile(self._answer, (len(vectors), 1))

    def of_picture(self, image: Image) -> DoubleArray:
        """See ``Estimator``."""
        return self._answer

    def arrays(self) -> dict[str, NDArray[Any]]:
        """See ``Estimator``."""
        return {"answer": self._answer}

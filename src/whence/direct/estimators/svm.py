"""Support vector machines, one for each class against all others, by scikit-learn (the extra ``ml``).

What is kept are plain arrays, and scores are computed from these: nothing has to be unpickled, and a model can be asked
without scikit-learn.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from whence.direct.estimators.estimator import Arrays, Circumstances, Examples, OfVectors, need_classes, parts
from whence.direct.targets.target import Target
from whence.errors import InputError, MissingExtraError, RecipeError
from whence.types import DoubleArray, FloatArray

_COSTS = (0.1, 1.0, 10.0)
_KERNELS = ("linear", "rbf")
_MOST = 20_000
"""Photos: all their kernels are in memory, 3 GB of them."""


@dataclass(frozen=True, slots=True)
class SvmOptions:
    """Options of support vector machines.

    Attributes:
        cost: C, what a photo on the wrong side costs; 0 to choose it, with the kernel, by cross-validation.
        kernel: ``linear`` or ``rbf``; empty to choose.
        gamma: Of the kernel ``rbf``, over the number of dimensions and their variance; 0 for 1.
        class_weights: Whether both sides of each class count the same, however many photos they have.
    """

    cost: float = 0.0
    kernel: str = ""
    gamma: float = 0.0
    class_weights: bool = False

    def __post_init__(self) -> None:
        if self.kernel and self.kernel not in _KERNELS:
            raise RecipeError(f"[estimate] kernel = {self.kernel!r}: expected one of {', '.join(_KERNELS)}")


class Svm(OfVectors):
    """Scaled vectors, then a score for each class: positive on its side."""

    options_type = SvmOptions

    def __init__(self, options: SvmOptions, arrays: Arrays) -> None:
        self.options, self._arrays = options, arrays

    @classmethod
    def settled(cls, options: SvmOptions, examples: Examples, target: Target, around: Circumstances) -> SvmOptions:
        """Cost and kernel that are right most often over the folds."""
        made = need_classes(target, "svm")
        grid = [
            replace(options, cost=cost, kernel=kernel)
            for kernel in ([options.kernel] if options.kernel else _KERNELS)
            for cost in ([options.cost] if options.cost else _COSTS)
        ]
        if len(grid) == 1:
            return grid[0]
        part = parts(examples.groups, min(around.folds, 3), around.seed)

        def right(one: SvmOptions) -> float:
            hits = 0
            for held in range(part.max() + 1):
                learned = cls.fit(one, examples.only(part != held), None, target, around)
                asked = examples.only(part == held)
                hits += int((made.split(learned.outputs(asked.vectors))[0].argmax(axis=1) == asked.truth[:, 0]).sum())
            return hits / len(examples)

        return max(grid, key=right)

    @classmethod
    def fit(
        cls, options: SvmOptions, examples: Examples, checked: Examples | None, target: Target, around: Circumstances
    ) -> Self:
        """See ``Estimator``.

        Raises:
            MissingExtraError: Without the extra ``ml``.
            RecipeError: The target is coordinates.
        """
        try:
            from sklearn.svm import SVC
        except ImportError as error:
            raise MissingExtraError("Support vector machines", "ml") from error
        if len(examples) > _MOST:
            raise InputError(
                f"[estimate] method = 'svm' compares every photo with every other, and there are {len(examples):,}; "
                f"expected at most {_MOST:,}: take fewer of each class ([train] per_class), or method = 'dense'"
            )
        vectors = np.asarray(examples.vectors, np.float64)
        mean, deviation = vectors.mean(axis=0), vectors.std(axis=0)
        scale = np.where(deviation > 1e-9, deviation, 1.0)
        scaled = ((vectors - mean) / scale).astype(np.float32)
        gamma = (options.gamma or 1.0) / scaled.shape[1]
        kernel = options.kernel or _KERNELS[0]
        support = scaled if kernel == "rbf" else np.zeros((0, scaled.shape[1]), np.float32)
        gram = _gram(np.asarray(scaled, np.float64), kernel, gamma)  # once for all classes
        columns, offsets = [], []
        for own in _sides(examples.truth, need_classes(target, "svm").partitions):
            if own.all() or not own.any():  # a class that a fold does not have
                columns.append(np.zeros(len(support) or scaled.shape[1], np.float32))
                offsets.append(-1.0 if not own.any() else 1.0)
                continue
            weights = examples.weights * (_even(own) if options.class_weights else 1.0)
            made = SVC(C=options.cost or 1.0, kernel="precomputed").fit(gram, own, sample_weight=weights)
            offsets.append(float(made.intercept_[0]))
            column = np.zeros(len(scaled))
            column[made.support_] = made.dual_coef_[0]
            columns.append((column @ scaled if kernel == "linear" else column).astype(np.float32))
        coefficients = np.stack(columns, axis=1)
        if kernel == "rbf":
            used = np.abs(coefficients).max(axis=1) > 0
            support, coefficients = support[used], coefficients[used]
        return cls(
            replace(options, kernel=kernel),
            {
                "mean": mean.astype(np.float32),
                "scale": scale.astype(np.float32),
                "support": support,
                "coefficients": coefficients,
                "offsets": np.asarray(offsets, np.float64),
                "gamma": np.array(gamma),
            },
        )

    @classmethod
    def restore(cls, options: SvmOptions, arrays: Arrays, words: Mapping[str, Any], target: Target) -> Self:
        """See ``Estimator``."""
        if not arrays["coefficients"].shape[1] == len(arrays["offsets"]) == target.width:
            raise ValueError(f"{len(arrays['offsets'])} classes, expected {target.width}")
        return cls(replace(options, kernel=str(words["kernel"]), cost=float(words["cost"])), dict(arrays))

    def words(self) -> dict[str, Any]:
        """The kernel and the cost that were chosen."""
        return {"kernel": self.options.kernel, "cost": self.options.cost}

    def outputs(self, vectors: FloatArray) -> DoubleArray:
        """See ``Estimator``."""
        arrays = self._arrays
        scaled = (np.asarray(vectors, np.float64) - arrays["mean"]) / arrays["scale"]
        if self.options.kernel == "linear":
            return np.asarray(scaled @ arrays["coefficients"] + arrays["offsets"], np.float64)
        support = np.asarray(arrays["support"], np.float64)
        kernel = _rbf(scaled, support, float(arrays["gamma"]))
        return np.asarray(kernel @ arrays["coefficients"] + arrays["offsets"], np.float64)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """See ``Estimator``."""
        return dict(self._arrays)


def _gram(vectors: DoubleArray, kernel: str, gamma: float) -> DoubleArray:
    """``(N, N)``."""
    return np.asarray(vectors @ vectors.T) if kernel == "linear" else _rbf(vectors, vectors, gamma)


def _rbf(first: DoubleArray, second: DoubleArray, gamma: float) -> DoubleArray:
    """``(N, M)``."""
    squares = (first**2).sum(axis=1)[:, None] + (second**2).sum(axis=1) - 2 * first @ second.T
    return np.asarray(np.exp(-gamma * np.maximum(squares, 0)))


def _sides(truth: NDArray[np.intp], partitions: list[list[str]]) -> Iterator[NDArray[np.bool_]]:
    """Of each class of each partition: which examples are of it."""
    for column, names in zip(truth.T, partitions, strict=True):
        for number in range(len(names)):
            yield column == number


def _even(own: NDArray[np.bool_]) -> DoubleArray:
    """Weights that give both sides the same say."""
    share = float(own.mean())
    return np.where(own, 0.5 / share, 0.5 / (1 - share))

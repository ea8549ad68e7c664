"""What a model is asked for: the protocol, and what all targets that are classes have in common.

Targets are registered under ``whence.targets``; each class names its frozen dataclass of options as ``options_type``.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Generic, Protocol, Self, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from whence.direct.prediction import Prediction, weighted_median
from whence.errors import InputError, ModelError
from whence.geo.plane import coordinates
from whence.types import XY, DoubleArray, Photo

Arrays = Mapping[str, NDArray[Any]]
Options = TypeVar("Options")
_OWN = "learned."
_POINTS = 200
"""Positions that are kept of each class, at most."""


@runtime_checkable
class Target(Protocol):
    """What is asked for, as numbers.

    The class also makes targets: ``learn(options, photos)`` from photos with positions or labels, and
    ``restore(options, arrays, words)``, the inverse of ``arrays()`` and ``words()``.
    """

    @property
    def width(self) -> int:
        """W: numbers that an estimator has to give."""
        ...

    def truth(self, photos: Sequence[Photo]) -> NDArray[Any]:
        """``(N, K)``: class numbers of each photo in K partitions, -1 for none; or what coordinates are as numbers."""
        ...

    def predicted(self, outputs: DoubleArray) -> Prediction:
        """What ``(W,)`` outputs of an estimator say."""
        ...

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What was learned, as plain arrays."""
        ...

    def words(self) -> dict[str, Any]:
        """What was learned, as JSON allows."""
        ...


class Classes(ABC, Generic[Options]):
    """Classes in K partitions, the finest first; an estimator gives a score for each class of each partition.

    The probability of a class is its own, times those of the coarser classes that it lies in (E. Müller-Budack et al.,
    Geolocation Estimation of Photos using a Hierarchical Model and Scene Classification, ECCV 2018, section 3.3).
    """

    options_type: type[Options]

    def __init__(self, options: Options, learned: Arrays) -> None:
        self.options, self.learned = options, learned
        self.partitions: list[list[str]] = []
        self._above = np.zeros((0, 0), np.intp)
        self._points, self._owners = np.zeros((0, 2)), np.zeros(0, np.intp)
        self._metric = False

    @classmethod
    def learn(cls, options: Options, photos: Sequence[Photo]) -> Self:
        """Finds out which classes there are.

        Raises:
            InputError: Fewer than two classes, or photos without what they are told by.
        """
        made = cls(options, cls._learned(options, photos))
        labels = [made.labels(photo) for photo in photos]
        made._name([label for label in labels if label is not None])
        made._place(photos)
        return made

    @classmethod
    def restore(cls, options: Options, arrays: Arrays, words: Mapping[str, Any]) -> Self:
        """Inverse of ``arrays`` and ``words``.

        Raises:
            ModelError: They are not of such a target.
        """
        try:
            own = {name[len(_OWN) :]: value for name, value in arrays.items() if name.startswith(_OWN)}
            made = cls(options, own)
            made.partitions = [[str(name) for name in names] for names in words["partitions"]]
            made._above, made._metric = np.asarray(arrays["above"], np.intp), bool(words["metric"])
            made._points = np.asarray(arrays["points"], np.float64).reshape(-1, 2)
            made._owners = np.asarray(arrays["owners"], np.intp)
            if made._above.shape != (len(made.partitions[0]), len(made.partitions) - 1):
                raise ValueError("classes and their hierarchy differ")
            if len(made._points) != len(made._owners) or any(
                not 0 <= number < len(names)
                for names, numbers in zip(
                    [made.names, *made.partitions[1:]], [made._owners, *made._above.T], strict=True
                )
                for number in numbers.tolist()
            ):
                raise ValueError("photos and classes differ")
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise ModelError(f"the model's classes cannot be read: {error}") from error
        return made

    def arrays(self) -> dict[str, NDArray[Any]]:
        """See ``Target``."""
        own = {f"{_OWN}{name}": np.asarray(value) for name, value in self.learned.items()}
        return {**own, "above": self._above, "points": self._points, "owners": self._owners}

    def words(self) -> dict[str, Any]:
        """See ``Target``."""
        return {"partitions": self.partitions, "metric": self._metric}

    @property
    def names(self) -> list[str]:
        """Of the finest classes."""
        return self.partitions[0]

    @property
    def width(self) -> int:
        """Classes of all partitions."""
        return sum(map(len, self.partitions))

    def truth(self, photos: Sequence[Photo]) -> NDArray[np.intp]:
        """``(N, K)`` class numbers, the finest first; -1 where a photo has none, or one that was not learned."""
        numbers = [{name: number for number, name in enumerate(names)} for names in self.partitions]
        found = np.full((len(photos), len(numbers)), -1, np.intp)
        for row, photo in enumerate(photos):
            for part, label in enumerate(self.labels(photo) or ()):
                found[row, part] = numbers[part].get(label, -1)
        return found

    def split(self, outputs: DoubleArray) -> list[DoubleArray]:
        """``(..., W)`` outputs apart by partition."""
        return np.split(outputs, np.cumsum([len(names) for names in self.partitions])[:-1], axis=-1)

    def probabilities(self, outputs: DoubleArray) -> DoubleArray:
        """``(..., C)`` of the finest classes, of ``(..., W)`` outputs."""
        fine, *coarse = (_softmax(part) for part in self.split(outputs))
        for part, shares in enumerate(coarse):
            fine = fine * shares[..., self._above[:, part]]
        return np.asarray(fine / np.maximum(fine.sum(axis=-1, keepdims=True), 1e-300))

    def predicted(self, outputs: DoubleArray) -> Prediction:
        """See ``Target``."""
        return self.placed(self.probabilities(outputs))

    def placed(self, fine: DoubleArray) -> Prediction:
        """Where a photo may be, given ``(C,)`` probabilities of the classes."""
        weights = fine[self._owners] / np.bincount(self._owners, minlength=len(fine))[self._owners]
        total = weights.sum()
        return Prediction(self.names, fine, self._points, weights / total if total > 0 else weights, self._metric)

    def placed_by(self, photos: Sequence[Photo]) -> Self | None:
        """The same classes, with some of their photos alone to say where they are; None if a class has none of them."""
        other = copy.copy(self)
        other._points, other._owners = np.zeros((0, 2)), np.zeros(0, np.intp)
        other._place(photos)
        return other if len(other._points) or not len(self._points) else None

    def centres(self) -> DoubleArray | None:
        """``(C, 2)``: the middle of the photos of each class; None where positions are not known."""
        if not len(self._points):
            return None
        found = []
        for number in range(len(self.names)):
            own = self._points[self._owners == number]
            found.append(weighted_median(own, np.ones(len(own)), self._metric))
        return np.stack(found)

    @classmethod
    def _learned(cls, options: Options, photos: Sequence[Photo]) -> Arrays:
        """What labels depend on."""
        return {}

    @abstractmethod
    def labels(self, photo: Photo) -> tuple[str, ...] | None:
        """Names of a photo's classes, the finest first; None where it has none."""

    def _name(self, labels: Sequence[tuple[str, ...]]) -> None:
        if not labels:
            raise InputError(f"no photo has {self._wanted()}; nothing can be learned")
        self.partitions = [sorted({names[part] for names in labels}) for part in range(len(labels[0]))]
        if len(self.names) < 2:
            raise InputError(f"all photos are of one class, {self.names[0]}; expected at least two to tell apart")
        above: dict[str, list[str]] = {}
        for fine, *coarse in labels:
            above.setdefault(fine, coarse)
        numbers = [{name: number for number, name in enumerate(names)} for names in self.partitions[1:]]
        rows = [[table[name] for table, name in zip(numbers, above[fine], strict=True)] for fine in self.names]
        self._above = np.array(rows, np.intp).reshape(len(self.names), len(numbers))

    def _place(self, photos: Sequence[Photo]) -> None:
        """Where the photos of each class are, evenly thinned out."""
        numbers = self.truth(photos)[:, 0] if photos else np.zeros(0, np.intp)
        placed = [(int(number), photo) for number, photo in zip(numbers, photos, strict=True) if number >= 0]
        placed = [(number, photo) for number, photo in placed if photo.position is not None]
        sizes, seen, kept = Counter(number for number, _ in placed), Counter[int](), []
        for number, photo in placed:
            step = max(1.0, sizes[number] / _POINTS)
            if int(seen[number] / step) != int((seen[number] - 1) / step) or not seen[number]:
                kept.append((number, photo))
            seen[number] += 1
        if set(sizes) != set(range(len(self.names))):
            return  # a class without a place: no positions are answered at all, rather than wrong ones
        positions = [photo.position for _, photo in kept if photo.position is not None]
        self._points, self._owners = coordinates(positions), np.array([number for number, _ in kept], np.intp)
        self._metric = isinstance(positions[0], XY)

    def _wanted(self) -> str:
        return "a position"


def _softmax(scores: DoubleArray) -> DoubleArray:
    raised = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True))

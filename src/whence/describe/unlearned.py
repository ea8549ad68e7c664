"""What describers share that look at pixels and learn nothing."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any, Generic, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from whence.errors import InputError
from whence.types import FloatArray, Image, LocalFeatures

O = TypeVar("O")  # noqa: E741
"""Frozen dataclass of a describer's options."""


class Unlearned(ABC, Generic[O]):
    """The vector of a photo is what was taken of its pixels; who derives from this says what that is."""

    def __init__(self, options: O) -> None:
        self.options = options

    @classmethod
    def shipped(cls, options: O) -> Self:
        """The only one that there is."""
        return cls(options)

    @classmethod
    def learn(cls, options: O, photos: Iterable[LocalFeatures]) -> Self:
        """The same: there is nothing to learn."""
        return cls(options)

    @classmethod
    def restore(cls, options: O, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Inverse of ``arrays``."""
        return cls(options)

    @property
    def learns_from(self) -> int:
        """Never."""
        return 0

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Nothing was learned."""
        return {}

    @property
    @abstractmethod
    def sees(self) -> str:
        """Fingerprint of what ``whole`` takes."""
        ...

    @abstractmethod
    def whole(self, image: Image) -> FloatArray:
        """The vector, of unit length; zeros for a blank ``(H, W, 3)`` RGB image."""
        ...

    @property
    @abstractmethod
    def dimension(self) -> int:
        """D of the vectors."""
        ...

    @property
    def fingerprint(self) -> str:
        """That of what is taken of pixels."""
        return self.sees

    def describe(self, features: LocalFeatures) -> FloatArray:
        """``(D,)`` float32 of unit length, half precision made good; zeros for a blank photo."""
        whole = whole_of(features)
        return np.asarray(whole / max(float(np.linalg.norm(whole)), 1e-12), np.float32)


def whole_of(features: LocalFeatures) -> FloatArray:
    """What a describer took of the pixels, as it was kept.

    Raises:
        InputError: Nothing was: the features are those of another recipe.
    """
    if features.whole is None:
        raise InputError("features without a vector of the whole image; make them by the recipe that describes them")
    return features.whole

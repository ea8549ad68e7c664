"""A first guess anywhere on the earth by GeoCLIP, through its own package (the extra ``geoclip``).

Source: V. Vivanco Cepeda et al., GeoCLIP: Clip-Inspired Alignment between Locations and Images for Effective Worldwide
Geo-localization, NeurIPS 2023. Code and weights are theirs (MIT); the package fetches CLIP's from their publisher when
it is first asked. Nothing is learned here but what its answers are worth.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from whence.direct.estimators.estimator import Arrays, Circumstances, Examples, OfPictures
from whence.direct.targets.coordinates import Coordinates
from whence.direct.targets.target import Target
from whence.errors import MissingExtraError, ModelError, RecipeError, first_line
from whence.types import DoubleArray, Image

_NARROW = -12.0
"""The least width that a place of a mixture can have: GeoCLIP names points."""


@dataclass(frozen=True, slots=True)
class GeoClipOptions:
    """Options of GeoCLIP: how many places it names is the target's to say."""


class GeoClip(OfPictures):
    """As many places as the target asks for, of the 100,000 that it knows, with their probabilities."""

    options_type = GeoClipOptions

    def __init__(self, target: Coordinates) -> None:
        self._target = target

    @classmethod
    def fit(
        cls,
        options: GeoClipOptions,
        examples: Examples,
        checked: Examples | None,
        target: Target,
        around: Circumstances,
    ) -> Self:
        """See ``Estimator``.

        Raises:
            MissingExtraError: Without the package.
            ModelError: Its weights cannot be had.
            RecipeError: The target is not several places on the sphere.
        """
        _opened()
        return cls(_several(target))

    @classmethod
    def restore(cls, options: GeoClipOptions, arrays: Arrays, words: Mapping[str, Any], target: Target) -> Self:
        """See ``Estimator``."""
        return cls(_several(target))

    def of_picture(self, image: Image) -> DoubleArray:
        """See ``Estimator``."""
        from io import BytesIO

        from PIL import Image as Pillow

        stream = BytesIO()  # what its package takes is a file
        Pillow.fromarray(image).save(stream, "PNG")
        stream.seek(0)
        count = self._target.options.places
        places, probabilities = _opened().predict(stream, top_k=count)
        numbers = self._target.numbers(np.asarray(places, np.float64))
        weights = np.log(np.maximum(np.asarray(probabilities, np.float64), 1e-12))
        return np.column_stack([numbers, np.full(count, _NARROW), weights]).ravel()

    def arrays(self) -> dict[str, NDArray[Any]]:
        """See ``Estimator``; the weights stay with the package."""
        return {}


def _several(target: Target) -> Coordinates:
    if not isinstance(target, Coordinates) or target.on != "sphere" or target.options.places < 2:
        raise RecipeError(
            "[estimate] method = 'geoclip' names places on the earth: [target] method = 'coordinates', places = 20"
        )
    return target


@lru_cache(maxsize=1)
def _opened() -> Any:
    try:
        from geoclip import GeoCLIP
    except ImportError as error:
        raise MissingExtraError("Guesses by GeoCLIP", "geoclip") from error
    try:
        return GeoCLIP().eval()
    except Exception as error:  # whatever stands between it and the weights that it fetches
        raise ModelError(f"GeoCLIP, which fetches its weights, cannot be opened: {first_line(error)}") from error

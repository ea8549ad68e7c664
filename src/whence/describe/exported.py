"""Keypoints and descriptors of any network that was exported to ONNX with its post-processing, the extra ``onnx``.

ALIKED, DISK and SuperPoint are usually exported so: a picture in; keypoints, scores and descriptors out.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from whence.describe.digest import digest_of
from whence.describe.frame import fitted, keypoints_from
from whence.describe.quantised import quantised
from whence.errors import ModelError, RecipeError
from whence.models import onnx, store
from whence.types import FloatArray, Image, LocalFeatures

_SIZE_PX = 8.0
"""Diameter that keypoints are given: networks of this kind tell none."""


@dataclass(frozen=True, slots=True)
class ExportedOptions:
    """Options of an exported network.

    Attributes:
        model: Its ``.onnx`` file. The input is ``(1, 1 or 3, H, W)``, of a fixed size or of any; the outputs are
            ``(1, N, 2)`` keypoints x, y in pixels of the input, ``(1, N)`` scores, and ``(1, N, D)`` or ``(1, D, N)``
            descriptors, told apart by their names or else by their shapes.
        dimension: D.
        keypoints: At most so many, those with the highest scores.
        multiple: Of which the sides of a picture have to be multiples, for a network that takes any size.
    """

    model: str = ""
    dimension: int = 128
    keypoints: int = 1000
    multiple: int = 32


class Exported:
    """Photos keep their proportions, whatever size the network was exported for."""

    options_type = ExportedOptions

    def __init__(self, options: ExportedOptions | None = None) -> None:
        """Loads the network.

        Raises:
            RecipeError: No model is named.
            ModelError: It is not there, or its input is no picture.
            MissingExtraError: Without the extra ``onnx``.
        """
        self.options = options or ExportedOptions()
        if not self.options.model:
            raise RecipeError("[features] method = 'exported' needs model = '...', the .onnx file of the network")
        path = Path(self.options.model).expanduser()
        self._session = onnx.session(path)
        self._digest = store.digest_of(path)
        inputs = self._session.get_inputs()
        if len(inputs) != 1 or len(inputs[0].shape) != 4 or inputs[0].shape[1] not in (1, 3):
            raise ModelError(f"{path}: its input is {[i.shape for i in inputs]}; expected one (1, 1 or 3, H, W)")
        self._input, self._channels = inputs[0].name, inputs[0].shape[1]
        self._sides = inputs[0].shape[2:]

    @property
    def fingerprint(self) -> str:
        """Changes with the options and with the network, not with where it lies."""
        options = {name: value for name, value in asdict(self.options).items() if name != "model"}
        return digest_of("exported", 1, {**options, "network": self._digest})

    def extract(self, image: Image) -> LocalFeatures:
        """At most ``keypoints`` features, highest scores first, descriptors ``(N, D)`` int8; upright, of one size."""
        height, width = image.shape[:2]
        empty = LocalFeatures(
            np.zeros((0, 4), np.float32), np.zeros((0, self.options.dimension), np.int8), width, height
        )
        if image.max() == image.min():
            return empty
        picture = image if self._channels == 3 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None]
        framed, scale = fitted(np.asarray(picture, np.uint8), self._sides, self.options.multiple)
        data = np.ascontiguousarray(framed.astype(np.float32).transpose(2, 0, 1)[None] / 255)
        points, scores, descriptors = self._sorted(self._session.run(None, {self._input: data}))
        inside = (points >= 0).all(axis=1) & (points <= np.array([width, height]) * scale - 0.5).all(axis=1)
        kept = np.flatnonzero(inside)
        kept = kept[np.argsort(-scores[kept], kind="stable")[: self.options.keypoints]]
        if not len(kept):
            return empty
        keypoints = keypoints_from(points[kept], scale, _SIZE_PX, width, height)
        return LocalFeatures(keypoints, quantised(descriptors[kept]), width, height)

    def _sorted(self, given: list[NDArray[Any]]) -> tuple[FloatArray, FloatArray, FloatArray]:
        """``(N, 2)`` keypoints, ``(N,)`` scores, ``(N, D)`` descriptors."""
        names = [output.name.lower() for output in self._session.get_outputs()]
        found: dict[str, NDArray[Any]] = {}
        for name, array in zip(names, given, strict=True):
            plain = array[0] if array.ndim > 1 and len(array) == 1 else array
            kind = next((kind for kind, words in _NAMES.items() if any(word in name for word in words)), None)
            found.setdefault(kind or _by_shape(plain, self.options.dimension), np.asarray(plain, np.float32))
        try:
            points, scores, descriptors = found["keypoints"], found["scores"].ravel(), found["descriptors"]
        except KeyError as error:
            raise ModelError(
                f"{self.options.model} gives {', '.join(names)}; expected keypoints, scores and descriptors"
            ) from error
        if descriptors.shape[-1] != self.options.dimension:
            descriptors = descriptors.T
        if points.shape != (len(scores), 2) or descriptors.shape != (len(scores), self.options.dimension):
            raise ModelError(
                f"{self.options.model} gives {len(scores)} scores, keypoints {points.shape} and descriptors "
                f"{descriptors.shape}; expected descriptors of {self.options.dimension} numbers (dimension = ...)"
            )
        return points, scores, descriptors


_NAMES = {"scores": ("score", "prob"), "descriptors": ("desc",), "keypoints": ("kp", "keypoint", "point")}


def _by_shape(array: NDArray[Any], dimension: int) -> str:
    if array.ndim == 1:
        return "scores"
    return "keypoints" if array.shape[-1] == 2 and dimension != 2 else "descriptors"

"""Networks that describe whole photos, by torch or, once exported, by ONNX Runtime."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from whence import nets
from whence.describe.digest import digest_of
from whence.describe.projection import learn_projection
from whence.describe.unlearned import whole_of
from whence.describe.vlad import unit
from whence.errors import ModelError, RecipeError
from whence.models import onnx, store
from whence.models.pictures import prepared
from whence.nets.architecture import Architecture
from whence.types import FloatArray, Image, LocalFeatures

_EXPORTED = ".onnx"


class _Runs(Protocol):
    """A network at work."""

    dimension: int

    def vector(self, photo: Image) -> FloatArray:
        """``(D,)`` of unit length."""
        ...


@dataclass(frozen=True, slots=True)
class NetworkOptions:
    """Options of a network.

    Attributes:
        model: Of ``whence models``, or a ``.safetensors`` file of ``whence train``, or an ``.onnx`` file of
            ``whence models export``.
        dimension: At most so many dimensions; a network that gives more is projected by PCA, which a gallery learns,
            to at most half as many as it learns from.
        shrinkage: Of the PCA's eigenvalues towards their mean; 0 whitens fully.
        learn_from: A gallery learns its projection from so many photos on.
    """

    model: str = "eigenplaces-resnet50-2048"
    dimension: int = 65536
    shrinkage: float = 0.5
    learn_from: int = 300


class NetworkDescriber:
    """The vector of a network, as it is or projected."""

    options_type = NetworkOptions

    def __init__(self, options: NetworkOptions, projection: FloatArray | None = None) -> None:
        """Loads the network.

        Raises:
            MissingExtraError: Without the extra ``torch``, or ``onnx`` for an exported one.
            ModelError: It is not there, or is not what it should be.
            RecipeError: An option out of range.
        """
        if options.shrinkage > 1:
            raise RecipeError(f"[describe] shrinkage = {options.shrinkage}: expected a number from 0 to 1")
        if not options.model:
            raise RecipeError("[describe] method = 'network' needs model = '...', a name of `whence models` or a file")
        self.options, self.projection = options, projection
        self._digest, self._runs = opened(options.model)

    @classmethod
    def shipped(cls, options: NetworkOptions | None = None) -> Self:
        """The network's own vectors."""
        return cls(options or NetworkOptions())

    @classmethod
    def learn(cls, options: NetworkOptions, photos: Iterable[LocalFeatures]) -> Self:
        """With a projection, where the network gives more than is wanted."""
        plain = cls(options)
        if not plain.learns_from:
            return plain
        vectors = np.stack([whole_of(features) for features in photos])
        dimension = min(options.dimension, max(1, len(vectors) // 2))
        return cls(options, learn_projection(vectors, dimension, options.shrinkage))

    @classmethod
    def restore(cls, options: NetworkOptions, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Inverse of ``arrays``."""
        return cls(options, arrays.get("projection"))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The projection, if there is one."""
        return {} if self.projection is None else {"projection": self.projection}

    @property
    def learns_from(self) -> int:
        """Photos from which on a gallery learns a projection; 0 if the vectors are small enough as they are."""
        return self.options.learn_from if self._runs.dimension > self.options.dimension else 0

    @property
    def sees(self) -> str:
        """Changes with the network."""
        return digest_of("network", 1, {"network": self._digest})

    @property
    def fingerprint(self) -> str:
        """Changes with the network, the options and the projection."""
        options = {name: value for name, value in asdict(self.options).items() if name != "model"}
        return digest_of("network", 1, {**options, "network": self._digest}, *self.arrays().values())

    @property
    def dimension(self) -> int:
        """D of the vectors."""
        return self._runs.dimension if self.projection is None else len(self.projection)

    def whole(self, image: Image) -> FloatArray:
        """``(D,)`` float32 of unit length, as the network gives it; zeros for a blank image."""
        if image.max() == image.min():
            return np.zeros(self._runs.dimension, np.float32)
        return self._runs.vector(image)

    def describe(self, features: LocalFeatures) -> FloatArray:
        """``(D,)`` float32 of unit length; zeros for a blank photo."""
        vector = whole_of(features)
        return unit(vector if self.projection is None else self.projection @ vector, axis=None)


def opened(model: str) -> tuple[str, _Runs]:
    """The digest of a network, and the network at work; loaded once for as long as its file stays as it is.

    Raises:
        MissingExtraError: Without the extra.
        ModelError: It is not there, or is not what it should be.
    """
    if model.endswith(_EXPORTED):
        path = Path(model).expanduser()
        session = onnx.session(path)
        return store.digest_of(path), _Exported(path, session)
    nets.need()
    from whence.nets import opening

    digest = opening.digest_of(model)
    return digest, _runner(model, digest)


@lru_cache(maxsize=4)
def _runner(model: str, digest: str) -> _Runs:
    from whence.nets import opening
    from whence.nets.running import Runner

    return Runner(opening.ready(model))


class _Exported:
    """By ONNX Runtime."""

    def __init__(self, path: Path, session: Any) -> None:
        said = session.get_modelmeta().custom_metadata_map.get("whence")
        if said is None:
            raise ModelError(f"{path} does not say what picture it takes; expected a file of `whence models export`")
        self._picture = Architecture.of(json.loads(said)["architecture"], str(path)).input
        self._session = session
        self.dimension = int(session.get_outputs()[0].shape[1])

    def vector(self, photo: Image) -> FloatArray:
        """See ``_Runs``."""
        (found,) = self._session.run(None, {"pictures": prepared(photo, self._picture)[None]})
        return unit(np.asarray(found[0], np.float32), axis=None)

"""Dense layers on a photo's vector (the extra ``torch``); without hidden ones, logistic regression."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from whence import nets
from whence.direct.estimators.estimator import Arrays, Circumstances, Examples, OfVectors, parts
from whence.direct.learning import Descent, Layers
from whence.direct.targets.target import Target
from whence.types import DoubleArray, FloatArray

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class DenseOptions(Layers, Descent):
    """Options of dense layers; besides those of ``Layers`` and of ``Descent``:

    Attributes:
        weight_decays: That are tried over the folds, separated by commas; empty: ``weight_decay`` as it is.
    """

    weight_decays: str = ""

    def __post_init__(self) -> None:
        Layers.__post_init__(self)
        Descent.__post_init__(self)
        self.decays  # noqa: B018, whether they can be read

    @property
    def decays(self) -> list[float]:
        """To be tried."""
        return self._numbers("weight_decays") or [self.weight_decay]


class Dense(OfVectors):
    """Standardised vectors through dense layers."""

    options_type = DenseOptions

    def __init__(self, options: DenseOptions, module: nn.Module, epochs: int, loss: float = 0.0) -> None:
        self.options, self._module, self._epochs, self._loss = options, module, epochs, loss

    @classmethod
    def settled(cls, options: DenseOptions, examples: Examples, target: Target, around: Circumstances) -> DenseOptions:
        """The weight decay with the least loss over the folds, and as many epochs as were best, in the middle."""
        part = parts(examples.groups, around.folds, around.seed)
        if not part.any():  # one group alone
            return options
        found = []
        for decay in options.decays:
            tried = replace(options, weight_decay=decay)
            made = [
                cls.fit(tried, examples.only(part != held), examples.only(part == held), target, around)
                for held in range(part.max() + 1)
            ]
            epochs = max(1, int(np.median([one._epochs for one in made])))
            found.append((sum(one._loss for one in made), replace(tried, epochs=epochs)))
        return min(found, key=lambda pair: pair[0])[1]

    @classmethod
    def fit(
        cls,
        options: DenseOptions,
        examples: Examples,
        checked: Examples | None,
        target: Target,
        around: Circumstances,
    ) -> Self:
        """See ``Estimator``; with something to check with, the weights of the best epoch are kept.

        Raises:
            MissingExtraError: Without the extra ``torch``.
            InputError: The loss is no number any more.
        """
        nets.need("Dense layers")
        from whence.direct.fitting import Descending, Learned, Vectors
        from whence.direct.layers import top

        module = top(examples.vectors.shape[1], target, options, around.seed)
        module.standardise(examples.vectors)
        inputs = Vectors(examples.vectors)
        held = None if checked is None else (Vectors(checked.vectors), checked)
        learned: Learned = Descending(module, inputs, examples, held, target, options, around).run()
        return cls(options, module.eval(), learned.best, learned.loss)

    @classmethod
    def restore(cls, options: DenseOptions, arrays: Arrays, words: Mapping[str, Any], target: Target) -> Self:
        """See ``Estimator``.

        Raises:
            MissingExtraError: Without the extra ``torch``.
            ModelError: The arrays are of other layers.
        """
        nets.need("Dense layers")
        from whence.direct.layers import filled, top

        module = top(int(words["features"]), target, options, 0)
        chosen = replace(options, weight_decay=float(words["weight_decay"]))
        return cls(chosen, filled(module, arrays), int(words["epochs"]))

    def words(self) -> dict[str, Any]:
        """How many features the layers take, and after how many epochs they were best."""
        features: Any = self._module.features
        return {"features": int(features), "epochs": self._epochs, "weight_decay": self.options.weight_decay}

    def outputs(self, vectors: FloatArray) -> DoubleArray:
        """See ``Estimator``."""
        from whence.direct.layers import applied

        return applied(self._module, vectors)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """See ``Estimator``."""
        return {name: tensor.detach().cpu().numpy() for name, tensor in self._module.state_dict().items()}

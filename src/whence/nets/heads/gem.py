"""Generalised-mean pooling and a learned whitening.

Source: F. Radenović, G. Tolias and O. Chum, Fine-tuning CNN image retrieval with no human annotation, TPAMI 2019.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from whence.errors import RecipeError
from whence.nets.heads.head import Head

_LEAST_P, _MOST_P = 0.1, 20.0
"""Beyond, powers of numbers below one leave nothing."""
_LEAST = 1e-6
"""Below which an activation counts as this: the power of zero has no gradient."""


@dataclass(frozen=True, slots=True)
class GemOptions:
    """Options of GeM.

    Attributes:
        p: The power; 1 is the mean, more comes nearer to the maximum.
        learn_p: Whether training may change it.
        whiten: Whether a fully connected layer follows.
        dimension: Of its output.
    """

    p: float = 3.0
    learn_p: bool = False
    whiten: bool = True
    dimension: int = 256

    def __post_init__(self) -> None:
        if not _LEAST_P <= self.p <= _MOST_P:
            raise RecipeError(f"[head] p = {self.p:g}: expected a number from {_LEAST_P:g} to {_MOST_P:g}")


class Gem(Head):
    """The p-th root of the mean of p-th powers, then a fully connected layer, then unit length."""

    options_type = GemOptions
    p: Tensor

    def __init__(self, channels: int, options: GemOptions) -> None:
        super().__init__()
        power = torch.tensor([options.p])
        if options.learn_p:
            self.p = nn.Parameter(power)
        else:
            self.register_buffer("p", power, persistent=False)
        self.whiten = nn.Linear(channels, options.dimension) if options.whiten else nn.Identity()
        self.dimension = options.dimension if options.whiten else channels

    def forward(self, maps: Tensor, token: Tensor | None = None) -> Tensor:
        """See ``Head``."""
        pooled = maps.clamp(min=_LEAST).pow(self.p).mean(dim=(2, 3)).pow(1 / self.p)
        return normalize(self.whiten(pooled), dim=1)

"""Average pooling: the baseline that others are held against."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import normalize

from whence.nets.heads.head import Head


@dataclass(frozen=True, slots=True)
class AverageOptions:
    """There are none."""


class Average(Head):
    """The mean over all places, of unit length: as many numbers as the map has channels."""

    options_type = AverageOptions

    def __init__(self, channels: int, options: AverageOptions) -> None:
        super().__init__()
        self.dimension = channels

    def forward(self, maps: Tensor, token: Tensor | None = None) -> Tensor:
        """See ``Head``."""
        return normalize(maps.mean(dim=(2, 3)), dim=1)

"""MegaLoc: SALAD with wider clusters, brought to fewer numbers by a fully connected layer.

Source: G. Berton and C. Masone, MegaLoc: One Retrieval to Place Them All, CVPR Workshops 2025.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn.functional import normalize

from whence.nets.heads.salad import Salad, SaladOptions


@dataclass(frozen=True, slots=True)
class MegaLocOptions(SaladOptions):
    """Options of MegaLoc.

    Attributes:
        clusters: See ``SaladOptions``.
        cluster_dimension: See ``SaladOptions``.
        token_dimension: See ``SaladOptions``.
        hidden: See ``SaladOptions``.
        dimension: Of the vector.
    """

    cluster_dimension: int = 256
    dimension: int = 8448


class MegaLoc(Salad):
    """The vector of SALAD, one layer more, then unit length."""

    options_type = MegaLocOptions

    def __init__(self, channels: int, options: MegaLocOptions) -> None:
        super().__init__(channels, options)
        self.project = nn.Linear(self.dimension, options.dimension)
        self.dimension = options.dimension

    def forward(self, maps: Tensor, token: Tensor | None = None) -> Tensor:
        """See ``Head``."""
        return normalize(self.project(super().forward(maps, token)), dim=1)

"""Contextual reweighting at full resolution, by stacks of dilated filters.

Source: the second of two re-weighting networks of a student project on street images (ResNet-18 on Pittsburgh 30k and
St Lucia), after H. J. Kim, E. Dunn and J.-M. Frahm, CVPR 2017. Half the parameters of ``crn``, and nothing is pooled.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from whence.nets.heads.crn import summed
from whence.nets.heads.netvlad import NetVlad, NetVladOptions


@dataclass(frozen=True, slots=True)
class Crn2Options(NetVladOptions):
    """Options of the stacks.

    Attributes:
        clusters: See ``NetVladOptions``.
        filters: Of each layer but the last of the longest stack.
        last: Of that one.
        dilation: Of all filters; 2 sees as far as a filter at half the resolution.
    """

    clusters: int = 64
    filters: int = 32
    last: int = 20
    dilation: int = 2


class Crn2(NetVlad):
    """Stacks of one, two and three layers of 3 x 3, their ends summed up by a filter of 1 x 1."""

    options_type = Crn2Options
    mask_parts = ("stacks", "sum")

    def __init__(self, channels: int, options: Crn2Options) -> None:
        super().__init__(channels, options)
        many, last, far = options.filters, options.last, options.dilation
        self.stacks = nn.ModuleList(
            _stack([channels, *widths], far) for widths in ([many], [many, many], [many, many, last])
        )
        self.sum = summed(2 * many + last)

    def mask(self, maps: Tensor) -> Tensor:
        """See ``Head``."""
        return self.sum(torch.cat([stack(maps) for stack in self.stacks], dim=1)).squeeze(1)  # type: ignore[no-any-return]


def _stack(widths: list[int], dilation: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [nn.Conv2d(before, after, 3, padding=dilation, dilation=dilation), nn.ReLU()]
    return nn.Sequential(*layers)

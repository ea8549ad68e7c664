"""Contextual reweighting: NetVLAD in which each place counts by what is seen around it.

Source: H. J. Kim, E. Dunn and J.-M. Frahm, Learned contextual feature reweighting for image geo-localization, CVPR
2017.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate, relu

from whence.nets.heads.netvlad import NetVlad, NetVladOptions


@dataclass(frozen=True, slots=True)
class CrnOptions(NetVladOptions):
    """Options of contextual reweighting.

    Attributes:
        clusters: See ``NetVladOptions``.
        small: Filters of 3 x 3.
        middle: Filters of 5 x 5.
        large: Filters of 7 x 7.
    """

    clusters: int = 64
    small: int = 32
    middle: int = 32
    large: int = 20


class Crn(NetVlad):
    """Filters of three sizes on the map at half its resolution, summed up by one of 1 x 1, brought back to full size.

    The mask is one everywhere in the beginning, so that training starts from NetVLAD.
    """

    options_type = CrnOptions
    mask_parts = ("filters", "sum")

    def __init__(self, channels: int, options: CrnOptions) -> None:
        super().__init__(channels, options)
        sizes = {3: options.small, 5: options.middle, 7: options.large}
        self.filters = nn.ModuleList(
            nn.Conv2d(channels, count, size, padding=size // 2) for size, count in sizes.items()
        )
        self.sum = summed(sum(sizes.values()))

    def mask(self, maps: Tensor) -> Tensor:
        """See ``Head``."""
        pooled = avg_pool2d(maps, 2, ceil_mode=True)
        found = torch.cat([relu(each(pooled)) for each in self.filters], dim=1)
        return interpolate(self.sum(found), size=maps.shape[2:], mode="bilinear", align_corners=False).squeeze(1)


def summed(filters: int) -> nn.Conv2d:
    """The convolution of 1 x 1 that makes a mask of filters' responses, which is one in the beginning."""
    made = nn.Conv2d(filters, 1, kernel_size=1)
    nn.init.zeros_(made.weight)
    nn.init.ones_(made.bias)  # type: ignore[arg-type]
    return made

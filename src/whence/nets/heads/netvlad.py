"""NetVLAD: residuals to soft-assigned words.

Source: R. Arandjelović et al., NetVLAD: CNN architecture for weakly supervised place recognition, CVPR 2016.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from whence.nets.heads.head import Head

_SECOND = 0.01
"""How much the second nearest word is to get of a feature, measured by the nearest, when training begins."""
_ROUNDS = 20


@dataclass(frozen=True, slots=True)
class NetVladOptions:
    """Options of NetVLAD.

    Attributes:
        clusters: K words; the vector has K x C numbers.
    """

    clusters: int = 64


class NetVlad(Head):
    """Soft assignment by a 1 x 1 convolution, residuals, intra-normalisation, unit length."""

    options_type: type = NetVladOptions

    def __init__(self, channels: int, options: NetVladOptions) -> None:
        super().__init__()
        self.assign = nn.Conv2d(channels, options.clusters, kernel_size=1, bias=False)
        self.centroids = nn.Parameter(torch.rand(options.clusters, channels))
        self.dimension = channels * options.clusters

    def forward(self, maps: Tensor, token: Tensor | None = None) -> Tensor:
        """See ``Head``."""
        share = torch.softmax(self.assign(maps), dim=1)
        mask = self.mask(maps)
        if mask is not None:
            share = share * mask.unsqueeze(1)
        share = share.flatten(2)  # (B, K, P)
        # sums of share * (feature - centroid), without ever holding all residuals
        residuals = share @ maps.flatten(2).transpose(1, 2) - share.sum(2, keepdim=True) * self.centroids
        return normalize(normalize(residuals, dim=2).flatten(1), dim=1)

    def begin(self, features: Tensor) -> None:
        """Words by k-means, as sharp that the second nearest word gets a hundredth of the nearest's share."""
        words = k_means(features, len(self.centroids))
        directions = normalize(words, dim=1)
        two = torch.topk(features @ directions.T, min(2, len(words)), dim=1).values
        gap = float((two[:, 0] - two[:, -1]).mean())
        alpha = -math.log(_SECOND) / max(gap, 1e-6)
        with torch.no_grad():
            self.centroids.copy_(words)
            self.assign.weight.copy_((alpha * directions)[..., None, None])


def k_means(features: Tensor, clusters: int) -> Tensor:
    """``(K, C)`` means of ``(N, C)`` features, the same each time; begun with features far from each other."""
    generator = torch.Generator().manual_seed(0)
    chosen = [int(torch.randint(len(features), (1,), generator=generator))]
    nearest = torch.full((len(features),), torch.inf, device=features.device)
    while len(chosen) < clusters:
        nearest = torch.minimum(nearest, (features - features[chosen[-1]]).square().sum(1))
        chances = nearest.double().cpu()
        if not float(chances.sum()) > 0:  # fewer different features than words
            chances = torch.ones_like(chances)
        chosen.append(int(torch.multinomial(chances, 1, generator=generator)))
    words = features[chosen].clone()
    for _ in range(_ROUNDS):
        label = torch.cdist(features, words).argmin(1)
        sums = torch.zeros_like(words).index_add_(0, label, features)
        counts = torch.bincount(label, minlength=clusters).unsqueeze(1)
        words = torch.where(counts > 0, sums / counts.clamp(min=1), words)
    return words

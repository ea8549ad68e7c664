"""SALAD: places are shared out among clusters by optimal transport, and what tells nothing is left in a dustbin.

Source: S. Izquierdo and J. Civera, Optimal Transport Aggregation for Visual Place Recognition, CVPR 2024.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from whence.errors import ModelError
from whence.nets.heads.head import Head

_ROUNDS = 3
_DROPOUT = 0.3


@dataclass(frozen=True, slots=True)
class SaladOptions:
    """Options of SALAD.

    Attributes:
        clusters: m, fewer than the feature map has places.
        cluster_dimension: l numbers for each of them.
        token_dimension: g numbers from the class token; the vector has g + l x m.
        hidden: Width of the layers between.
    """

    clusters: int = 64
    cluster_dimension: int = 128
    token_dimension: int = 256
    hidden: int = 512


class Salad(Head):
    """The class token, reduced, then what each cluster got of the reduced features; each part of length one."""

    options_type: type = SaladOptions

    def __init__(self, channels: int, options: SaladOptions) -> None:
        super().__init__()
        self.token = nn.Sequential(
            nn.Linear(channels, options.hidden), nn.ReLU(), nn.Linear(options.hidden, options.token_dimension)
        )
        self.features = _layers(channels, options.hidden, options.cluster_dimension)
        self.score = _layers(channels, options.hidden, options.clusters)
        self.dustbin = nn.Parameter(torch.ones(()))
        self.dimension = options.token_dimension + options.cluster_dimension * options.clusters

    def forward(self, maps: Tensor, token: Tensor | None = None) -> Tensor:
        """See ``Head``.

        Raises:
            ModelError: There is no class token, or not more places than clusters.
        """
        if token is None:
            raise ModelError("the head takes a class token, which only transformers have")
        shares = transported(self.score(maps).flatten(2), self.dustbin)  # (B, m, n)
        sums = self.features(maps).flatten(2) @ shares.transpose(1, 2)  # (B, l, m)
        parts = [normalize(self.token(token), dim=1), normalize(sums, dim=1).flatten(1)]
        return normalize(torch.cat(parts, dim=1), dim=1)


def transported(scores: Tensor, dustbin: Tensor, rounds: int = _ROUNDS) -> Tensor:
    """Sinkhorn's algorithm, in logarithms: how much of each feature each cluster gets.

    Every feature has one to give, every cluster takes one, and the dustbin takes what is left.

    Args:
        scores: ``(B, m, n)`` of m clusters for n features.
        dustbin: ``()``, its score for all of them.
        rounds: How often rows and columns are brought to their sums.

    Returns:
        ``(B, m, n)``, without the dustbin.

    Raises:
        ModelError: There are not more features than clusters.
    """
    count, clusters, places = scores.shape
    if places <= clusters:
        raise ModelError(f"a picture gives {places} places, and {clusters} clusters need more; take a larger input")
    scores = torch.cat([scores, dustbin.to(scores.dtype).expand(count, 1, places)], dim=1)
    takes = scores.new_tensor([0.0] * clusters + [math.log(places - clusters)])
    given = scores.new_zeros(count, places)
    taken = scores.new_zeros(count, clusters + 1)
    for _ in range(rounds):
        taken = takes - torch.logsumexp(scores + given.unsqueeze(1), dim=2)
        given = -torch.logsumexp(scores + taken.unsqueeze(2), dim=1)
    return (scores + taken.unsqueeze(2) + given.unsqueeze(1)).exp()[:, :-1]


def _layers(channels: int, hidden: int, out: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, hidden, kernel_size=1),
        nn.Dropout(_DROPOUT),
        nn.ReLU(),
        nn.Conv2d(hidden, out, kernel_size=1),
    )

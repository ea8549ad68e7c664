"""What training makes small."""

from __future__ import annotations

from collections.abc import Callable

import torch
from pytorch_metric_learning.losses import MultiSimilarityLoss
from torch import Tensor
from torch.nn.functional import relu

from whence.train.options import TrainOptions

Loss = Callable[[Tensor, int], Tensor]
"""Of ``(B x (2 + n), D)`` vectors (of each query its own, its positive's, its n negatives'), and of B."""


def loss_of(options: TrainOptions) -> Loss:
    """The loss that the options name."""
    if options.loss == "triplet":
        return lambda vectors, count: triplet(vectors, count, options.margin)
    measure = MultiSimilarityLoss()

    def multi_similarity(vectors: Tensor, count: int) -> Tensor:
        each = len(vectors) // count
        rows = torch.arange(len(vectors), device=vectors.device).view(count, each)
        anchors = rows[:, :1].expand(-1, each - 2)
        # only pairs that were mined: of two negatives, or of two queries, nobody knows whether they show one place
        pairs = (rows[:, 0], rows[:, 1], anchors.reshape(-1), rows[:, 2:].reshape(-1))
        value: Tensor = measure(vectors, indices_tuple=pairs)
        return value

    return multi_similarity


def triplet(vectors: Tensor, count: int, margin: float) -> Tensor:
    """Mean over queries of the sum over negatives of how far each falls short of the margin.

    Distances are Euclidean and not squared, as in common implementations of the NetVLAD paper, which has them squared;
    the student project that published margin 0.1 does not say. It is our choice.
    """
    query, positive, *negatives = vectors.view(count, len(vectors) // count, -1).unbind(1)
    near = _distance(query, positive)
    short = sum((relu(near - _distance(query, other) + margin) for other in negatives), torch.zeros_like(near))
    return short.mean()


def _distance(first: Tensor, second: Tensor) -> Tensor:
    return (first - second).square().sum(1).clamp(min=1e-12).sqrt()  # a root of zero has no gradient

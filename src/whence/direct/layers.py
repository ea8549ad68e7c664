"""Layers that end in a target's outputs, in torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from whence.direct.learning import Layers
from whence.direct.targets.target import Target
from whence.nets import weights
from whence.nets.network import seeded
from whence.types import DoubleArray, FloatArray

_AT_ONCE = 4096


class Top(nn.Module):
    """``(B, F)`` features, standardised, to ``(B, W)`` outputs."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, features: int, target: Target, options: Layers) -> None:
        super().__init__()
        self.features = features
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("deviation", torch.ones(features))
        before, *after = options.shares
        steps: list[nn.Module] = [nn.Dropout(before)]
        width = features
        for wide, share in zip(options.widths, after, strict=True):
            steps.append(nn.Linear(width, wide))
            if options.batch_norm:
                steps.append(nn.BatchNorm1d(wide))
            steps += [nn.ReLU(), nn.Dropout(share)]
            width = wide
        last = nn.Linear(width, target.width)
        if options.widths:
            for step in steps:
                if isinstance(step, nn.Linear):
                    nn.init.kaiming_normal_(step.weight, nonlinearity="relu")
                    nn.init.zeros_(step.bias)
        nn.init.normal_(last.weight, std=0.01)
        start = getattr(target, "start", None)
        with torch.no_grad():
            last.bias.copy_(torch.zeros(target.width) if start is None else torch.from_numpy(start))
        self.steps = nn.Sequential(*steps, last)

    def standardise(self, vectors: FloatArray) -> None:
        """Sets mean and deviation of the features to those of some; what never changes is left as it is."""
        deviation = vectors.std(axis=0, dtype=np.float64)
        self.mean.copy_(torch.from_numpy(vectors.mean(axis=0, dtype=np.float64).astype(np.float32)))
        self.deviation.copy_(torch.from_numpy(np.where(deviation > 1e-6, deviation, 1.0).astype(np.float32)))

    def forward(self, vectors: Tensor) -> Tensor:
        """See the class."""
        return self.steps((vectors - self.mean) / self.deviation)  # type: ignore[no-any-return]


def top(features: int, target: Target, options: Layers, seed: int) -> Top:
    """Layers with weights at random."""
    with seeded(seed):
        return Top(features, target, options)


def filled(module: nn.Module, arrays: Mapping[str, NDArray[Any]]) -> nn.Module:
    """A module with the weights in some arrays, ready to be asked.

    Raises:
        ModelError: They are of another one.
    """
    weights.fill(module, {name: torch.from_numpy(np.array(array)) for name, array in arrays.items()}, "the model")
    return module.eval()


def applied(module: nn.Module, vectors: FloatArray) -> DoubleArray:
    """``(N, W)`` of ``(N, F)``, on whatever device the module is."""
    device = next(module.parameters()).device
    found = []
    with torch.inference_mode():
        for start in range(0, max(len(vectors), 1), _AT_ONCE):
            part = np.ascontiguousarray(vectors[start : start + _AT_ONCE], np.float32)
            found.append(module(torch.from_numpy(part).to(device)).cpu().numpy())
    return np.concatenate(found).astype(np.float64)

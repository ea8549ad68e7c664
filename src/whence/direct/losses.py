"""What is made small while learning."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, unflatten
from torch.nn.functional import cross_entropy

from whence.direct.estimators.estimator import Examples
from whence.direct.targets.coordinates import SPREAD, Coordinates
from whence.direct.targets.target import Target
from whence.geo.distance import EARTH_M

Loss = Callable[[Tensor, Tensor], Tensor]
"""``(B, W)`` outputs and ``(B, K)`` truth to ``(B,)`` losses."""


def loss_of(target: Target, examples: Examples, class_weights: bool) -> Loss:
    """For classes, cross-entropy of each partition; for coordinates, distance, or how unlikely the truth is."""
    partitions = getattr(target, "partitions", None)
    if partitions is not None:
        return _classes([len(names) for names in partitions], examples, class_weights)
    assert isinstance(target, Coordinates)
    if target.options.places > 1:
        return _mixture(target)
    if target.on == "degrees":
        return lambda outputs, truth: ((outputs - truth) ** 2).sum(dim=1)
    return lambda outputs, truth: _apart(target, outputs, truth)


def _classes(widths: list[int], examples: Examples, class_weights: bool) -> Loss:
    scales = []
    for width, column in zip(widths, examples.truth.T, strict=True):
        sizes = np.bincount(column[column >= 0], minlength=width)
        even = np.where(sizes > 0, (column >= 0).sum() / np.maximum(sizes, 1) / max((sizes > 0).sum(), 1), 0.0)
        scales.append(torch.from_numpy(even.astype(np.float32)) if class_weights else torch.ones(width))

    def loss(outputs: Tensor, truth: Tensor) -> Tensor:
        total = torch.zeros(len(outputs), device=outputs.device)
        for part, (scores, scale) in enumerate(zip(torch.split(outputs, widths, dim=1), scales, strict=True)):
            known = truth[:, part] >= 0
            right = truth[:, part].clamp(min=0)
            each = cross_entropy(scores, right, reduction="none") * scale.to(outputs.device)[right]
            total = total + torch.where(known, each, 0.0)
        return total

    return loss


def _on_sphere(target: Coordinates, numbers: Tensor) -> Tensor:
    """``(..., 3)`` unit vectors in the axes of the middle, of ``(..., 2)`` numbers."""
    along = numbers * (target.scale / EARTH_M)
    angle = (along.square().sum(dim=-1, keepdim=True) + 1e-20).sqrt()
    return torch.cat([angle.cos(), along / angle * angle.sin()], dim=-1)


def _apart(target: Coordinates, outputs: Tensor, truth: Tensor) -> Tensor:
    """``(...,)`` distances over the spread of the photos: along great circles, or straight on a plane."""
    if target.on != "sphere":
        return ((outputs - truth).square().sum(dim=-1) + 1e-12).sqrt()
    chord = (_on_sphere(target, outputs) - _on_sphere(target, truth)).square().sum(dim=-1)
    half = ((chord + 1e-20).sqrt() / 2).clamp(max=1 - 1e-7)
    return 2 * half.asin() * (EARTH_M / target.scale)


def _mixture(target: Coordinates) -> Loss:
    least, most = SPREAD
    places = target.options.places
    radius = EARTH_M / target.scale  # of the earth, in the unit that outputs are in

    def loss(outputs: Tensor, truth: Tensor) -> Tensor:
        table = unflatten(outputs, 1, (places, 4))
        sigma = least + (most - least) * table[..., 2].sigmoid()
        apart = _apart(target, table[..., :2], truth[:, None])
        if target.on == "sphere":
            kappa = (radius / sigma) ** 2  # of von Mises and Fisher; flat where sigma is small beside the earth
            away = 2 * (apart / radius / 2).sin() ** 2
            # log of kappa / (2 pi (1 - exp(-2 kappa))), without what is constant
            log_density = kappa.log() - torch.log(-torch.expm1(-2 * kappa)) - kappa * away - 2 * math.log(radius)
        else:
            log_density = -2 * sigma.log() - 0.5 * (apart / sigma) ** 2
        return -torch.logsumexp(table[..., 3].log_softmax(dim=1) + log_density, dim=1)

    return loss

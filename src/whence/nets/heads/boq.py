"""Bag of Queries: learned queries ask the feature map, again and again, and their answers make the vector.

Source: A. Ali-bey, B. Chaib-draa and P. Giguère, BoQ: A Place is Worth a Bag of Learnable Queries, CVPR 2024.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn, unflatten
from torch.nn.functional import normalize, relu, scaled_dot_product_attention

from whence.errors import ModelError
from whence.nets.heads.head import Head

_PER_ATTENTION_HEAD = 64


@dataclass(frozen=True, slots=True)
class BoqOptions:
    """Options of BoQ.

    Attributes:
        channels: C that the map is reduced to; a multiple of 64.
        queries: Q of each block.
        blocks: L, one after the other.
        rows: R; the vector has C x R numbers.
    """

    channels: int = 512
    queries: int = 64
    blocks: int = 2
    rows: int = 32


class Boq(Head):
    """Each block refines the features and is asked by queries of its own; a linear layer mixes the L x Q answers."""

    options_type = BoqOptions

    def __init__(self, channels: int, options: BoqOptions) -> None:
        super().__init__()
        width = options.channels
        if width % _PER_ATTENTION_HEAD:
            raise ModelError(f"head channels = {width}: expected a multiple of {_PER_ATTENTION_HEAD}")
        self.reduce = nn.Conv2d(channels, width, kernel_size=3, padding=1)
        self.norm = nn.LayerNorm(width)
        self.blocks = nn.ModuleList(_Block(width, options.queries) for _ in range(options.blocks))
        self.mix = nn.Linear(options.blocks * options.queries, options.rows)
        self.dimension = width * options.rows

    def forward(self, maps: Tensor, token: Tensor | None = None) -> Tensor:
        """See ``Head``."""
        features = self.norm(self.reduce(maps).flatten(2).transpose(1, 2))  # (B, n, C)
        answers = []
        for block in self.blocks:
            features, answer = block(features)
            answers.append(answer)
        mixed = self.mix(torch.cat(answers, dim=1).transpose(1, 2))  # (B, C, R)
        return normalize(mixed.flatten(1), dim=1)


class _Block(nn.Module):
    """Names of the parts are those of the published state dict."""

    def __init__(self, width: int, queries: int) -> None:
        super().__init__()
        self.encoder = _Encoder(width)
        self.queries = nn.Parameter(torch.randn(1, queries, width))
        self.self_attn, self.norm_q = _Attention(width), nn.LayerNorm(width)
        self.cross_attn, self.norm_out = _Attention(width), nn.LayerNorm(width)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Refined features ``(B, n, C)``, and answers ``(B, Q, C)``."""
        features = self.encoder(features)
        queries = self.norm_q(self.queries + self.self_attn(self.queries, self.queries))
        answers = self.cross_attn(queries.expand(features.shape[0], -1, -1), features)
        return features, self.norm_out(answers)


class _Encoder(nn.Module):
    """One layer of a transformer, as in A. Vaswani et al., Attention is all you need, NeurIPS 2017."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.self_attn = _Attention(width)
        self.linear1, self.linear2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)

    def forward(self, features: Tensor) -> Tensor:
        features = self.norm1(features + self.self_attn(features, features))
        return self.norm2(features + self.linear2(relu(self.linear1(features))))  # type: ignore[no-any-return]


class _Attention(nn.Module):
    """Of several heads, 64 numbers each; the parameters are those of torch's own layer, which cannot be exported."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * width))
        self.out_proj = nn.Linear(width, width)
        nn.init.xavier_uniform_(self.in_proj_weight)

    def forward(self, asking: Tensor, asked: Tensor) -> Tensor:
        """``(B, Q, C)`` of queries ``(B, Q, C)`` and features ``(B, n, C)``."""
        weights, biases = self.in_proj_weight.chunk(3), self.in_proj_bias.chunk(3)
        query, key, value = (
            unflatten(given @ weight.T + bias, 2, (-1, _PER_ATTENTION_HEAD)).transpose(1, 2)
            for given, weight, bias in zip((asking, asked, asked), weights, biases, strict=True)
        )
        found = scaled_dot_product_attention(query, key, value)
        return self.out_proj(found.transpose(1, 2).flatten(2))  # type: ignore[no-any-return]

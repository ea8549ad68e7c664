"""What the state dicts of published networks look like: names and shapes as their authors' code makes them."""

from __future__ import annotations

import torch
import torchvision
from torch import Tensor, nn

State = dict[str, Tensor]


def under(prefix: str, state: State) -> State:
    return {f"{prefix}{name}": tensor for name, tensor in state.items()}


def row_of_children(network: str, without: int) -> nn.Sequential:
    """A network of torchvision as a row of its children, without the last ones."""
    made = getattr(torchvision.models, network)(weights=None)
    return nn.Sequential(*list(made.children())[:-without])


def dino(width: int, depth: int, side: int = 37) -> State:
    """As facebookresearch/dinov2 names them."""
    found = {
        "cls_token": torch.randn(1, 1, width),
        "pos_embed": torch.randn(1, 1 + side * side, width),
        "mask_token": torch.randn(1, width),
        "patch_embed.proj.weight": 0.05 * torch.randn(width, 3, 14, 14),
        "patch_embed.proj.bias": torch.randn(width),
    }
    sizes = {"attn.qkv": (3 * width, width), "attn.proj": (width, width)}
    sizes |= {"mlp.fc1": (4 * width, width), "mlp.fc2": (width, 4 * width)}
    for number in range(depth):
        block: State = {}
        for name, (out, taken) in sizes.items():
            block |= {f"{name}.weight": torch.randn(out, taken) / taken**0.5, f"{name}.bias": torch.randn(out)}
        for norm in ("norm1", "norm2"):
            block |= {f"{norm}.weight": torch.rand(width) + 0.5, f"{norm}.bias": torch.randn(width)}
        block |= {f"ls{part}.gamma": torch.rand(width) for part in (1, 2)}
        found |= under(f"blocks.{number}.", block)
    return found | {"norm.weight": torch.rand(width) + 0.5, "norm.bias": torch.randn(width)}


def salad(channels: int, clusters: int, cluster: int, token: int, hidden: int) -> State:
    """As serizba/salad names them."""
    found = {"dust_bin": torch.tensor(0.7)}
    found |= under("token_features.", _two(channels, hidden, token, 2, ()))
    found |= under("cluster_features.", _two(channels, hidden, cluster, 3, (1, 1)))
    return found | under("score.", _two(channels, hidden, clusters, 3, (1, 1)))


def _two(taken: int, hidden: int, out: int, last: int, kernel: tuple[int, ...]) -> State:
    return {
        "0.weight": torch.randn(hidden, taken, *kernel) / taken**0.5,
        "0.bias": torch.randn(hidden),
        f"{last}.weight": torch.randn(out, hidden, *kernel) / hidden**0.5,
        f"{last}.bias": torch.randn(out),
    }


class BoqBlock(nn.Module):
    """Of torch's own layers, whose names the published state dict has."""

    def __init__(self, width: int, queries: int) -> None:
        super().__init__()
        heads = width // 64
        self.encoder = nn.TransformerEncoderLayer(width, heads, 4 * width, dropout=0.0, batch_first=True)
        self.queries = nn.Parameter(torch.randn(1, queries, width))
        self.self_attn = nn.MultiheadAttention(width, heads, batch_first=True)
        self.norm_q = nn.LayerNorm(width)
        self.cross_attn = nn.MultiheadAttention(width, heads, batch_first=True)
        self.norm_out = nn.LayerNorm(width)


def boq(channels: int, width: int, queries: int, rows: int) -> nn.Module:
    """Two blocks, as amaralibey/Bag-of-Queries names them."""
    made = nn.Module()
    made.proj_c = nn.Conv2d(channels, width, 3, padding=1)
    made.norm_input = nn.LayerNorm(width)
    made.boqs = nn.ModuleList(BoqBlock(width, queries) for _ in range(2))
    made.fc = nn.Linear(2 * queries, rows)
    return made

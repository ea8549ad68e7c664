"""What heads have in common."""

from __future__ import annotations

from torch import Tensor, nn


class Head(nn.Module):
    """A feature map to one vector. Who derives from this sets ``dimension`` and has ``options_type``.

    The constructor takes the channels C of the map and the options; weights are at random.
    """

    dimension: int
    mask_parts: tuple[str, ...] = ()
    """Attributes that make the mask, where there is one."""

    def forward(self, maps: Tensor, token: Tensor | None = None) -> Tensor:
        """``(B, dimension)`` of unit length.

        Args:
            maps: ``(B, C, h, w)``, of length one at each place unless the architecture says otherwise.
            token: ``(B, C)`` class token of a transformer, for heads that use it.
        """
        raise NotImplementedError

    def mask(self, maps: Tensor) -> Tensor | None:
        """``(B, h, w)``: how much each place counts; None for heads that do not weigh places."""
        return None

    def begin(self, features: Tensor) -> None:
        """Sets what training starts from, given ``(N, C)`` features of many photos; most heads need nothing."""

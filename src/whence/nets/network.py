"""A backbone with a head on top."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from whence import plugins
from whence.errors import ModelError, RecipeError, first_line
from whence.nets import backbones
from whence.nets.architecture import Architecture
from whence.nets.heads.head import Head
from whence.recipes import options_from

_SEED = 0


class Network(nn.Module):
    """Pictures ``(B, 3, H, W)``, mean subtracted and divided by the standard deviation, to vectors of unit length."""

    def __init__(self, architecture: Architecture) -> None:
        """Weights at random, the same each time.

        Raises:
            ModelError: The backbone, the stage or an option of the head is unknown.
        """
        super().__init__()
        self.architecture = architecture
        made = plugins.load(plugins.HEADS, architecture.head)
        try:
            options = options_from(made.options_type, "head", architecture.options)
        except RecipeError as error:
            raise ModelError(str(error)) from error
        with seeded(_SEED):
            self.backbone = backbones.make(architecture.backbone, architecture.stage)
            self.head: Head = made(self.backbone.channels, options)

    @property
    def dimension(self) -> int:
        """D of the vectors."""
        return self.head.dimension

    def forward(self, pictures: Tensor) -> Tensor:
        """``(B, D)``."""
        return self.head(*self.features(pictures))  # type: ignore[no-any-return]

    def check(self) -> Network:
        """The network itself, once it has taken a picture of its size.

        Raises:
            ModelError: It cannot.
        """
        picture, training = self.architecture.input, self.training
        try:
            with torch.no_grad():
                self.eval()(torch.zeros(1, 3, picture.height_px, picture.width_px))
        except Exception as error:  # whatever a network's own code raises
            size = f"{picture.width_px} x {picture.height_px}"
            raise ModelError(
                f"{self.architecture.backbone} takes no pictures of {size}: {first_line(error)}"
            ) from error
        return self.train(training)

    def features(self, pictures: Tensor) -> tuple[Tensor, Tensor | None]:
        """The feature map ``(B, C, h, w)`` that the head takes, and the class token ``(B, C)`` if there is one."""
        maps, token = self.backbone(pictures)
        return normalize(maps, dim=1) if self.architecture.normalise else maps, token

    def mask(self, pictures: Tensor) -> Tensor | None:
        """``(B, h, w)``: how much each place counts; None if the head weighs none."""
        return self.head.mask(self.features(pictures)[0])

    def counts(self) -> dict[str, int]:
        """Parameters: of all, of the backbone, of the head, and of the head's mask."""
        head = dict(self.head.named_parameters())
        return {
            "parameters": _count(self.parameters()),
            "backbone_parameters": _count(self.backbone.parameters()),
            "head_parameters": _count(iter(head.values())),
            "mask_parameters": _count(
                parameter for name, parameter in head.items() if name.split(".")[0] in self.head.mask_parts
            ),
        }


def outline(architecture: Architecture) -> Network:
    """A network of shapes alone, which takes neither memory nor time, to count and to look at.

    Raises:
        ModelError: As ``Network``.
    """
    with torch.device("meta"):
        return Network(architecture)


def _count(parameters: Iterator[nn.Parameter]) -> int:
    return sum(parameter.numel() for parameter in parameters)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Random numbers of torch begun anew inside, and left as they were outside."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield

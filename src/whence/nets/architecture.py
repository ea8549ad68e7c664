"""What a network is made of, as plain data: in the catalogue, in a file of the user's, in the file of its weights."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from whence import plugins
from whence.errors import ModelError, RecipeError
from whence.recipes import options_from
from whence.recipes.tables import read_toml

_LARGEST = 4096
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True, slots=True)
class Input:
    """The picture that a network takes.

    Attributes:
        width_px: Every photo is brought to this width, whatever its shape.
        height_px: And to this height.
        mean: Of red, green and blue from 0 to 1, to be subtracted.
        std: To divide by, after that.
    """

    width_px: int = 320
    height_px: int = 240
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD


@dataclass(frozen=True, slots=True)
class Architecture:
    """A backbone, cut at a stage, and a head.

    Attributes:
        backbone: Of timm by its name, or of torchvision: ``googlenet``, or any as ``torchvision:NAME``.
        stage: Where it is cut, a module of it such as ``layer3``; for a VGG also as Keras counts, ``block5_conv4``,
            after its ReLU; for a transformer ``blocks.N``, as the block gives it. Empty for the last feature map, which
            a transformer has normalised.
        head: Registered under ``whence.heads``.
        options: Of the head.
        input: The picture that it takes.
        normalise: Whether the feature map is brought to length one at each place first.
    """

    backbone: str = "resnet18"
    stage: str = ""
    head: str = "average"
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)
    input: Input = Input()
    normalise: bool = True

    @classmethod
    def of(cls, table: Mapping[str, Any], name: str) -> Architecture:
        """From a table as TOML and JSON have it.

        Args:
            table: ``backbone``, ``stage``, ``normalise``, and tables ``head`` (``method`` and its options) and
                ``input``.
            name: Of what it is in, for messages.

        Raises:
            ModelError: Something is unknown, missing or of another type.
        """
        rest = dict(table)
        head, picture = rest.pop("head", {}), rest.pop("input", {})
        if not isinstance(head, dict) or not isinstance(picture, dict):
            raise ModelError(f"{name}: head and input have to be tables, such as [head] method = 'gem'")
        options, picture = dict(head), dict(picture)
        method = options.pop("method", "average")
        mean, std = (_triple(name, picture.pop(key, plain)) for key, plain in _COLOURS.items())
        try:
            size = options_from(_Size, "input", picture)
            made = options_from(_Plain, "network", {**rest, "head": method})
            plugins.find(plugins.HEADS, made.head)
        except RecipeError as error:
            raise ModelError(f"{name}: {error}") from error
        if max(size.width_px, size.height_px) > _LARGEST:
            raise ModelError(f"{name}: input of {size.width_px} x {size.height_px}: expected at most {_LARGEST} pixels")
        if min(std) <= 0:
            raise ModelError(f"{name}: input std {std}: expected three numbers above 0")
        taken = Input(size.width_px, size.height_px, mean, std)
        return cls(made.backbone, made.stage, made.head, options, taken, made.normalise)

    def table(self) -> dict[str, Any]:
        """Inverse of ``of``."""
        size = {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self.input).items()}
        return {
            "backbone": self.backbone,
            "stage": self.stage,
            "normalise": self.normalise,
            "head": {"method": self.head, **self.options},
            "input": size,
        }

    def text(self) -> str:
        """As JSON, always in the same order."""
        return json.dumps(self.table(), sort_keys=True)


_COLOURS = {"mean": IMAGENET_MEAN, "std": IMAGENET_STD}


@dataclass(frozen=True, slots=True)
class _Size:
    width_px: int = 320
    height_px: int = 240


@dataclass(frozen=True, slots=True)
class _Plain:
    """The keys of a table that are no tables themselves."""

    backbone: str = "resnet18"
    stage: str = ""
    head: str = "average"
    normalise: bool = True


def _triple(name: str, said: Any) -> tuple[float, float, float]:
    if (
        not isinstance(said, list | tuple)
        or len(said) != 3
        or not all(isinstance(value, int | float) for value in said)
    ):
        raise ModelError(f"{name}: input mean and std: expected three numbers each, got {said!r}")
    red, green, blue = map(float, said)
    return red, green, blue


def read_table(path: Path) -> dict[str, Any]:
    """A file of the user's that says what a network is made of.

    Raises:
        ModelError: It cannot be read.
    """
    try:
        return read_toml(path.read_text("utf-8-sig"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from error

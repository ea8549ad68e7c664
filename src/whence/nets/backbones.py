"""Convolutional networks and vision transformers, cut at a named stage."""

from __future__ import annotations

import difflib
import math
import re
from collections import OrderedDict
from typing import Any

import timm
import torch
import torchvision
from torch import Tensor, nn, unflatten
from torch.nn.functional import interpolate
from torchvision.models.feature_extraction import create_feature_extractor

from whence.errors import ModelError, first_line

_TORCHVISION = "torchvision:"
_ONLY_TORCHVISION = {"googlenet": "inception5b"}
"""Where timm has none, with its last feature map."""
_NORM = "norm"
"""Stage of a transformer: its last normalisation."""
_SIZES = ((128, 192), (128, 128), (224, 224), (256, 256), (384, 384))
_KERAS = re.compile(r"block(\d)_conv(\d)")


class Backbone(nn.Module):
    """Pictures ``(B, 3, H, W)`` to a feature map ``(B, C, h, w)`` and, where there is one, the class token ``(B, C)``.

    ``channels`` is C; ``stage`` the module that it is cut after.
    """

    def __init__(self, body: nn.Module, stage: str, channels: int) -> None:
        super().__init__()
        self.body, self.stage, self.channels = body, stage, channels
        self._frozen: tuple[str, ...] = ()

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor | None]:
        """See the class."""
        raise NotImplementedError

    def freeze(self, stage: str) -> None:
        """Keeps everything up to a named stage as it is, statistics of batches included; empty for nothing.

        Raises:
            ModelError: There is no such stage.
        """
        parts = dict(self.body.named_modules())
        names = [name for name in parts if name]
        if stage:
            wanted = _named(stage, self.body)
            last = [place for place, name in enumerate(names) if name == wanted or name.startswith(f"{wanted}.")]
            if not last:
                tops = dict.fromkeys(name.split(".")[0] for name in names)
                raise ModelError(f"the network has no stage {stage!r} to freeze up to; it has {', '.join(tops)}")
            names = names[: last[-1] + 1]
        # only what has weights itself: a part that goes on after the stage is not frozen whole
        self._frozen = tuple(name for name in names if [*parts[name].parameters(recurse=False)]) if stage else ()
        for name in self._frozen:
            parts[name].requires_grad_(False)
        if stage:  # a transformer's tokens come before all its blocks
            for parameter in self.body.parameters(recurse=False):
                parameter.requires_grad_(False)
        self.train(self.training)

    def train(self, mode: bool = True) -> Backbone:
        """As always, but what is frozen stays as it is."""
        super().train(mode)
        for name in self._frozen:
            self.body.get_submodule(name).eval()
        return self


class _Convolutional(Backbone):
    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor | None]:
        found = self.body(pictures)
        return (found["maps"] if isinstance(found, dict) else found), None


class _Transformer(Backbone):
    """Cut after a block as it is, or after the network's last normalisation."""

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor | None]:
        ((maps, tokens),) = self.body.forward_intermediates(  # type: ignore[operator]
            pictures,
            indices=1,
            norm=self.stage == _NORM,
            intermediates_only=True,
            return_prefix_tokens=True,
        )
        return maps, tokens[:, 0] if tokens is not None and tokens.shape[1] else None


class _Dino(Backbone):
    """DINOv2 without registers, which brings its positions to another grid otherwise than timm does.

    Source: M. Oquab et al., DINOv2: Learning Robust Visual Features without Supervision, TMLR 2024, and its code: the
    scale is that of a grid a tenth of a place larger, and nothing is smoothed.
    """

    _MORE = 0.1

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor | None]:
        body: Any = self.body
        patches = body.patch_embed(pictures)  # (B, h, w, C)
        high, wide = patches.shape[1:3]
        tokens = torch.cat([body.cls_token.expand(patches.shape[0], -1, -1), patches.flatten(1, 2)], dim=1)
        tokens = tokens + self._positions(high, wide)
        for block in body.blocks:
            tokens = block(tokens)
        if self.stage == _NORM:
            tokens = body.norm(tokens)
        return unflatten(tokens[:, 1:].transpose(1, 2), 2, (high, wide)), tokens[:, 0]

    def _positions(self, high: int, wide: int) -> Tensor:
        """``(1, 1 + h * w, C)``, the class token's first."""
        known: Tensor = self.body.pos_embed  # type: ignore[assignment]
        side = math.isqrt(known.shape[1] - 1)
        if (high, wide) == (side, side):
            return known
        scale = ((high + self._MORE) / side, (wide + self._MORE) / side)
        grid = unflatten(known[:, 1:].transpose(1, 2), 2, (side, side))
        grid = interpolate(grid, scale_factor=scale, mode="bicubic")
        return torch.cat([known[:, :1], grid.flatten(2).transpose(1, 2)], dim=1)


class _Stages(Backbone):
    """Transformers of several resolutions, cut after one of them, as timm hands it out."""

    def __init__(self, body: nn.Module, stage: str, place: int, channels: int) -> None:
        super().__init__(body, stage, channels)
        self._place = place

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor | None]:
        (maps,) = self.body.forward_intermediates(  # type: ignore[operator]
            pictures, indices=[self._place], intermediates_only=True, output_fmt="NCHW"
        )
        return maps, None


class _Sequence(nn.Module):
    """The first layers of a network whose features are one row of them, under their names."""

    def __init__(self, layers: OrderedDict[str, nn.Module]) -> None:
        super().__init__()
        self.features = nn.Sequential(layers)

    def forward(self, pictures: Tensor) -> Tensor:
        return self.features(pictures)  # type: ignore[no-any-return]


def make(name: str, stage: str = "") -> Backbone:
    """A backbone with weights at random.

    Args:
        name: See ``Architecture``.
        stage: Where it is cut; empty for the last feature map.

    Raises:
        ModelError: No such backbone or stage.
    """
    model, last = _whole(name)
    if hasattr(model, "patch_embed") and hasattr(model, "forward_intermediates"):
        return _transformer(name, model, stage) if hasattr(model, "blocks") else _staged(name, model, stage or last)
    wanted = _named(stage, model) if stage else last
    if wanted not in dict(model.named_modules()):
        raise ModelError(f"{name} has no stage {stage!r}; it has {', '.join(_stages(model))}")
    features = getattr(model, "features", None)
    if isinstance(features, nn.Sequential) and re.fullmatch(r"features\.\d+", wanted):
        layers = OrderedDict(list(features.named_children())[: int(wanted.split(".")[1]) + 1])
        body: nn.Module = _Sequence(layers)
    else:
        try:
            body = create_feature_extractor(model, {wanted: "maps"})
        except Exception as error:  # whatever a network's own code raises when it is traced
            if hasattr(model, "forward_intermediates") and wanted in _stages(model):
                return _staged(name, model, wanted)
            raise ModelError(f"{name} cannot be cut after {wanted}: {first_line(error)}") from error
    return _Convolutional(body, wanted, _channels(name, body))


def whole(name: str) -> nn.Module:
    """A network as its package makes it, classifier included, with weights at random.

    Raises:
        ModelError: No such network.
    """
    if name.startswith(_TORCHVISION) or name in _ONLY_TORCHVISION or name in torchvision.models.list_models():
        return _of_torchvision(name)
    if not timm.is_model(name.split(".")[0]):
        raise ModelError(_unknown(name, [*timm.list_models(), *_ONLY_TORCHVISION]))
    return timm.create_model(name, pretrained=False)


def _of_torchvision(name: str) -> nn.Module:
    plain = name.removeprefix(_TORCHVISION)
    options: Any = {"aux_logits": False, "init_weights": False} if plain in ("googlenet", "inception_v3") else {}
    try:
        return torchvision.models.get_model(plain, weights=None, **options)  # type: ignore[no-any-return]
    except ValueError as error:
        raise ModelError(_unknown(name, torchvision.models.list_models())) from error


def _staged(name: str, model: nn.Module, stage: str) -> Backbone:
    known = _stages(model)
    if stage not in known:
        raise ModelError(f"{name} has no stage {stage!r}; it has {', '.join(known)}")
    place = known.index(stage)
    return _Stages(model, stage, place, int(model.feature_info[place]["num_chs"]))  # type: ignore[index]


def _transformer(name: str, model: nn.Module, asked: str) -> Backbone:
    blocks, stage = len(model.blocks), asked or _NORM  # type: ignore[arg-type]
    found = re.fullmatch(r"blocks\.(\d+)", stage)
    if stage != _NORM and (not found or int(found[1]) >= blocks):
        raise ModelError(f"{name} has no stage {stage!r}; it has blocks.0 to blocks.{blocks - 1} and {_NORM}")
    if found:
        model.blocks = model.blocks[: int(found[1]) + 1]  # type: ignore[index]
    kind = _Dino if "dinov2" in name and "reg" not in name else _Transformer
    return kind(model, stage, int(model.num_features))  # type: ignore[arg-type]


def _whole(name: str) -> tuple[nn.Module, str]:
    """The network as its package makes it, and its last feature map."""
    if name.startswith(_TORCHVISION) or name in _ONLY_TORCHVISION:
        plain = name.removeprefix(_TORCHVISION)
        model = _of_torchvision(name)
        return model, _ONLY_TORCHVISION.get(plain) or _stages(model)[-1]
    plain = name.split(".")[0]
    if not timm.is_model(plain):
        raise ModelError(_unknown(name, [*timm.list_models(), *_ONLY_TORCHVISION]))
    bare: dict[str, Any] = {"num_classes": 0}  # without the classifier
    try:
        try:
            model = timm.create_model(name, pretrained=False, dynamic_img_size=True, **bare)
        except TypeError:  # most take any size as they are, and some none but their own
            model = timm.create_model(name, pretrained=False, **bare)
    except Exception as error:
        raise ModelError(f"timm cannot make {name}: {first_line(error)}") from error
    return model, _stages(model)[-1]


def _named(stage: str, model: nn.Module) -> str:
    """The module's name of a stage."""
    keras = _KERAS.fullmatch(stage)
    features = getattr(model, "features", None)
    if not keras or not isinstance(features, nn.Sequential):
        return stage
    block, convolution = 1, 0
    for number, layer in enumerate(features):
        block, convolution = (block + 1, 0) if isinstance(layer, nn.MaxPool2d) else (block, convolution)
        convolution += isinstance(layer, nn.Conv2d)
        if (block, convolution) == (int(keras[1]), int(keras[2])) and isinstance(layer, nn.ReLU):
            return f"features.{number}"
    return stage


def _stages(model: nn.Module) -> list[str]:
    """What a network tells of its stages, or else its largest parts."""
    told: Any = getattr(model, "feature_info", None)
    if told is not None:
        return [stage["module"] for stage in told]
    features = getattr(model, "features", None)
    if isinstance(features, nn.Sequential):
        return [f"features.{name}" for name, _ in features.named_children()]
    names: list[str] = []
    for name, part in model.named_children():
        if isinstance(part, nn.Linear | nn.AdaptiveAvgPool2d | nn.Flatten):
            break  # what follows sees no places any more
        names.append(name)
    return names or [name for name, _ in model.named_children()]


def last_stage(model: nn.Module) -> str:
    """The module of a whole network that gives its last feature map."""
    return _stages(model)[-1]


def _channels(name: str, body: nn.Module) -> int:
    """Of the feature map, found out by a small picture, or by one of a size that the network insists on."""
    training = body.training
    body.eval()
    found: Any = None
    for high, wide in _SIZES:
        try:
            with torch.no_grad():
                found = body(torch.zeros(1, 3, high, wide))
            break
        except Exception as error:  # noqa: BLE001, a network's own code raises whatever it likes
            reason = first_line(error)
    body.train(training)
    if found is None:
        raise ModelError(f"{name} takes no picture of {' or '.join(f'{w} x {h}' for h, w in _SIZES)}: {reason}")
    maps = found["maps"] if isinstance(found, dict) else found
    if not isinstance(maps, Tensor) or maps.ndim != 4:
        shape = tuple(maps.shape) if isinstance(maps, Tensor) else type(maps).__name__
        raise ModelError(f"the stage of {name} gives {shape}; expected a feature map (B, C, h, w)")
    if high != wide and abs(maps.shape[3] * high - maps.shape[2] * wide) > wide:  # channels last, for one
        raise ModelError(f"the stage of {name} gives {tuple(maps.shape)}; expected a feature map (B, C, h, w)")
    return int(maps.shape[1])


def _unknown(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name.removeprefix(_TORCHVISION).split(".")[0], known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else "see timm.list_models() and torchvision.models.list_models()"
    return f"no backbone {name!r}; {hint}"

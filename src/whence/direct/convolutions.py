"""Networks on pixels, in torch: a backbone, perhaps new convolutions, dense layers."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from whence.direct.estimators.estimator import Circumstances, Examples
from whence.direct.fitting import Descending
from whence.direct.framing import fitted, views_of
from whence.direct.layers import Top, top
from whence.direct.targets.target import Target
from whence.errors import ModelError, RecipeError
from whence.nets import opening
from whence.nets.architecture import Input
from whence.nets.backbones import last_stage
from whence.nets.network import seeded
from whence.nets.pictures import Altered, Pictures, plain
from whence.nets.running import device as device_of
from whence.photos import files
from whence.types import DoubleArray, FloatArray, Image

if TYPE_CHECKING:
    from whence.direct.estimators.network import NetworkOptions

_CAFFE = (104.0, 117.0, 123.0)
"""Of blue, green and red, from 0 to 255."""
_CHANNELS = 32
_DESCRIBED = 32


class PlainBlocks(nn.Module):
    """Three times two 3 x 3 convolutions of 32 channels and pooling to half the size."""

    def __init__(self, batch_norm: bool) -> None:
        super().__init__()
        steps: list[nn.Module] = []
        channels = 3
        for _ in range(3):
            for _ in range(2):
                convolution = nn.Conv2d(channels, _CHANNELS, 3, padding=1)
                nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
                steps.append(convolution)
                if batch_norm:
                    steps.append(nn.BatchNorm2d(_CHANNELS))
                steps.append(nn.ReLU())
                channels = _CHANNELS
            steps.append(nn.MaxPool2d(2))
        self.steps = nn.Sequential(*steps)

    def forward(self, pictures: Tensor) -> Tensor:
        """``(B, 32, H / 8, W / 8)``."""
        return self.steps(pictures)  # type: ignore[no-any-return]


class _Maps(nn.Module):
    """The feature map of a network of ``whence models``."""

    def __init__(self, model: str, stage: str, size: Input, pretrained: bool) -> None:
        super().__init__()
        architecture = opening.architecture(model)
        if stage:
            architecture = replace(architecture, stage=stage)
        picture = replace(architecture.input, width_px=size.width_px, height_px=size.height_px)
        instead = replace(architecture, input=picture, head="average", options={}, normalise=False)
        network = opening.start(model, pretrained=pretrained, instead=instead)
        self.backbone = network.backbone

    def forward(self, pictures: Tensor) -> Tensor:
        return self.backbone(pictures)[0]  # type: ignore[no-any-return]


class Colours(nn.Module):
    """Red, green and blue from 0 to 1, ``(B, 3, H, W)``, as a network takes them."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, options: NetworkOptions) -> None:
        super().__init__()
        self._caffe = options.colours == "caffe"
        size = (3, options.height_px, options.width_px) if options.colours == "pixels" else (3, 1, 1)
        mean, deviation = torch.zeros(size), torch.ones(size)
        if options.colours == "network" and options.model != "plain":
            own = opening.architecture(options.model).input
            mean, deviation = torch.tensor(own.mean)[:, None, None], torch.tensor(own.std)[:, None, None]
        self.register_buffer("mean", mean)
        self.register_buffer("deviation", deviation)

    def learn(self, pictures: Sequence[Image]) -> None:
        """Mean and deviation of each pixel over some pictures."""
        total, squares = np.zeros(self.mean.shape), np.zeros(self.mean.shape)
        for picture in pictures:
            data = picture.transpose(2, 0, 1).astype(np.float64) / 255
            total += data
            squares += data**2
        mean = total / len(pictures)
        deviation = np.sqrt(np.maximum(squares / len(pictures) - mean**2, 0))
        self.mean.copy_(torch.from_numpy(mean.astype(np.float32)))
        self.deviation.copy_(torch.from_numpy(np.maximum(deviation, 1e-2).astype(np.float32)))

    def forward(self, pictures: Tensor) -> Tensor:
        """See the class."""
        if self._caffe:
            return pictures.flip(1) * 255 - torch.tensor(_CAFFE, device=pictures.device)[:, None, None]
        return (pictures - self.mean) / self.deviation


class Whole(nn.Module):
    """Pictures from 0 to 1, ``(B, 3, H, W)``, to ``(B, W)`` outputs."""

    def __init__(self, options: NetworkOptions, target: Target, pretrained: bool, seed: int) -> None:
        super().__init__()
        self._pool, self._scores = options.pool, options.pool == "scores"
        size = Input(options.width_px, options.height_px)
        self.colours = Colours(options)
        with seeded(seed):
            if options.model == "plain":
                self.body: nn.Module = PlainBlocks(options.batch_norm)
            elif self._scores:
                self.body = opening.classifier(options.model, pretrained=pretrained)
            else:
                self.body = _Maps(options.model, options.stage, size, pretrained)
            self.more = self._convolutions(options, size)
        self.frozen = options.freeze == "all"
        if self.frozen:
            self.body.requires_grad_(False)
        elif options.freeze and isinstance(self.body, _Maps):
            self.body.backbone.freeze(options.freeze)
        elif options.freeze:
            raise RecipeError(f"[estimate] freeze = {options.freeze!r}: {options.model} takes only 'all' here")
        self.top: Top = top(self.features(self._blank(size)).shape[1], target, options, seed)

    def maps(self, pictures: Tensor) -> Tensor:
        """``(B, C, h, w)``: the last feature map."""
        return self.more(self.body(self.colours(pictures)))  # type: ignore[no-any-return]

    def pooled(self, maps: Tensor) -> Tensor:
        """``(B, F)`` of the last feature map."""
        return maps.mean(dim=(2, 3)) if self._pool == "average" else maps.flatten(1)

    def features(self, pictures: Tensor) -> Tensor:
        """``(B, F)`` that the dense layers take."""
        if self._scores:
            return self.body(self.colours(pictures))  # type: ignore[no-any-return]
        return self.pooled(self.maps(pictures))

    def forward(self, pictures: Tensor) -> Tensor:
        """See the class."""
        return self.top(self.features(pictures))  # type: ignore[no-any-return]

    def seen(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """The last feature map ``(B, C, h, w)``, and the ``(B, W)`` outputs that are computed of it.

        Raises:
            ModelError: The network has no map of places.
        """
        if not self._scores:
            maps = self.maps(pictures).detach().requires_grad_(True)
            return maps, self.top(self.pooled(maps))
        kept: list[Tensor] = []
        thread = threading.get_ident()

        def keep(module: nn.Module, given: Any, found: Any) -> Any:
            if threading.get_ident() != thread:  # others ask the same network meanwhile
                return None
            if not isinstance(found, Tensor) or found.ndim != 4:
                raise ModelError(f"the last stage of {type(self.body).__name__} gives no map of places")
            kept.append(found.detach().requires_grad_(True))
            return kept[0].clone()  # what comes next may work in place

        hook = self.body.get_submodule(last_stage(self.body)).register_forward_hook(keep)
        try:
            outputs = self(pictures)
        finally:
            hook.remove()
        return kept[0], outputs

    def train(self, mode: bool = True) -> Whole:
        """As always, but a frozen backbone stays as it is."""
        super().train(mode)
        if getattr(self, "frozen", False):
            self.body.eval()
        return self

    def _convolutions(self, options: NetworkOptions, size: Input) -> nn.Sequential:
        try:
            widths = [int(width) for width in options.convolutions.split(",") if width.strip()]
            if any(width < 1 for width in widths):
                raise ValueError
        except ValueError:
            raise RecipeError(
                f"[estimate] convolutions = {options.convolutions!r}: expected whole numbers, such as '256,256'"
            ) from None
        if not widths:
            return nn.Sequential()
        with torch.no_grad():
            channels = int(self.body.eval()(self._blank(size)).shape[1])
        steps: list[nn.Module] = []
        for width in widths:
            steps += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
            channels = width
        return nn.Sequential(*steps)

    def _blank(self, size: Input) -> Tensor:
        self.eval()
        return torch.zeros(1, 3, size.height_px, size.width_px)


class _Seen:
    """Pictures of some photos, altered while learning."""

    def __init__(self, paths: Sequence[Path], pictures: Pictures, options: NetworkOptions) -> None:
        self._paths, self._pictures = paths, pictures
        self._unit = _unit(options)
        self._altered = Altered(options, self._unit) if options.altered else None

    def batch(self, rows: NDArray[np.intp], *, altered: bool) -> Tensor:
        """See ``Inputs``."""
        read = self._pictures.read([self._paths[row] for row in rows])
        whole = [picture if picture is not None else self._grey() for picture in read]
        if altered and self._altered is not None:
            return self._altered([[picture] for picture in whole], torch.device("cpu"))
        return plain(whole, self._unit, torch.device("cpu"))

    def _grey(self) -> Image:
        """In the place of a file that could be read before, and no longer can."""
        return np.full((self._unit.height_px, self._unit.width_px, 3), 128, np.uint8)


class _Crops:
    """``(N, K, F)`` features of K crops each; one of them, drawn, while learning, else the first."""

    def __init__(self, features: FloatArray) -> None:
        self._features = torch.from_numpy(features)

    def batch(self, rows: NDArray[np.intp], *, altered: bool) -> Tensor:
        """See ``Inputs``."""
        chosen = self._features[torch.from_numpy(np.asarray(rows, np.int64))]
        if not altered or chosen.shape[1] == 1:
            return chosen[:, 0]
        return chosen[torch.arange(len(chosen)), torch.randint(chosen.shape[1], (len(chosen),))]


def made(options: NetworkOptions, target: Target, *, pretrained: bool, seed: int) -> Whole:
    """The network as it begins.

    Raises:
        ModelError: The backbone cannot be had, or takes no pictures of this size.
    """
    try:
        return Whole(options, target, pretrained, seed)
    except (RuntimeError, AssertionError) as error:  # a network's own code, given a picture that is too small
        size = f"{options.width_px} x {options.height_px}"
        raise ModelError(f"{options.model} takes no pictures of {size}: {str(error).splitlines()[0][:160]}") from error


def learned(
    options: NetworkOptions, examples: Examples, checked: Examples | None, target: Target, around: Circumstances
) -> tuple[Whole, int]:
    """The network with what it has learned, and the number of its best epoch."""
    whole = made(options, target, pretrained=around.pretrained and options.model != "plain", seed=around.seed)
    pictures = Pictures(_unit(options), around.workers, lambda photo: fitted(photo, options))
    try:
        if options.colours == "pixels":
            read = (picture for picture in pictures.read(list(examples.paths)) if picture is not None)
            whole.colours.learn(list(read))
        if not whole.frozen:
            held = None if checked is None else (_Seen(checked.paths, pictures, options), checked)
            inputs = _Seen(examples.paths, pictures, options)
            found = Descending(whole, inputs, examples, held, target, options, around).run()
            return whole, found.best
    finally:
        pictures.close()
    own = features_of(whole, options, examples.paths, around)
    whole.top.standardise(own.reshape(-1, own.shape[2]))
    apart = None if checked is None else (_Crops(features_of(whole, options, checked.paths, around)), checked)
    found = Descending(whole.top, _Crops(own), examples, apart, target, options, around).run()
    return whole, found.best


def features_of(whole: Whole, options: NetworkOptions, paths: Sequence[Path], around: Circumstances) -> FloatArray:
    """``(N, K, F)`` of a frozen network: the middle of each photo, then K - 1 crops; read from the cache if there."""
    kept = None if around.cache is None else around.cache / f"features-{_key(whole, options, paths, around)}.npy"
    if kept is not None and kept.is_file():
        try:
            return np.asarray(np.load(kept, allow_pickle=False), np.float32)
        except (OSError, ValueError, EOFError):
            pass  # half written: it is computed anew
    device = device_of(around.device)
    whole.to(device).eval()
    found: list[FloatArray] = []

    def views(row: int) -> list[Image]:
        return views_of(paths[row], options, around.seed)

    with ThreadPoolExecutor(around.workers) as threads, torch.inference_mode():
        for start in range(0, len(paths), _DESCRIBED):
            rows = range(start, min(start + _DESCRIBED, len(paths)))
            seen = list(threads.map(views, rows))
            for each in zip(*seen, strict=True):
                data = plain(list(each), _unit(options), device)
                found.append(whole.features(data).float().cpu().numpy())
    blocks = [np.stack(found[at : at + options.crops], axis=1) for at in range(0, len(found), options.crops)]
    features = np.concatenate(blocks)
    whole.to("cpu")
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        part = kept.with_suffix(".part.npy")
        np.save(part, features)
        part.replace(kept)
    return features


def asked(whole: Whole, options: NetworkOptions, image: Image) -> DoubleArray:
    """``(W,)`` of one photo, by itself, so that the answer never depends on its company."""
    with torch.inference_mode():
        return whole(prepared(image, options))[0].numpy().astype(np.float64)  # type: ignore[no-any-return]


def prepared(image: Image, options: NetworkOptions) -> Tensor:
    """``(1, 3, H, W)`` from 0 to 1: a photo as it is asked."""
    return plain([fitted(image, options)], _unit(options), torch.device("cpu"))


def _unit(options: NetworkOptions) -> Input:
    """Pictures from 0 to 1: what else is done with colours is part of the network."""
    return Input(options.width_px, options.height_px, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))


def _key(whole: Whole, options: NetworkOptions, paths: Sequence[Path], around: Circumstances) -> str:
    """Changes with whatever changes the features."""
    digest = hashlib.blake2b(digest_size=12)
    for name, tensor in whole.state_dict().items():
        if not name.startswith("top."):
            digest.update(name.encode() + np.ascontiguousarray(tensor.cpu().numpy()).tobytes())
    picture = (options.width_px, options.height_px, options.fit, options.pool, options.crops, around.seed)
    digest.update(repr(picture).encode())
    for path in paths:
        digest.update(repr((str(path), cv2.__version__)).encode("utf-8", "surrogatepass"))
        digest.update(repr(files.state_of(path)).encode())
    return digest.hexdigest()

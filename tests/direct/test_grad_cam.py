"""What of a photo spoke for an answer: the heat lies where the thing is that tells the classes apart."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from samples import textured
from whence.direct.convolutions import Whole, asked, learned, made
from whence.direct.estimators.estimator import Circumstances, Examples
from whence.direct.estimators.network import NetworkOptions
from whence.direct.framing import laid
from whence.direct.grad_cam import grad_cam
from whence.direct.targets.named import Named, NamedOptions
from whence.nets import opening
from whence.types import Image, Photo

WIDE, HIGH, SPOT = 128, 64, 16
INKS = {"blue": (30, 30, 230), "red": (230, 30, 30)}


def marked(name: str, seed: int, left: int | None = None) -> tuple[Image, tuple[float, float]]:
    """A wide picture with a spot of a colour in its middle square, and the middle of the spot."""
    rng = np.random.default_rng(seed)
    picture = (0.3 * textured(seed, WIDE, HIGH) + 90).astype(np.uint8)
    x, y = int(rng.integers(36, 76)) if left is None else left, int(rng.integers(4, 44))
    picture[y : y + SPOT, x : x + SPOT] = INKS[name]
    return picture, (x + SPOT / 2, y + SPOT / 2)


def hottest(heat: np.ndarray[Any, Any]) -> tuple[float, float]:
    """Pixel of the picture where the heat is highest, as the page lays it over the photo."""
    large = cv2.resize(heat, (WIDE, HIGH))
    down, across = np.unravel_index(int(large.argmax()), large.shape)
    return float(across), float(down)


def named(folder: Path, count: int) -> tuple[Named, Examples]:
    photos = []
    for seed in range(count):
        label = ("blue", "red")[seed % 2]
        path = folder / f"{seed}.png"
        cv2.imwrite(str(path), cv2.cvtColor(marked(label, seed)[0], cv2.COLOR_RGB2BGR))
        photos.append(Photo(path, str(path), label=label))
    target = Named.learn(NamedOptions(), photos)
    vectors = np.zeros((count, 0), np.float32)
    return target, Examples(
        vectors, [photo.path for photo in photos], target.truth(photos), np.ones(count), np.arange(count)
    )


@pytest.mark.slow
def test_of_the_middle_of_photos(tmp_path: Path) -> None:
    target, examples = named(tmp_path, 80)
    options = NetworkOptions(
        width_px=64, height_px=64, fit="crop", layers="", dropout="0", epochs=8, batch=16, learning_rate=3e-3
    )
    whole, _ = learned(options, examples, None, target, Circumstances(pretrained=False, device="cpu"))
    near = 0
    for seed in range(100, 120):
        label = ("blue", "red")[seed % 2]
        picture, (x, y) = marked(label, seed)
        assert target.names[int(asked(whole, options, picture).argmax())] == label
        heat = grad_cam(whole, options, picture)
        assert heat is not None
        assert heat.shape == (HIGH, WIDE)
        assert not heat[:, :32].any()
        assert not heat[:, 96:].any()
        across, down = hottest(heat)
        near += abs(across - x) <= SPOT and abs(down - y) <= SPOT
    assert near >= 18


class Inks(nn.Module):
    """How blue and how red each place is, at a quarter of the size, and 1,000 scores of that."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = nn.Conv2d(3, 2, 4, stride=4)
        self.pool = nn.AdaptiveAvgPool2d(1)
        with torch.no_grad():
            self.seen.weight.copy_(torch.tensor([[-1.0, -1.0, 2.0], [2.0, -1.0, -1.0]])[..., None, None] / 16)
            self.seen.bias.zero_()  # type: ignore[union-attr]

    def forward(self, pictures: Tensor) -> Tensor:
        maps = nn.functional.relu(self.seen(pictures), inplace=True)
        return nn.functional.pad(self.pool(maps).flatten(1), (0, 998))


class Rows(nn.Module):
    """A network whose last stage gives no map."""

    def __init__(self) -> None:
        super().__init__()
        self.rows = nn.Flatten(2)

    def forward(self, pictures: Tensor) -> Tensor:
        return nn.functional.pad(self.rows(pictures).mean(dim=2), (0, 997))


def of_scores(network: nn.Module, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, **changed: Any) -> tuple[Whole, Any]:
    """A network that is asked for its scores, of which the first speaks for blue and the second for red."""
    monkeypatch.setattr(opening, "classifier", lambda name, pretrained: network)
    options = NetworkOptions(
        model="imagenet-vgg16", pool="scores", colours="unit", freeze="all", layers="", dropout="0", **changed
    )
    target, _ = named(tmp_path, 4)
    whole = made(options, target, pretrained=False, seed=0).eval()
    with torch.no_grad():
        last = whole.top.steps[-1]
        assert isinstance(last, nn.Linear)
        last.weight.zero_()
        last.weight[0, 0] = last.weight[1, 1] = 1
    return whole, options


@pytest.mark.parametrize("label", INKS)
def test_of_scores(label: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    whole, stretched = of_scores(Inks(), monkeypatch, tmp_path, width_px=WIDE, height_px=HIGH)
    _, cropped = of_scores(Inks(), monkeypatch, tmp_path, width_px=HIGH, height_px=HIGH, fit="crop")
    for options in (stretched, cropped):
        for seed in range(6):
            picture, (x, y) = marked(label, seed)
            heat = grad_cam(whole, options, picture)
            assert heat is not None
            across, down = hottest(heat)
            assert abs(across - x) <= SPOT / 2
            assert abs(down - y) <= SPOT / 2
    outside, _ = marked(label, 0, left=4)  # what the middle does not show cannot speak
    heat = grad_cam(whole, cropped, outside)
    assert heat is not None
    assert not heat[:, :32].any()


def test_of_scores_while_others_ask(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    whole, options = of_scores(Inks(), monkeypatch, tmp_path, width_px=WIDE, height_px=HIGH)
    pictures = [marked(("blue", "red")[seed % 2], seed)[0] for seed in range(40)]
    alone = [grad_cam(whole, options, picture) for picture in pictures]
    answers = [asked(whole, options, picture) for picture in pictures]
    with ThreadPoolExecutor(4) as threads:
        told = [threads.submit(asked, whole, options, picture) for picture in pictures]
        heats = list(threads.map(lambda picture: grad_cam(whole, options, picture), pictures))
        assert all(np.array_equal(one.result(), other) for one, other in zip(told, answers, strict=True))
    for one, other in zip(heats, alone, strict=True):
        assert one is not None
        assert other is not None
        assert np.array_equal(one, other)
    assert not any(module._forward_hooks for module in whole.modules())


def test_of_a_network_without_a_map(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    whole, options = of_scores(Rows(), monkeypatch, tmp_path, width_px=32, height_px=32)
    assert grad_cam(whole, options, marked("red", 0)[0]) is None


@pytest.mark.slow
@pytest.mark.parametrize("name", ["imagenet-googlenet", "imagenet-vgg16"])
def test_of_the_scores_of_published_networks(name: str, tmp_path: Path) -> None:
    options = NetworkOptions(model=name, pool="scores", freeze="all", layers="8", dropout="0", fit="crop")
    whole = made(options, named(tmp_path, 4)[0], pretrained=False, seed=0)
    maps, outputs = whole.seen(torch.rand(1, 3, 224, 224))
    assert maps.shape[2:] == (7, 7)
    assert outputs.shape == (1, 2)
    (slopes,) = torch.autograd.grad(outputs[0, 0], maps)
    assert slopes.abs().max() > 0


def test_what_was_shown_is_laid_where_it_was() -> None:
    heat = np.ones((2, 2), np.float32)
    wide, high = np.zeros((60, 120, 3), np.uint8), np.zeros((120, 60, 3), np.uint8)
    options = NetworkOptions(width_px=32, height_px=32, fit="crop")
    across, down = laid(heat, wide, options), laid(heat, high, options)
    assert (across.shape, down.shape) == ((32, 64), (64, 32))
    assert np.array_equal(np.flatnonzero(across.any(axis=0)), np.arange(16, 48))
    assert np.array_equal(np.flatnonzero(down.any(axis=1)), np.arange(16, 48))
    assert laid(heat, wide, NetworkOptions(width_px=32, height_px=32)) is heat

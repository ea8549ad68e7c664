"""The published systems that answer directly: shapes, colours and crops, by small stand-ins for their networks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from regions import picture, recipe, write_regions
from whence.direct.convolutions import Colours, PlainBlocks, asked, features_of, made
from whence.direct.estimators.estimator import Circumstances
from whence.direct.estimators.network import NetworkEstimator, NetworkOptions
from whence.direct.framing import fitted
from whence.direct.targets.coordinates import Coordinates, CoordinatesOptions
from whence.direct.targets.named import Named, NamedOptions
from whence.direct.training import fit
from whence.errors import ModelError
from whence.evaluate.inputs import Given, read_database
from whence.models import store
from whence.nets import opening
from whence.nets.architecture import Input
from whence.nets.network import seeded
from whence.nets.pictures import plain
from whence.photos import files
from whence.photos.decode import decode
from whence.recipes import load_recipe, options_from
from whence.types import Photo


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> list[Photo]:
    return list(read_database(Given(write_regions(tmp_path_factory.mktemp("known"), places=4))).photos)


def options(name: str, **changed: Any) -> NetworkOptions:
    section = {key: value for key, value in load_recipe(name).sections["estimate"].items() if key != "method"}
    return options_from(NetworkOptions, "estimate", {**section, **changed})


def test_the_plain_network_is_as_published(known: list[Photo]) -> None:
    target = Named.learn(NamedOptions(), known)
    whole = made(options("placing-cnn"), target, pretrained=False, seed=0)
    kernels = [module for module in whole.body.modules() if isinstance(module, torch.nn.Conv2d)]
    assert [(one.in_channels, one.out_channels, one.kernel_size) for one in kernels] == [(3, 32, (3, 3))] + [
        (32, 32, (3, 3))
    ] * 5
    assert whole.top.features == 32 * (48 // 8) * (52 // 8)
    dense = [module for module in whole.top.modules() if isinstance(module, torch.nn.Linear)]
    assert [(one.in_features, one.out_features) for one in dense] == [(1152, 256), (256, 256), (256, 3)]
    with_norm = made(options("placing-cnn-bn"), target, pretrained=False, seed=0)
    assert sum(isinstance(module, torch.nn.BatchNorm2d) for module in with_norm.modules()) == 6
    assert PlainBlocks(False)(torch.zeros(2, 3, 48, 52)).shape == (2, 32, 6, 6)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "features", "widths"),
    [
        ("placing-googlenet", 1000, [800, 800]),
        ("placing-vgg16", 1000, [800, 800]),
        ("placing-regression", 1000, [800, 800]),
        ("ten-cities-vgg16", 512 * 7 * 7, [1024]),
        ("venice-regression", 2048, [256]),
    ],
)
def test_the_layers_are_as_published(known: list[Photo], name: str, features: int, widths: list[int]) -> None:
    coordinates = Coordinates.learn(CoordinatesOptions(), known)
    target = coordinates if "regression" in name else Named.learn(NamedOptions(), known)
    whole = made(options(name), target, pretrained=False, seed=0)
    assert whole.top.features == features
    dense = [module for module in whole.top.modules() if isinstance(module, torch.nn.Linear)]
    assert [one.out_features for one in dense] == [*widths, 2 if "regression" in name else 3]
    assert not any(parameter.requires_grad for parameter in whole.body.parameters())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "channels"), [("placing-googlenet-convolutions", 512), ("placing-vgg16-convolutions", 512)]
)
def test_new_convolutions_on_an_earlier_layer(known: list[Photo], name: str, channels: int) -> None:
    chosen = options(name)
    whole = made(chosen, Named.learn(NamedOptions(), known), pretrained=False, seed=0).train()
    assert whole.body(torch.zeros(1, 3, 224, 224)).shape == (1, channels, 14, 14)
    kernels = [module for module in whole.more if isinstance(module, torch.nn.Conv2d)]
    assert [(one.in_channels, one.out_channels, one.kernel_size) for one in kernels] == [
        (channels, 256, (3, 3)),
        (256, 256, (3, 3)),
    ]
    dense = [module for module in whole.top.modules() if isinstance(module, torch.nn.Linear)]
    assert [(one.in_features, one.out_features) for one in dense] == [(256, 800), (800, 800), (800, 3)]
    assert [step.p for step in whole.top.modules() if isinstance(step, torch.nn.Dropout)] == [0.2, 0.5, 0.5]
    learning = {part for part, parameter in whole.named_parameters() if parameter.requires_grad}
    assert {part.split(".")[0] for part in learning} == {"more", "top"}
    before = {part: tensor.clone() for part, tensor in whole.body.state_dict().items()}
    whole(torch.rand(2, 3, 224, 224)).sum().backward()  # statistics of batches stay as they are too
    assert all(torch.equal(tensor, before[part]) for part, tensor in whole.body.state_dict().items())
    assert all(parameter.grad is not None for parameter in whole.more.parameters())


def test_colours(known: list[Photo]) -> None:
    data = torch.rand(2, 3, 4, 5)
    unit = Colours(NetworkOptions(width_px=5, height_px=4, colours="unit"))
    assert torch.equal(unit(data), data)
    caffe = Colours(NetworkOptions(width_px=5, height_px=4, colours="caffe"))(data)
    assert torch.allclose(caffe[:, 0], data[:, 2] * 255 - 104)
    assert torch.allclose(caffe[:, 2], data[:, 0] * 255 - 123)
    pixels = Colours(NetworkOptions(width_px=5, height_px=4, colours="pixels"))
    many = [np.random.default_rng(seed).integers(0, 256, (4, 5, 3)).astype(np.uint8) for seed in range(40)]
    pixels.learn(many)
    found = pixels(plain(many, Input(5, 4, (0, 0, 0), (1, 1, 1)), torch.device("cpu")))
    assert torch.allclose(found.mean(dim=0), torch.zeros(3, 4, 5), atol=1e-4)
    assert torch.allclose(found.std(dim=0, unbiased=False), torch.ones(3, 4, 5), atol=1e-3)


def test_the_middle_of_a_photo() -> None:
    photo = np.zeros((60, 120, 3), np.uint8)
    photo[:, 30:90] = 255
    cut = fitted(photo, NetworkOptions(width_px=32, height_px=32, fit="crop"))
    assert cut.shape == (32, 32, 3)
    assert cut.min() > 200
    whole = fitted(photo, NetworkOptions(width_px=32, height_px=32))
    assert whole.min() == 0


@pytest.mark.usefixtures("networks")
class TestFrozen:
    """Features of frozen backbones: k crops, drawn once, and kept."""

    def chosen(self, **changed: Any) -> NetworkOptions:
        model = next(name for name in opening.networks() if opening.architecture(name).backbone == "test_resnet")
        return NetworkOptions(model=model, freeze="all", width_px=64, height_px=48, crops=3, layers="8", **changed)

    def test_crops_are_drawn_once_and_kept(self, known: list[Photo], tmp_path: Path) -> None:
        chosen = self.chosen()
        target = Named.learn(NamedOptions(), known)
        whole = made(chosen, target, pretrained=False, seed=0)
        around = Circumstances(workers=2, device="cpu", cache=tmp_path)
        paths = [photo.path for photo in known[:5]]
        found = features_of(whole, chosen, paths, around)
        assert found.shape == (5, 3, whole.top.features)
        assert not np.allclose(found[:, 0], found[:, 1])
        (kept,) = tmp_path.glob("features-*.npy")
        stamp = kept.stat().st_mtime_ns
        assert np.array_equal(features_of(whole, chosen, paths, around), found)
        assert kept.stat().st_mtime_ns == stamp
        kept.write_bytes(b"half")
        assert np.array_equal(features_of(whole, chosen, paths, around), found)
        other = Circumstances(workers=1, device="cpu", seed=1)
        assert not np.allclose(features_of(whole, chosen, paths, other)[:, 1], found[:, 1])
        middle = decode(files.read(paths[0]), max_side=1024).pixels
        with torch.inference_mode():
            alone = whole.top(torch.from_numpy(found[:1, 0]))[0].numpy()
        assert np.allclose(asked(whole, chosen, middle), alone, atol=1e-4)

    def test_only_the_layers_on_top_learn(self, known: list[Photo], tmp_path: Path) -> None:
        from dataclasses import asdict

        sections = {"method": "network", **asdict(self.chosen(epochs=3)), "dropout": "0"}
        made_recipe = recipe(
            {"method": "named"}, {k: v for k, v in sections.items() if v != 0 or v is False}, describe=""
        )
        found = fit(made_recipe, known, workers=2, device="cpu", pretrained=False, cache=tmp_path)
        assert isinstance(found.model.estimator, NetworkEstimator)
        start = made(self.chosen(), Named.learn(NamedOptions(), known), pretrained=False, seed=0)
        for name, tensor in found.model.estimator.whole.body.state_dict().items():
            assert torch.equal(tensor, start.body.state_dict()[name])
        assert len(found.epochs) == 4
        assert found.model.guess(picture("coast", 5)).position is not None

    def test_new_convolutions_on_an_earlier_stage(self, known: list[Photo]) -> None:
        from dataclasses import replace

        chosen = replace(self.chosen(), freeze="", crops=1, stage="layer1", convolutions="12,10")
        whole = made(chosen, Named.learn(NamedOptions(), known), pretrained=False, seed=0)
        assert whole.top.features == 10
        assert whole(torch.zeros(2, 3, 48, 64)).shape == (2, 3)


def test_pretrained_weights_have_to_be_there(
    known: list[Photo], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(store.VARIABLE, str(tmp_path))
    for name in ("imagenet-resnet50", "torchvision:resnet18"):
        with pytest.raises(ModelError, match=f"whence models download {name}"):
            fit(recipe({"method": "named"}, {"method": "network", "model": name}, describe=""), known)


def test_the_whole_network_gives_a_thousand_scores() -> None:
    with seeded(0):
        from whence.nets.backbones import whole

        assert whole("torchvision:squeezenet1_0").eval()(torch.zeros(1, 3, 64, 64)).shape == (1, 1000)
        assert whole("test_resnet").eval()(torch.zeros(1, 3, 96, 96)).shape == (1, 1000)
    with pytest.raises(ModelError, match="no backbone"):
        whole("nonesuch")

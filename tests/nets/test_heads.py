"""Heads: what every registered one promises, and what the published ones are made of."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from whence import plugins
from whence.errors import ModelError
from whence.nets import backbones
from whence.nets.architecture import Architecture
from whence.nets.heads.head import Head
from whence.nets.heads.netvlad import NetVlad, NetVladOptions, k_means
from whence.nets.network import Network, seeded

STREET: dict[str, Any] = {"backbone": "resnet18", "stage": "layer3", "input": {"width_px": 64, "height_px": 48}}
heads = pytest.mark.parametrize("name", plugins.names(plugins.HEADS))


def made(name: str, channels: int = 64) -> Head:
    head = plugins.load(plugins.HEADS, name)
    with seeded(1):
        found: Head = head(channels, head.options_type())
    return found.eval()


def maps(channels: int = 64, batch: int = 3) -> Tensor:
    with seeded(2):
        return normalize(torch.rand(batch, channels, 9, 10), dim=1)


def token(channels: int = 64, batch: int = 3) -> Tensor:
    with seeded(3):
        return torch.rand(batch, channels)


@heads
def test_heads_give_unit_vectors(name: str) -> None:
    head = made(name)
    assert isinstance(head, Head)
    vectors = head(maps(), token())
    assert vectors.shape == (3, head.dimension)
    assert torch.allclose(vectors.norm(dim=1), torch.ones(3), atol=1e-5)
    assert torch.isfinite(head(torch.zeros(1, 64, 9, 10), torch.zeros(1, 64))).all()  # a picture of nothing


@heads
def test_a_vector_does_not_depend_on_its_company(name: str) -> None:
    head = made(name)
    together = head(maps(), token())
    alone = torch.cat([head(maps()[row : row + 1], token()[row : row + 1]) for row in range(3)])
    assert torch.allclose(together, alone, atol=1e-5)


@heads
def test_all_weights_learn(name: str) -> None:
    head = made(name).train()
    head.begin(maps().flatten(2).transpose(1, 2).reshape(-1, 64))
    with torch.no_grad():  # what begins with nothing would pass nothing on
        for parameter in head.parameters():
            parameter.add_(0.01 * torch.rand(parameter.shape))
    weight = torch.rand(head.dimension)
    given = maps().requires_grad_()
    (head(given, token()) @ weight).sum().backward()
    assert given.grad is not None
    assert bool(given.grad.any())
    still = [key for key, value in head.named_parameters() if value.requires_grad and value.grad is None]
    assert not still


@heads
def test_the_mask_has_the_size_of_the_map(name: str) -> None:
    head = made(name)
    mask = head.mask(maps())
    assert (mask is not None) == bool(head.mask_parts)
    if mask is not None:
        assert mask.shape == (3, 9, 10)
        assert torch.allclose(mask, torch.ones_like(mask))  # training starts from NetVLAD


@pytest.mark.parametrize(
    ("head", "dimension", "mask"),
    [("average", 256, 0), ("gem", 256, 0), ("netvlad", 16384, 0), ("crn", 16384, 529_577), ("crn2", 16384, 245_641)],
)
def test_sizes_are_the_published_ones(head: str, dimension: int, mask: int) -> None:
    network = Network(Architecture.of({**STREET, "head": {"method": head}}, "test"))
    counts = network.counts()
    assert (network.dimension, counts["mask_parameters"]) == (dimension, mask)
    assert counts["parameters"] == counts["backbone_parameters"] + counts["head_parameters"]
    assert counts["parameters"] == sum(parameter.numel() for parameter in network.parameters())


def test_average_and_gem_are_what_they_are_called() -> None:
    assert torch.allclose(made("average")(maps()), normalize(maps().mean((2, 3)), dim=1))
    head = plugins.load(plugins.HEADS, "gem")
    plain = head(64, head.options_type(whiten=False))
    assert torch.allclose(plain(maps()), normalize((maps() ** 3).mean((2, 3)) ** (1 / 3), dim=1), atol=1e-5)
    assert not list(plain.parameters())
    assert {name for name, _ in head(64, head.options_type(learn_p=True)).named_parameters()} == {
        "p",
        "whiten.weight",
        "whiten.bias",
    }


def by_hand(head: NetVlad, found: Tensor) -> Tensor:
    """NetVLAD one feature after the other."""
    words, weights, mask = head.centroids, head.assign.weight[:, :, 0, 0], head.mask(found)
    vectors = []
    for photo in range(len(found)):
        sums = torch.zeros_like(words)
        for place in range(found.shape[2] * found.shape[3]):
            row, column = divmod(place, found.shape[3])
            feature = found[photo, :, row, column]
            share = torch.softmax(weights @ feature, dim=0)
            if mask is not None:
                share = share * mask[photo, row, column]
            sums = sums + share[:, None] * (feature - words)
        vectors.append(normalize(normalize(sums, dim=1).flatten(), dim=0))
    return torch.stack(vectors)


@pytest.mark.parametrize("name", ["netvlad", "crn", "crn2"])
def test_netvlad_is_what_its_paper_says(name: str) -> None:
    head = made(name)
    assert isinstance(head, NetVlad)
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.add_(0.05 * torch.rand(parameter.shape))
        found = maps()[:, :, :4, :5]
        assert torch.allclose(head(found), by_hand(head, found), atol=1e-5)


def test_netvlad_begins_with_words_of_the_photos() -> None:
    with seeded(4):
        centres = normalize(torch.randn(8, 32), dim=1)
        features = normalize(centres.repeat(50, 1) + 0.02 * torch.randn(400, 32), dim=1)
    head = NetVlad(32, NetVladOptions(clusters=8))
    head.begin(features)
    near = torch.cdist(centres, head.centroids.detach())
    assert float(near.min(1).values.max()) < 0.05
    assert sorted(near.argmin(1).tolist()) == list(range(8))
    similar = torch.topk(features @ normalize(head.centroids.detach(), dim=1).T, 2, dim=1).values
    alpha = -math.log(0.01) / float((similar[:, 0] - similar[:, 1]).mean())
    assert torch.allclose(head.assign.weight[:, :, 0, 0].norm(dim=1), torch.full((8,), alpha), rtol=1e-4)


def test_k_means_copes_with_fewer_features_than_words() -> None:
    words = k_means(torch.ones(3, 4), 6)
    assert torch.equal(words, torch.ones(6, 4))


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"backbone": "resnet81"}, "did you mean 'resnet8?18'"),
        ({"backbone": "resnet18", "stage": "layer9"}, "no stage 'layer9'; it has act1, layer1"),
        ({"backbone": "test_vit", "stage": "blocks.99"}, "it has blocks.0 to"),
        ({"head": {"method": "gen"}}, "did you mean 'gem'"),
        ({"head": {"method": "gem", "dimensions": 3}}, "did you mean 'dimension'"),
        ({"head": "gem"}, "have to be tables"),
        ({"input": {"mean": [1, 2]}}, "three numbers each"),
        ({"input": {"std": [1, 2, 0]}}, "above 0"),
        ({"input": {"width": 3}}, "did you mean 'width_px'"),
        ({"bakcbone": "resnet18"}, "did you mean 'backbone'"),
        ({"input": {"width_px": 5000}}, "at most 4096"),
        ({"head": {"method": "gem", "p": 0.0}}, "expected a number from 0.1"),
        ({"backbone": "torchvision:vit_b_16"}, r"expected a feature map"),
        ({"backbone": "torchvision:swin_t"}, r"expected a feature map"),
    ],
)
def test_what_a_network_cannot_be_made_of(table: dict[str, Any], words: str) -> None:
    with pytest.raises(ModelError, match=words):
        Network(Architecture.of(table, "mine.toml"))


def test_an_architecture_is_given_back_as_it_was() -> None:
    table = {**STREET, "head": {"method": "netvlad", "clusters": 8}, "normalise": False}
    made = Architecture.of(table, "test")
    assert Architecture.of(made.table(), "test") == made
    assert Architecture.of(made.table(), "test").text() == made.text()


@pytest.mark.parametrize(
    ("name", "stage", "channels"),
    [
        ("resnet18", "layer3", 256),
        ("vgg16", "block5_conv3", 512),
        ("vgg19", "block5_conv4", 512),
        ("googlenet", "", 1024),
        ("torchvision:mobilenet_v2", "", 1280),
        ("efficientnet_b0", "", 320),
        ("test_vit", "", 64),
    ],
)
def test_backbones_are_cut_where_asked(name: str, stage: str, channels: int) -> None:
    backbone = backbones.make(name, stage).eval()
    assert backbone.channels == channels
    with torch.no_grad():
        found, _ = backbone(torch.zeros(1, 3, 64, 96))
    assert found.shape[1] == channels
    assert found.shape[3] > found.shape[2]


def test_a_vgg_is_cut_after_its_relu() -> None:
    body = backbones.make("vgg19", "block5_conv4").body
    layers = list(body.features.children())  # type: ignore[union-attr]
    assert isinstance(layers[-1], torch.nn.ReLU)
    assert sum(isinstance(layer, torch.nn.Conv2d) for layer in layers) == 16


def test_what_is_frozen_stays() -> None:
    backbone = backbones.make("resnet18", "layer3")
    backbone.freeze("layer2")
    learning = {name.split(".")[1] for name, value in backbone.named_parameters() if value.requires_grad}
    assert learning == {"layer3"}
    backbone.train()
    before = {name: value.clone() for name, value in backbone.state_dict().items()}
    backbone(torch.rand(2, 3, 64, 64))
    moved = {
        name.split(".")[1] for name, value in backbone.state_dict().items() if not torch.equal(value, before[name])
    }
    assert moved == {"layer3"}  # the statistics of batches
    with pytest.raises(ModelError, match="no stage 'layer7'"):
        backbone.freeze("layer7")


@pytest.mark.parametrize(
    ("name", "side", "channels"),
    [
        ("mobilevit_s", 64, 640),
        ("efficientvit_b0", 64, 128),
        ("swin_tiny_patch4_window7_224", 224, 768),
        ("pvt_v2_b0", 64, 256),
    ],
)
def test_backbones_that_mix_convolutions_and_attention(name: str, side: int, channels: int) -> None:
    network = Network(Architecture.of({"backbone": name, "input": {"width_px": side, "height_px": side}}, name))
    assert network.check().dimension == channels
    assert network.features(torch.rand(2, 3, side, side))[0].shape[:2] == (2, channels)


def test_sizes_that_a_backbone_does_not_take() -> None:
    table = {"backbone": "vgg11", "input": {"width_px": 8, "height_px": 8}}
    with pytest.raises(ModelError, match="vgg11 takes no pictures of 8 x 8"):
        Network(Architecture.of(table, "vgg")).check()


def test_frozen_up_to_a_stage_as_keras_counts() -> None:
    backbone = backbones.make("vgg11", "block3_conv2")
    backbone.freeze("block2_conv1")
    learning = [name for name, value in backbone.named_parameters() if value.requires_grad and name.endswith("weight")]
    assert learning == ["body.features.6.weight", "body.features.8.weight"]

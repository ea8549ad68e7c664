"""Published state dicts fit the catalogue's networks, and mean there what their papers say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch
import torchvision
from published import State, boq, dino, row_of_children, salad, under
from torch import Tensor, unflatten
from torch.nn.functional import conv2d, gelu, interpolate, layer_norm, linear, normalize, relu

from whence.errors import ModelError
from whence.models import catalogue
from whence.nets import weights
from whence.nets.architecture import Architecture
from whence.nets.heads.salad import transported
from whence.nets.network import Network, seeded

CATALOGUE = {name: model for name, model in catalogue.models().items() if model.network}
CUT = ("mask_token", "fc.", "classifier.", "aux1.", "aux2.", "layer4.", "features.30", "blocks.10.", "blocks.11.")
"""Beginnings of names that belong to what is cut off, or is there for training alone."""


def published(name: str) -> State:
    """A state dict as the authors' code makes it, in full size."""
    kind = name.split("-")[0]
    if kind in ("cosplace", "eigenplaces"):
        _, network, size = name.split("-")
        state = under("backbone.", row_of_children(network, 2).state_dict())
        wide = 512 if network == "resnet18" else 2048
        last = {"weight": torch.zeros(int(size), wide), "bias": torch.zeros(int(size))}
        return {**state, "aggregation.1.p": torch.ones(1), **under("aggregation.3.", last)}
    if name == "salad":
        return under("backbone.model.", dino(768, 12)) | under("aggregator.", salad(768, 64, 128, 256, 512))
    if name == "megaloc":
        state = under("aggregator.agg.", salad(768, 64, 256, 256, 512))
        body = {key: tensor for key, tensor in dino(768, 12).items() if key != "mask_token"}
        last = {"weight": torch.zeros(8448, 256 + 64 * 256), "bias": torch.zeros(8448)}
        return under("backbone.", body) | state | under("aggregator.linear.", last)
    if name == "boq-resnet50":
        state = under("backbone.net.", row_of_children("resnet50", 3).state_dict())
        return state | under("aggregator.", boq(1024, 512, 64, 32).state_dict())
    if name == "boq-dinov2":
        return under("backbone.dino.", dino(768, 12)) | under("aggregator.", boq(768, 384, 64, 32).state_dict())
    if kind == "dinov2":
        return dino(768, 12)
    network = "resnet18" if kind == "street" else name.split("-")[1]
    options = {"init_weights": False} if network == "googlenet" else {}
    classes = 365 if kind == "places365" else 1000
    state = getattr(torchvision.models, network)(weights=None, num_classes=classes, **options).state_dict()
    return dict(state)


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_published_tensor_has_its_place(name: str) -> None:
    """Shapes alone, in full size: no memory is taken, and nothing is computed."""
    model = CATALOGUE[name]
    with torch.device("meta"):
        state, network = published(name), Network(Architecture.of(model.network, name))
    ours = weights.renamed(state, model.rename)
    assert len(ours) == len(state), "a name without a rule"
    own = network.backbone if model.untrained else network
    if model.untrained:
        ours = {key.removeprefix("backbone."): tensor for key, tensor in ours.items()}
    weights.fill(own, ours, name, more=True)
    left = [key.removeprefix("backbone.").removeprefix("body.") for key in ours.keys() - own.state_dict().keys()]
    assert [key for key in left if not key.startswith(CUT)] == []
    assert network.dimension == model.dimension


def filled(name: str, state: Mapping[str, Tensor], **changes: Any) -> Network:
    """A network of the catalogue, smaller, with a published state dict, loaded by the catalogue's own rules."""
    model = CATALOGUE[name]
    network = Network(Architecture.of({**model.network, **changes}, name))
    weights.fill(network, weights.renamed(state, model.rename), name, more=True)
    return network.eval()


def of_unit_length(vectors: Tensor) -> bool:
    return torch.allclose(vectors.norm(dim=1), torch.ones(len(vectors)), atol=1e-5)


def pictures(width: int, height: int) -> Tensor:
    return torch.randn(2, 3, height, width, generator=torch.Generator().manual_seed(1))


def test_gem_networks_are_length_power_mean_layer_length() -> None:
    with seeded(3):
        body = row_of_children("resnet18", 2).eval()
        weight, bias = torch.randn(512, 512), torch.randn(512)
    state = under("backbone.", body.state_dict())
    state |= {"aggregation.1.p": torch.tensor([2.6]), "aggregation.3.weight": weight, "aggregation.3.bias": bias}
    taken = pictures(96, 64)
    with torch.inference_mode():
        maps = normalize(body(taken), dim=1)
        mean = (maps.clamp(min=1e-6) ** 2.6).mean(dim=(2, 3)) ** (1 / 2.6)
        expected = normalize(mean @ weight.T + bias, dim=1)
        found = filled("eigenplaces-resnet18-512", state)(taken)
    assert torch.allclose(found, expected, atol=1e-5)
    assert of_unit_length(found)
    first = CATALOGUE["eigenplaces-resnet18-512"]
    for name, model in CATALOGUE.items():
        if name.startswith(("cosplace", "eigenplaces")):
            assert model.rename == first.rename
            assert {**model.network["head"], "dimension": 0} == {**first.network["head"], "dimension": 0}


WIDTH, DEPTH = 384, 12  # of the small DINOv2
SMALL = {"backbone": "vit_small_patch14_dinov2"}
HEAD = {"clusters": 8, "cluster_dimension": 16, "token_dimension": 24, "hidden": 32}


def tokens_of(state: State, taken: Tensor, *, norm: bool) -> Tensor:
    """DINOv2 from its paper and its tensors alone: ``(B, 1 + h * w, C)``."""

    def layer(name: str, given: Tensor) -> Tensor:
        return linear(given, state[f"{name}.weight"], state[f"{name}.bias"])

    def normed(name: str, given: Tensor) -> Tensor:
        return layer_norm(given, (WIDTH,), state[f"{name}.weight"], state[f"{name}.bias"], 1e-6)

    found = conv2d(taken, state["patch_embed.proj.weight"], state["patch_embed.proj.bias"], stride=14)
    high, wide = found.shape[2:]
    grid = state["pos_embed"][:, 1:].reshape(1, 37, 37, WIDTH).permute(0, 3, 1, 2)
    grid = interpolate(grid, scale_factor=((high + 0.1) / 37, (wide + 0.1) / 37), mode="bicubic")
    places = torch.cat([state["pos_embed"][:, :1], grid.flatten(2).transpose(1, 2)], dim=1)
    x = torch.cat([state["cls_token"].expand(len(taken), 1, WIDTH), found.flatten(2).transpose(1, 2)], dim=1) + places
    for number in range(DEPTH):
        at = f"blocks.{number}."
        parts = unflatten(layer(f"{at}attn.qkv", normed(f"{at}norm1", x)), 2, (3, WIDTH // 64, 64))
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        shares = torch.softmax(query @ key.transpose(2, 3) / 8, dim=3)
        x = x + state[f"{at}ls1.gamma"] * layer(f"{at}attn.proj", (shares @ value).transpose(1, 2).flatten(2))
        inner = layer(f"{at}mlp.fc2", gelu(layer(f"{at}mlp.fc1", normed(f"{at}norm2", x))))
        x = x + state[f"{at}ls2.gamma"] * inner
    return normed("norm", x) if norm else x


def salad_of(state: State, tokens: Tensor) -> Tensor:
    """SALAD from its paper and its tensors alone: Sinkhorn in plain numbers, three rounds."""

    def two(name: str, given: Tensor, last: int) -> Tensor:
        for number in (0, last):
            weight = state[f"{name}.{number}.weight"]
            given = linear(relu(given) if number else given, weight.flatten(1), state[f"{name}.{number}.bias"])
        return given

    features, scores = two("cluster_features", tokens[:, 1:], 3), two("score", tokens[:, 1:], 3)
    places, clusters = scores.shape[1:]
    kernel = torch.cat([scores, state["dust_bin"].expand(len(scores), places, 1)], dim=2).double().exp()
    takes = torch.tensor([1.0] * clusters + [float(places - clusters)]).double()
    rows, columns = torch.ones(len(scores), places).double(), torch.ones(len(scores), clusters + 1).double()
    for _ in range(3):
        columns = takes / torch.einsum("bnm,bn->bm", kernel, rows)
        rows = 1 / torch.einsum("bnm,bm->bn", kernel, columns)
    shares = (kernel * rows[:, :, None] * columns[:, None])[:, :, :clusters].float()
    sums = normalize(torch.einsum("bnm,bnl->blm", shares, features), dim=1)
    token = normalize(two("token_features", tokens[:, 0], 2), dim=1)
    return normalize(torch.cat([token, sums.flatten(1)], dim=1), dim=1)


def test_salad_is_what_its_paper_says() -> None:
    with seeded(4):
        body, head = dino(WIDTH, DEPTH), salad(WIDTH, 8, 16, 24, 32)
    taken = pictures(112, 70)
    network = filled(
        "salad",
        under("backbone.model.", body) | under("aggregator.", head),
        **SMALL,
        head={"method": "salad", **HEAD},
    )
    with torch.inference_mode():
        found, expected = network(taken), salad_of(head, tokens_of(body, taken, norm=True))
    assert found.shape == (2, network.dimension) == (2, 24 + 8 * 16)
    assert torch.allclose(found, expected, atol=1e-4)
    assert of_unit_length(found)


def test_megaloc_is_salad_and_one_layer() -> None:
    with seeded(5):
        body, head = dino(WIDTH, DEPTH), salad(WIDTH, 8, 16, 24, 32)
        last = {"weight": torch.randn(40, 152), "bias": torch.randn(40)}
    del body["mask_token"]
    state = under("backbone.", body) | under("aggregator.agg.", head) | under("aggregator.linear.", last)
    taken = pictures(70, 112)
    network = filled("megaloc", state, **SMALL, head={"method": "megaloc", **HEAD, "dimension": 40})
    with torch.inference_mode():
        found, plain = network(taken), salad_of(head, tokens_of(body, taken, norm=True))
    assert torch.allclose(found, normalize(plain @ last["weight"].T + last["bias"], dim=1), atol=1e-4)
    assert of_unit_length(found)


def boq_of(made: Any, maps: Tensor) -> Tensor:
    """Bag of Queries by torch's own layers."""
    x = made.norm_input(made.proj_c(maps).flatten(2).transpose(1, 2))
    answers = []
    for block in made.boqs:
        x = block.encoder(x)
        queries = block.queries.expand(len(x), -1, -1)
        queries = block.norm_q(queries + block.self_attn(queries, queries, queries)[0])
        answers.append(block.norm_out(block.cross_attn(queries, x, x)[0]))
    return normalize(made.fc(torch.cat(answers, dim=1).transpose(1, 2)).flatten(1), dim=1)


def test_bag_of_queries_on_a_residual_network() -> None:
    with seeded(6):
        body, head = row_of_children("resnet18", 3).eval(), boq(256, 128, 6, 5).eval()
    state = under("backbone.net.", body.state_dict()) | under("aggregator.", head.state_dict())
    small = {"method": "boq", "channels": 128, "queries": 6, "rows": 5}
    network = filled("boq-resnet50", state, backbone="resnet18", head=small)
    taken = pictures(96, 64)
    with torch.inference_mode():
        found, expected = network(taken), boq_of(head, body(taken))
    assert found.shape == (2, 128 * 5)
    assert torch.allclose(found, expected, atol=1e-4)
    assert of_unit_length(found)


def test_bag_of_queries_on_a_transformer_takes_what_its_last_block_gives() -> None:
    with seeded(7):
        body, head = dino(WIDTH, DEPTH), boq(WIDTH, 128, 6, 5).eval()
    state = under("backbone.dino.", body) | under("aggregator.", head.state_dict())
    network = filled("boq-dinov2", state, **SMALL, head={"method": "boq", "channels": 128, "queries": 6, "rows": 5})
    taken = pictures(84, 70)
    with torch.inference_mode():
        maps = unflatten(tokens_of(body, taken, norm=False)[:, 1:].transpose(1, 2), 2, (5, 6))
        found, expected = network(taken), boq_of(head, maps)
    assert torch.allclose(found, expected, atol=1e-4)
    assert of_unit_length(found)


def test_dinov2_as_it_is() -> None:
    with seeded(8):
        body = dino(WIDTH, DEPTH)
    network = filled("dinov2-gem", body, **SMALL)
    taken = pictures(84, 70)
    with torch.inference_mode():
        places = tokens_of(body, taken, norm=True)[:, 1:].clamp(min=1e-6)
        expected = normalize((places**3).mean(dim=1) ** (1 / 3), dim=1)
        assert torch.allclose(network(taken), expected, atol=1e-4)
        whole = filled("dinov2-gem", body, **SMALL, stage="blocks.0")
        assert whole(pictures(518, 518)[:1]).shape == (1, WIDTH)  # the grid that positions were learned on


def test_transport_gives_each_feature_away_and_no_cluster_more_than_one() -> None:
    scores = torch.randn(2, 5, 40, generator=torch.Generator().manual_seed(0))
    shares = transported(scores, torch.tensor(0.3), rounds=200)
    assert torch.allclose(shares.sum(2), torch.ones(2, 5), atol=1e-3)
    assert (shares.sum(1) <= 1 + 1e-3).all()
    assert (shares >= 0).all()


def test_what_a_head_cannot_take() -> None:
    with pytest.raises(ModelError, match="5 places, and 8 clusters need more"):
        transported(torch.zeros(1, 8, 5), torch.tensor(1.0))
    small = Network(Architecture.of({"backbone": "test_resnet", "head": {"method": "salad"}}, "mine"))
    with pytest.raises(ModelError, match="only transformers have"):
        small(torch.zeros(1, 3, 64, 64))
    with pytest.raises(ModelError, match="channels = 100: expected a multiple of 64"):
        Network(Architecture.of({"backbone": "test_resnet", "head": {"method": "boq", "channels": 100}}, "mine"))
    with pytest.raises(ModelError, match=r"no stage 'blocks.9'; it has blocks.0 to blocks.5 and norm"):
        Network(Architecture.of({"backbone": "test_vit", "stage": "blocks.9"}, "mine"))

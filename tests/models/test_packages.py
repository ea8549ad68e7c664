"""Weights that timm and torchvision publish, by their names."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from samples import Run
from whence.errors import InputError, ModelError
from whence.models import catalogue, store
from whence.nets import backbones, opening, weights
from whence.nets.architecture import Architecture
from whence.nets.network import outline

NAMES = (
    "timm:efficientnet_b0.ra_in1k",
    "timm:mobilenetv3_large_100.ra_in1k",
    "timm:inception_resnet_v2.tf_in1k",
    "timm:resnetv2_50.a1h_in1k",
    "timm:vit_small_patch14_dinov2.lvd142m",
    "timm:vit_small_patch16_dinov3.lvd1689m",
    "torchvision:googlenet",
    "torchvision:inception_v3",
    "torchvision:mobilenet_v2",
)


@pytest.mark.parametrize("name", NAMES)
def test_what_packages_publish_can_be_shown_and_made(name: str) -> None:
    found = catalogue.model(name)
    (file,) = found.files
    assert file.url.startswith("https://")
    assert (file.sha256 == "") == name.startswith("timm:")
    assert len(file.sha256) in (0, 8)
    assert bool(found.consent) == ("dinov3" in name)
    network = outline(Architecture.of(found.network, name))
    assert network.dimension >= 320
    assert network.counts()["parameters"] > 1_000_000


def test_colours_are_those_that_the_weights_were_trained_with() -> None:
    assert catalogue.model("torchvision:inception_v3").network["input"]["mean"] == [0.5] * 3
    assert catalogue.model("timm:inception_resnet_v2.tf_in1k").network["input"]["std"] == [0.5] * 3
    assert catalogue.model("torchvision:mobilenet_v2").network["input"]["mean"] == [0.485, 0.456, 0.406]


@pytest.mark.parametrize("name", ["timm:resnet19", "torchvision:resnet19", "timm:", "timm:test_resnet.no_such"])
def test_what_they_do_not_publish(name: str) -> None:
    with pytest.raises(InputError, match="publishes no weights"):
        catalogue.model(name)


def test_a_plan_begins_with_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that somebody put there: it has to be agreed to, and then is what the backbone begins with."""
    monkeypatch.setenv(store.VARIABLE, str(tmp_path))
    name = "timm:test_resnet.r160_in1k"
    body = backbones.make("test_resnet").body
    state = {
        key: torch.rand_like(value) if value.is_floating_point() else value for key, value in body.state_dict().items()
    }
    path = tmp_path / catalogue.model(name).files[0].name
    save_file({**state, "fc.weight": torch.zeros(3)}, path)
    plan = tmp_path / "plan.toml"
    plan.write_text(f'backbone = "test_resnet"\nstage = "layer2"\nweights = "{name}"\n', encoding="utf-8")
    with pytest.raises(ModelError, match="--accept-unverified"):
        opening.start(str(plan))
    store.record(path)
    begun = opening.start(str(plan)).backbone.body.state_dict()
    assert all(torch.equal(value, state[key]) for key, value in begun.items())
    whole = opening.ready(name)
    assert whole.dimension == whole.backbone.channels
    path.write_bytes(path.read_bytes() + b"more")
    with pytest.raises(ModelError, match="is not the file that was fetched first"):
        opening.start(str(plan))


def test_older_weights_do_not_count_batches() -> None:
    """As torchvision's ResNets: nothing asks for the counts."""
    body = backbones.make("test_resnet").body
    state = {key: value for key, value in body.state_dict().items() if not key.endswith("num_batches_tracked")}
    assert len(state) < len(body.state_dict())
    weights.fill(body, state, "old")
    del state["conv1.0.weight" if "conv1.0.weight" in state else next(iter(state))]
    with pytest.raises(ModelError, match="1 missing"):
        weights.fill(body, state, "old")


def test_on_the_command_line(run: Run) -> None:
    done = run("models", "show", "timm:efficientnet_b0.ra_in1k")
    assert done.code == 0
    assert "320 numbers a photo, of 224 x 224 pixels" in done.out
    assert "apache-2.0, as timm says" in done.out
    refused = run("models", "download", "timm:vit_small_patch16_dinov3.lvd1689m")
    assert refused.code == 2
    assert "--accept-licence" in refused.err

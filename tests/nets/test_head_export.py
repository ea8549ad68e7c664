"""A network written as ONNX gives the vectors that it gives here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch

from whence.describe.network import opened
from whence.errors import ModelError
from whence.nets.architecture import Architecture
from whence.nets.export import export
from whence.nets.network import Network

CONVOLUTIONAL: dict[str, Any] = {
    "backbone": "resnet18",
    "stage": "layer1",
    "input": {"width_px": 64, "height_px": 48},
}
DINO: dict[str, Any] = {
    "backbone": "vit_small_patch14_dinov2",
    "stage": "blocks.0",
    "normalise": False,
    "input": {"width_px": 112, "height_px": 84},
}
SMALL = {"clusters": 8, "cluster_dimension": 16, "token_dimension": 24, "hidden": 32}
NETWORKS: dict[str, dict[str, Any]] = {
    "average": {**CONVOLUTIONAL, "head": {"method": "average"}},
    "gem": {**CONVOLUTIONAL, "head": {"method": "gem", "learn_p": True, "dimension": 32}},
    "netvlad": {**CONVOLUTIONAL, "head": {"method": "netvlad", "clusters": 4}},
    "crn": {**CONVOLUTIONAL, "head": {"method": "crn", "clusters": 4}},
    "crn2": {**CONVOLUTIONAL, "head": {"method": "crn2", "clusters": 4}},
    "boq": {**CONVOLUTIONAL, "normalise": False, "head": {"method": "boq", "channels": 64, "queries": 4, "rows": 3}},
    "salad": {**DINO, "head": {"method": "salad", **SMALL}},
    "megaloc": {**DINO, "head": {"method": "megaloc", **SMALL, "dimension": 40}},
}


def shaken(table: dict[str, Any]) -> Network:
    """With weights that are not those of the beginning, such as a power that is learned and is not 3."""
    network = Network(Architecture.of(table, "small")).eval()
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for parameter in network.head.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    return network


@pytest.mark.parametrize("head", NETWORKS)
def test_onnx_runtime_gives_the_same_vectors(head: str, tmp_path: Path) -> None:
    network = shaken(NETWORKS[head])
    picture = network.architecture.input
    export(network, tmp_path / "small.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "small.onnx")
    for count in (1, 3):
        pictures = np.random.default_rng(count).normal(size=(count, 3, picture.height_px, picture.width_px))
        pictures = pictures.astype(np.float32)
        (found,) = session.run(None, {"pictures": pictures})
        with torch.inference_mode():
            expected = network(torch.from_numpy(pictures)).numpy()
        assert found.shape == (count, network.dimension)
        assert np.allclose(found, expected, atol=1e-4)
        assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-4)


def test_an_exported_network_describes_photos(tmp_path: Path) -> None:
    network = shaken(NETWORKS["gem"])
    path = tmp_path / "gem.onnx"
    export(network, path)
    photo = np.random.default_rng(0).integers(0, 255, (90, 120, 3)).astype(np.uint8)
    _, runs = opened(str(path))
    from whence.nets.running import Runner

    assert runs.dimension == network.dimension
    assert np.allclose(runs.vector(photo), Runner(network).vector(photo), atol=1e-4)


def test_every_head_is_tried() -> None:
    from whence import plugins

    assert set(plugins.names(plugins.HEADS)) <= set(NETWORKS)


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be written"):
        export(shaken(NETWORKS["average"]), tmp_path / "none" / "small.onnx")
    assert list(tmp_path.iterdir()) == []

"""Small networks of the shape of the published ones, so that tests need no download."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from samples import textured
from whence.models.catalogue import Model, ModelFile

CELL, DIMENSION = 8, 64


def write_networks(folder: Path, side: int | None = 96) -> Model:
    """XFeat and LighterGlue in a folder, and what a catalogue would say of them.

    Args:
        folder: To be made.
        side: Of the square that the network takes; None for any size.
    """
    folder.mkdir(parents=True, exist_ok=True)
    made = {"xfeat.onnx": spots(side), "lighterglue_L3.onnx": nearest()}
    files = []
    for name, network in made.items():
        onnx.checker.check_model(network)
        data = network.SerializeToString()
        (folder / name).write_bytes(data)
        url = f"http://127.0.0.1:9/{name}"  # where nothing answers
        files.append(ModelFile(name, url, hashlib.sha256(data).hexdigest(), len(data)))
    return Model("xfeat", "spots", "nowhere", "Apache-2.0", "nothing", "onnx", tuple(files))


TELLS_APART = "eigenplaces-resnet50-2048"
"""The network that a describer takes unless it is told otherwise."""
_RESIDUAL: dict[str, Any] = {"backbone": "test_resnet", "stage": "layer1", "input": {"width_px": 96, "height_px": 72}}
_TRANSFORMER: dict[str, Any] = {
    "backbone": "test_vit",
    "normalise": False,
    "input": {"width_px": 96, "height_px": 64},
}
_CLUSTERS = {"clusters": 4, "cluster_dimension": 8, "token_dimension": 8, "hidden": 16}
_SMALL: dict[str, dict[str, Any]] = {
    "average": {**_RESIDUAL, "head": {"method": "average"}},
    "gem": {**_RESIDUAL, "head": {"method": "gem", "learn_p": True, "dimension": 16}},
    "boq": {**_TRANSFORMER, "head": {"method": "boq", "channels": 64, "queries": 2, "rows": 2}},
    "salad": {**_TRANSFORMER, "head": {"method": "salad", **_CLUSTERS}},
    "megaloc": {**_TRANSFORMER, "head": {"method": "megaloc", **_CLUSTERS, "dimension": 16}},
}


def write_describers(folder: Path, published: Mapping[str, Model]) -> dict[str, Model]:
    """Networks that describe whole photos, at random and small, under the names of the published ones.

    Those with the same head are the same. ``TELLS_APART`` tells pictures apart, by words of features of a few; what has
    yet to be trained stays as it is.
    """
    small = {method: _describer(folder / f"{method}.pth", table) for method, table in _SMALL.items()}
    words = {**_RESIDUAL, "head": {"method": "netvlad", "clusters": 16}}
    apart = _describer(folder / f"{TELLS_APART}.pth", words, photos=6)
    made = {}
    for name, model in published.items():
        if model.untrained:
            made[name] = model
        elif model.network:
            changes = apart if name == TELLS_APART else small[model.network["head"]["method"]]
            made[name] = replace(model, **changes)
    return made


def _describer(path: Path, table: dict[str, Any], photos: int = 0) -> dict[str, Any]:
    """Writes a network, and returns what a catalogue says otherwise of it; words are learned from some photos."""
    import torch

    from whence.models.pictures import prepared
    from whence.nets.architecture import Architecture
    from whence.nets.network import Network

    network = Network(Architecture.of(table, path.name)).eval()
    if photos:
        seen = np.stack([prepared(textured(100 + seed), network.architecture.input) for seed in range(photos)])
        with torch.inference_mode():
            maps, _ = network.features(torch.from_numpy(seen))
            network.head.begin(maps.flatten(2).transpose(1, 2).flatten(0, 1))
    torch.save(network.state_dict(), path)
    data = path.read_bytes()
    file = ModelFile(path.name, f"http://127.0.0.1:9/{path.name}", hashlib.sha256(data).hexdigest(), len(data))
    return {
        "network": table,
        "dimension": network.dimension,
        "rename": (("", ""),),
        "files": (file,),
        "consent": "",
    }


def write_exported(path: Path, *, channels: int = 1, turned: bool = False) -> Path:
    """A network with its post-processing: 60 keypoints on a grid, scored by brightness, described by what is there.

    Args:
        path: To be written.
        channels: Of the picture that it takes.
        turned: Give descriptors as ``(1, D, N)``, as some exports do.
    """
    random = np.random.default_rng(1)
    weights = {
        "grey": np.full((1, channels, 1, 1), 1 / channels, np.float32),
        "mixed": random.normal(size=(32, 1, CELL, CELL)).astype(np.float32),
        "even": np.full((1, 1, CELL, CELL), 1 / CELL**2, np.float32),
        "grid": np.stack(np.meshgrid(np.arange(12), np.arange(12)), -1).reshape(1, 144, 2) * 8.0 + 3.5,
        "as_list": np.array([1, 32, 144]),
        "as_row": np.array([1, 144]),
    }
    weights["grid"] = weights["grid"].astype(np.float32)
    conv: Any = {"kernel_shape": [CELL, CELL], "strides": [CELL, CELL]}
    nodes = [
        helper.make_node("Conv", ["image", "grey"], ["picture"], kernel_shape=[1, 1]),
        helper.make_node("Conv", ["picture", "mixed"], ["maps"], **conv),
        helper.make_node("Reshape", ["maps", "as_list"], ["descriptors" if turned else "lists"]),
        *([] if turned else [helper.make_node("Transpose", ["lists"], ["descriptors"], perm=[0, 2, 1])]),
        helper.make_node("Conv", ["picture", "even"], ["means"], **conv),
        helper.make_node("Reshape", ["means", "as_row"], ["scores"]),
        helper.make_node("Identity", ["grid"], ["keypoints"]),
    ]
    outputs = {"keypoints": [1, 144, 2], "scores": [1, 144], "descriptors": [1, 32, 144] if turned else [1, 144, 32]}
    made = _model(
        nodes,
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, channels, 96, 96])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs.items()],
        weights,
    )
    onnx.checker.check_model(made)
    path.write_bytes(made.SerializeToString())
    return path


def spots(side: int | None) -> onnx.ModelProto:
    """A network that finds bright pixels where they are, and describes cells by random projections of them."""
    random = np.random.default_rng(0)
    grey = np.full((1, 3, 1, 1), 1 / 3, np.float32)
    bright = np.zeros((DIMENSION + 1, 1, CELL, CELL), np.float32)
    for place in range(DIMENSION):
        bright[place, 0, place // CELL, place % CELL] = 40.0
    floor = np.append(np.zeros(DIMENSION), 20.0).astype(np.float32)
    mixed = random.normal(size=(DIMENSION, 1, CELL, CELL)).astype(np.float32)
    mixed -= mixed.mean(axis=(2, 3), keepdims=True)
    even = np.zeros((1, 1, CELL, CELL), np.float32)
    weights = {"grey": grey, "bright": bright, "floor": floor, "mixed": mixed, "even": even}
    conv: Any = {"kernel_shape": [CELL, CELL], "strides": [CELL, CELL]}
    nodes = [
        helper.make_node("Conv", ["input", "grey"], ["picture"], kernel_shape=[1, 1]),
        helper.make_node("Conv", ["picture", "bright", "floor"], ["logits"], **conv),
        helper.make_node("Conv", ["picture", "mixed"], ["descriptors"], **conv),
        helper.make_node("Conv", ["picture", "even"], ["flat"], **conv),
        helper.make_node("Sigmoid", ["flat"], ["reliability"]),
    ]
    shape = [1, 3, side or "high", side or "wide"]
    outputs = {"descriptors": DIMENSION, "logits": DIMENSION + 1, "reliability": 1}
    return _model(
        nodes,
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, n, "h", "w"]) for name, n in outputs.items()],
        weights,
    )


def nearest(dimension: int = DIMENSION) -> onnx.ModelProto:
    """Mutual nearest neighbours, with the inputs and outputs of LighterGlue."""
    nodes = [
        helper.make_node("Transpose", ["desc1"], ["turned"], perm=[0, 2, 1]),
        helper.make_node("MatMul", ["desc0", "turned"], ["similar"]),
        helper.make_node("ArgMax", ["similar"], ["best"], axis=2, keepdims=0),
        helper.make_node("ArgMax", ["similar"], ["back"], axis=1, keepdims=0),
        helper.make_node("ReduceMax", ["similar", "two"], ["most"], keepdims=0),
        helper.make_node("Squeeze", ["best", "zero"], ["chosen"]),
        helper.make_node("Squeeze", ["back", "zero"], ["returned"]),
        helper.make_node("Squeeze", ["most", "zero"], ["score"]),
        helper.make_node("Shape", ["chosen"], ["shape"]),
        helper.make_node("Squeeze", ["shape", "zero"], ["count"]),
        helper.make_node("Range", ["start", "count", "step"], ["rows"]),
        helper.make_node("Gather", ["returned", "chosen"], ["home"]),
        helper.make_node("Equal", ["home", "rows"], ["mutual"]),
        helper.make_node("Where", ["mutual", "score", "never"], ["scores"]),
        helper.make_node("Unsqueeze", ["rows", "one"], ["left"]),
        helper.make_node("Unsqueeze", ["chosen", "one"], ["right"]),
        helper.make_node("Concat", ["left", "right"], ["matches"], axis=1),
    ]
    constants = {
        "zero": np.array([0]),
        "one": np.array([1]),
        "two": np.array([2]),
        "start": np.array(0),
        "step": np.array(1),
        "never": np.array(0.0, np.float32),
    }
    inputs = [
        helper.make_tensor_value_info(f"{name}{photo}", TensorProto.FLOAT, [1, f"n{photo}", width])
        for photo in (0, 1)
        for name, width in (("kpts", 2), ("desc", dimension))
    ]
    outputs = [
        helper.make_tensor_value_info("matches", TensorProto.INT64, ["m", 2]),
        helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["m"]),
    ]
    return _model(nodes, inputs, outputs, constants)


def _model(
    nodes: list[onnx.NodeProto],
    inputs: list[onnx.ValueInfoProto],
    outputs: list[onnx.ValueInfoProto],
    weights: dict[str, np.ndarray],
) -> onnx.ModelProto:
    tensors = [numpy_helper.from_array(array, name) for name, array in weights.items()]
    graph = helper.make_graph(nodes, "small", inputs, outputs, tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)

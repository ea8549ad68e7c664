"""State dicts, our own and others'. Nothing is ever unpickled but tensors."""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from safetensors.torch import save as serialised
from torch import Tensor, nn

from whence.errors import ModelError
from whence.nets.architecture import Architecture
from whence.nets.network import Network
from whence.photos import files

_WRAPPERS = ("state_dict", "model_state_dict", "model")
_KEY = "whence"


def save(network: Network, path: Path, **said: Any) -> None:
    """One file with weights and architecture, whole or not at all.

    Args:
        network: To be kept.
        path: ``.safetensors``.
        said: What else there is to know of it, as JSON allows.

    Raises:
        ModelError: It cannot be written.
    """
    try:
        tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
        meta = json.dumps({"architecture": network.architecture.table(), **said}, sort_keys=True)
        files.write(path, serialised(tensors, metadata={_KEY: meta}))
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{path} cannot be written: {getattr(error, 'strerror', None) or error}") from error


def said_of(path: Path) -> dict[str, Any]:
    """What ``save`` wrote of a network: ``architecture``, and what else was said.

    Raises:
        ModelError: It is no file of ours.
    """
    try:
        with safe_open(path, framework="pt") as opened:
            meta = opened.metadata() or {}
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{path} is no network: {getattr(error, 'strerror', None) or error}") from error
    if _KEY not in meta:
        raise ModelError(f"{path} does not say what its network is made of; expected a file that `whence train` wrote")
    try:
        found: dict[str, Any] = json.loads(meta[_KEY])
        Architecture.of(found["architecture"], str(path))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ModelError(f"{path} is damaged: what it says of its network cannot be read") from error
    return found


def load(path: Path) -> Network:
    """Inverse of ``save``, ready to describe.

    Raises:
        ModelError: The file is not there, is damaged, or is no file of ours.
    """
    network = Network(Architecture.of(said_of(path)["architecture"], str(path)))
    fill(network, tensors(path), str(path))
    return network.eval()


def tensors(path: Path) -> dict[str, Tensor]:
    """The state dict in a file: safetensors, or torch's own format read with ``weights_only``.

    Raises:
        ModelError: It cannot be read, or holds more than tensors.
    """
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        found = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ModelError(
            f"{path} holds more than tensors, and unpickling that could run anything; it is not loaded"
        ) from error
    except Exception as error:  # torch raises nearly anything for a damaged file
        text = str(getattr(error, "strerror", None) or error).strip().splitlines() or [type(error).__name__]
        raise ModelError(f"{path} cannot be read as weights: {text[0][:160]}") from error
    for wrapper in _WRAPPERS:
        if isinstance(found, dict) and isinstance(found.get(wrapper), dict):
            found = found[wrapper]
    if not isinstance(found, dict) or not all(isinstance(value, Tensor) for value in found.values()):
        raise ModelError(f"{path} holds no state dict; expected names with tensors")
    return {name.removeprefix("module."): value for name, value in found.items()}


def renamed(state: Mapping[str, Tensor], rules: Sequence[Sequence[str]]) -> dict[str, Tensor]:
    """Names of others to ours: each name by the first rule ``(its beginning, ours)`` that fits; the rest is dropped."""
    found = {}
    for name, tensor in state.items():
        rule = next((rule for rule in rules if name.startswith(rule[0])), None)
        if rule is not None:
            found[rule[1] + name.removeprefix(rule[0])] = tensor
    return found


def fill(module: nn.Module, state: Mapping[str, Tensor], name: str, *, more: bool = False) -> None:
    """Puts a state dict into a module, all of it.

    Args:
        module: To be filled.
        state: Names with tensors.
        name: Of where they are from, for messages.
        more: Whether there may be names that the module does not have, such as those of stages that were cut off.

    Raises:
        ModelError: A name is missing, has another shape, or is unknown. The module may be half filled then.
    """
    own = module.state_dict()
    # older state dicts do not count the batches that statistics are of, and nothing here asks for that
    optional = {key for key in own if key.endswith(".num_batches_tracked")}
    missing = [key for key in own if key not in state and key not in optional]
    other = [
        f"{key} is {tuple(state[key].shape)}, expected {tuple(value.shape)}"
        for key, value in own.items()
        if key in state and state[key].shape != value.shape
    ]
    unknown = [] if more else [key for key in state if key not in own]
    if missing or other or unknown:
        wrong = (
            other[:1]
            or [f"without {key}" for key in missing[:1]]
            or [f"with {key}, which is unknown" for key in unknown[:1]]
        )
        raise ModelError(
            f"{name} is of another network than this one: {wrong[0]} ({len(missing)} missing, {len(other)} of another "
            f"shape, {len(unknown)} unknown, of {len(own)})"
        )
    module.load_state_dict({key: state.get(key, value) for key, value in own.items()})

"""Networks by name or file: those of the catalogue, our own, and plans of the user's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from whence.errors import ModelError
from whence.models import catalogue, store
from whence.models.catalogue import Model
from whence.nets import backbones, weights
from whence.nets.architecture import Architecture, read_table
from whence.nets.network import Network, seeded

if TYPE_CHECKING:
    from torch import Tensor, nn

NETWORK = ".safetensors"
PLAN = ".toml"


def ready(name: str) -> Network:
    """A network that has all its weights.

    Args:
        name: Of the catalogue, or a ``.safetensors`` file of ``whence train``.

    Raises:
        ModelError: It is not there, has been altered, or has yet to be trained.
        InputError: The catalogue has none of this name.
    """
    if name.endswith(NETWORK):
        return weights.load(Path(name).expanduser()).check()
    model = _trained(name)
    network = Network(architecture(name))
    weights.fill(network, _state(model), name, more=True)
    return network.eval().check()


def start(name: str, *, pretrained: bool = True, instead: Architecture | None = None) -> Network:
    """A network to be trained.

    Args:
        name: Of the catalogue, or a ``.toml`` plan, or a ``.safetensors`` file to go on from.
        pretrained: Whether the backbone begins with the weights that the catalogue or the plan names; else at random.
        instead: Another architecture with the same backbone.

    Raises:
        ModelError: The weights are not there, or are of another network.
    """
    network = Network(instead or architecture(name))
    state = _state_of(name) if pretrained else None
    if state is not None and name.endswith(NETWORK) and (instead is None or instead.head == architecture(name).head):
        weights.fill(network, state, name)
    elif state is not None:
        body = {key.removeprefix("backbone."): value for key, value in state.items() if key.startswith("backbone.")}
        weights.fill(network.backbone, body, name, more=True)
    return network.check().train()


def _state_of(name: str) -> dict[str, Tensor] | None:
    """What a network begins with; None if with weights at random."""
    if name.endswith(NETWORK):
        return weights.tensors(Path(name).expanduser())
    model, path = _begin(name)
    if model is not None:
        return _state(model)
    if path is None:
        return None
    return {f"backbone.body.{key}": tensor for key, tensor in weights.tensors(path).items()}


def architecture(name: str) -> Architecture:
    """What a network is made of; nothing of its weights is looked at.

    Raises:
        ModelError: The file cannot be read.
        InputError: The catalogue has none of this name, or it is no network that describes whole photos.
    """
    if name.endswith(NETWORK):
        return Architecture.of(weights.said_of(Path(name).expanduser())["architecture"], name)
    if name.endswith(PLAN):
        table = read_table(Path(name).expanduser())
        table.pop("weights", None)
        return Architecture.of(table, name)
    return Architecture.of(_network(name).network, name)


def digest_of(name: str) -> str:
    """Changes with the network, not with where it lies.

    Raises:
        ModelError: It is not there, or has yet to be trained.
    """
    if not name.endswith(NETWORK):
        model = _trained(name)
        return store.digest_of(store.path_of(model, model.files[0].name))
    try:
        return store.digest_of(Path(name).expanduser())
    except OSError as error:
        raise ModelError(f"{name} cannot be read: {error.strerror or type(error).__name__}") from error


def _begin(name: str) -> tuple[Model | None, Path | None]:
    """Where the backbone's first weights are from: of the catalogue, or a file; neither if at random."""
    if not name.endswith(PLAN):
        return _network(name), None
    said = read_table(Path(name).expanduser()).get("weights", "none")
    if not isinstance(said, str):
        raise ModelError(f"{name}: weights = {said!r}: expected a model's name, a file or 'none'")
    if said in catalogue.models() or said.startswith(catalogue.PACKAGES):
        return _network(said), None
    return None, None if said == "none" else Path(name).expanduser().parent / Path(said).expanduser()


def _trained(name: str) -> Model:
    if name.endswith(PLAN):
        raise ModelError(f"{name} says what a network is made of; train it first: whence train RECIPE")
    model = _network(name)
    if model.untrained:
        raise ModelError(
            f"{name} is what training starts from; train it, and name the recipe that comes of it: whence train {name}"
        )
    return model


def _network(name: str) -> Model:
    model = catalogue.model(name)
    if not model.network:
        raise ModelError(f"{name} describes no whole photos; networks that do: {', '.join(networks())}")
    return model


def networks() -> list[str]:
    """Names of the catalogue's networks that describe whole photos."""
    return [name for name, model in catalogue.models().items() if model.network]


def _state(model: Model) -> dict[str, Tensor]:
    path = store.path_of(model, model.files[0].name)
    return weights.renamed(weights.tensors(path), model.rename)


def classifier(name: str, *, pretrained: bool = True) -> nn.Module:
    """A whole network of torchvision or timm that names ImageNet's 1,000 classes, up to the scores before the softmax.

    Args:
        name: Of the catalogue, or ``timm:NAME`` or ``torchvision:NAME``.
        pretrained: Whether it has published weights; else at random.

    Raises:
        ModelError: The weights are not there, or the network is no such one.
    """
    model = _network(name)
    with seeded(0):
        made = backbones.whole(Architecture.of(model.network, name).backbone)
    if pretrained:
        weights.fill(made, weights.tensors(store.path_of(model, model.files[0].name)), name, more=True)
    return made

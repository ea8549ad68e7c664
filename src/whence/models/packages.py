"""ImageNet's and other weights of any backbone, as timm and torchvision publish them."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from whence.errors import InputError, MissingExtraError
from whence.models.catalogue import Model, ModelFile

_HUB = "https://huggingface.co/{}/resolve/main/model.safetensors"
_HALF = {"googlenet", "inception_v3"}
"""Networks whose published weights take every colour from -1 to 1."""
_PERMISSIVE = {"apache-2.0", "mit", "bsd-3-clause", "bsd-2-clause", "cc-by-4.0"}


def packaged(name: str) -> Model:
    """What a package says of one of its weights; nothing is fetched.

    Args:
        name: ``timm:`` or ``torchvision:`` and a name of theirs, such as ``timm:efficientnet_b0.ra_in1k``.

    Raises:
        InputError: The package has no such weights.
        MissingExtraError: Without the extra ``torch``.
    """
    package, _, plain = name.partition(":")
    try:
        return _timm(name, plain) if package == "timm" else _torchvision(name, plain)
    except ImportError as error:
        raise MissingExtraError("Weights of timm and torchvision", "torch") from error


def _timm(name: str, plain: str) -> Model:
    import timm

    try:
        found: Any = timm.get_pretrained_cfg(plain) if timm.is_model(plain.split(".")[0]) else None
    except RuntimeError:  # a network that it has, and weights that it has not
        found = None
    if found is None or not found.hf_hub_id:
        raise InputError(f"timm publishes no weights {plain!r}; see timm.list_pretrained()")
    file = ModelFile(f"timm-{plain}.safetensors", _HUB.format(found.hf_hub_id), "", 0)
    _, height, width = found.input_size
    licence = f"{found.license or 'no licence stated'}, as timm says"
    made = _model(name, plain, licence, found.tag, file, (width, height), found)
    free = (found.license or "").lower() in _PERMISSIVE
    return made if free else replace(made, consent=f"its licence is not known to be permissive ({licence})")


def _torchvision(name: str, plain: str) -> Model:
    import torchvision

    try:
        found: Any = torchvision.models.get_model_weights(plain).DEFAULT
    except (ValueError, AttributeError) as error:
        raise InputError(f"torchvision publishes no weights {plain!r}; see torchvision.models.list_models()") from error
    stem = found.url.rsplit("/", 1)[1]
    digest = re.search(r"-([0-9a-f]{8,})\.pth$", stem)
    file = ModelFile(stem, found.url, digest[1] if digest else "", int(found.meta.get("_file_size", 0) * 1e6))
    side = found.transforms().crop_size[0]
    licence = "BSD-3-Clause code; weights of torchvision, for ImageNet's terms see image-net.org"
    return _model(name, name, licence, found.name, file, (side, side), found.transforms())


def _model(
    name: str, backbone: str, licence: str, trained: str, file: ModelFile, size: tuple[int, int], colours: Any
) -> Model:
    half = name.partition(":")[2] in _HALF and name.startswith("torchvision:")
    mean, std = ([0.5] * 3, [0.5] * 3) if half else (list(colours.mean), list(colours.std))
    picture = {"width_px": size[0], "height_px": size[1], "mean": mean, "std": std}
    return Model(
        name,
        f"{backbone}, its last feature map averaged",
        f"weights {trained} of {name.partition(':')[0]}",
        licence,
        trained,
        "torch",
        (file,),
        network={"backbone": backbone, "normalise": False, "head": {"method": "average"}, "input": picture},
        rename=(("", "backbone.body."),),
    )

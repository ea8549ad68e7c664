"""Networks that describe whole images: backbones, heads on top of them, their files. The extra ``torch``.

Nothing here is imported before a network is asked for.
"""

from __future__ import annotations

from importlib.util import find_spec

from whence.errors import MissingExtraError

CHECKPOINT = "checkpoint.pt"
"""Name of the file that a training is kept in after each epoch."""


def need(feature: str = "Networks that describe whole photos") -> None:
    """Makes sure that all of the extra is there, before anything of this package is imported.

    Raises:
        MissingExtraError: It is not.
    """
    if not all(find_spec(name) for name in ("torch", "torchvision", "timm", "safetensors")):
        raise MissingExtraError(feature, "torch")

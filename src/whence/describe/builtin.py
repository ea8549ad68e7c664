"""Arrays that ship with whence, learned from pictures that whence renders itself (tools/learn_builtin.py)."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray


@cache
def arrays() -> dict[str, NDArray[Any]]:
    """``mean (128,)`` and ``basis (64, 128)`` of RootSIFT, ``vocabulary (K, 64)`` of compact RootSIFT."""
    with files("whence.describe").joinpath("builtin.npz").open("rb") as stream, np.load(stream) as loaded:
        return {name: loaded[name].astype(np.float32) for name in loaded.files}

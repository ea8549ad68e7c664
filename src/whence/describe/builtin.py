"""Arrays that ship with whence, learned from pictures that whence renders itself (``tools/learn_*.py``)."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray


@cache
def arrays(name: str = "builtin") -> dict[str, NDArray[Any]]:
    """``vocabulary (K, 64)`` of local descriptors; ``mean (128,)`` and ``basis (64, 128)`` of RootSIFT.

    Args:
        name: ``builtin`` for RootSIFT at keypoints, ``dense`` for upright RootSIFT on a grid, ``xfeat`` for XFeat,
            which has no mean and no basis.
    """
    with files("whence.describe").joinpath(f"{name}.npz").open("rb") as stream, np.load(stream) as loaded:
        return {name: loaded[name].astype(np.float32) for name in loaded.files}

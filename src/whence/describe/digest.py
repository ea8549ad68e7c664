"""Fingerprints of methods."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray


def digest_of(name: str, version: int, options: Mapping[str, Any], *arrays: NDArray[Any]) -> str:
    """Fingerprint of a method: its name, its version, its options, and the arrays that it works with."""
    digest = hashlib.blake2b(repr((name, version, sorted(options.items()))).encode(), digest_size=6)
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return f"{name}-{digest.hexdigest()}"

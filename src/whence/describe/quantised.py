"""Learned local descriptors in eight bits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from whence.describe.vlad import unit
from whence.types import FloatArray

STEPS = 256.0
"""Quantisation steps per unit. Components of unit vectors of 64 numbers or more rarely reach one half."""


def quantised(descriptors: FloatArray) -> NDArray[np.int8]:
    """``(N, D)`` int8 of descriptors of any length: their direction is what is kept."""
    return np.asarray(np.clip(np.rint(unit(descriptors) * STEPS), -127, 127), np.int8)

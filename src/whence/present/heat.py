"""How likely it is where, as colours over a map."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from whence.present.mapview import View
from whence.types import DoubleArray

CELL = 4
"""Pixels of the map to one of the heat."""
_WIDTH = 0.025
"""Of a point's blur, as a share of the map's longer side."""
_FAINTEST = 0.03
"""Of the likeliest spot: what is less likely is not coloured."""
_OPAQUE = 150


def heat_picture(view: View, heat: DoubleArray) -> NDArray[np.uint8]:
    """``(h, w, 4)`` RGBA, ``CELL`` times smaller than the map: clear where it is unlikely, then blue, green, yellow.

    Args:
        view: The map's window.
        heat: ``(M, 3)``: metres east and north, and the weight of each point.
    """
    height, width = -(-view.height // CELL), -(-view.width // CELL)
    density = np.zeros((height, width), np.float32)
    if len(heat):
        spots = (view.pixels(heat[:, :2]) / CELL).astype(np.int64)
        inside = ((spots >= 0) & (spots < (width, height))).all(axis=1)
        np.add.at(density, (spots[inside, 1], spots[inside, 0]), heat[inside, 2].astype(np.float32))
        density = cv2.GaussianBlur(density, (0, 0), _WIDTH * max(width, height)).astype(np.float32)
    most = float(density.max())
    if most <= 0:
        return np.zeros((height, width, 4), np.uint8)
    share = density / most
    colours = cv2.applyColorMap(np.rint(share * 255).astype(np.uint8), cv2.COLORMAP_VIRIDIS)[..., ::-1]
    alpha = np.where(share > _FAINTEST, _OPAQUE * np.sqrt(share), 0)
    return np.dstack([colours, alpha.astype(np.uint8)])

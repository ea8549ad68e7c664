"""What a network looks at: its mask laid over the photo."""

from __future__ import annotations

import cv2
import numpy as np

from whence.types import FloatArray, Image

_SHARE = 0.55
"""Of the colours in the picture."""


def attention_picture(photo: Image, mask: FloatArray) -> Image:
    """The photo in grey, under colours from dark blue (counts least) over green to yellow (counts most).

    Colours are relative to this photo; of an even mask they are all the same.

    Args:
        photo: ``(H, W, 3)`` RGB.
        mask: ``(h, w)``: how much each place of it counts.

    Returns:
        ``(H, W, 3)`` RGB.
    """
    least, most = float(mask.min()), float(mask.max())
    even = (mask - least) / (most - least) if most - least > 1e-6 * max(abs(least), abs(most), 1) else mask * 0 + 0.5
    height, width = photo.shape[:2]
    large = cv2.resize(even.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    colours = cv2.applyColorMap(np.rint(large * 255).astype(np.uint8), cv2.COLORMAP_VIRIDIS)[..., ::-1]
    grey = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)[..., None]
    return np.rint(_SHARE * colours + (1 - _SHARE) * grey).astype(np.uint8)

"""What kind of place it is, not which: layout, texture and colours of a whole photo, without anything learned.

Source: the energies of oriented filters over a grid are those of A. Oliva and A. Torralba, Modeling the Shape of the
Scene: A Holistic Representation of the Spatial Envelope, IJCV 2001 ("gist"). Beside histograms of colours J. Hays and
A. Efros, IM2GPS, CVPR 2008, found them to tell where on the earth a photo was taken. Here histograms are coarser, and
there is one for each third of the photo: sky, horizon, ground.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cache

import cv2
import numpy as np

from whence.describe.digest import digest_of
from whence.describe.unlearned import Unlearned
from whence.describe.vlad import unit
from whence.errors import RecipeError
from whence.types import FloatArray, Image

_SIDE, _BLOCKS = 128, 4
_SCALES, _TURNS = 4, 8
_FINEST, _STEP = 0.35, 1.85
"""Cycles per pixel of the finest filters, and by how much each next scale is coarser."""
_BLUR = 8.0
_WIDTH, _HEIGHT, _THIRDS = 160, 120, 3
_LIGHT, _HUES = 4, 5
_SATURATED = 25.0
"""Of Lab's a and b: bins are narrow around grey, and wide where colours are strong."""


@dataclass(frozen=True, slots=True)
class SceneOptions:
    """Options of the scene's look.

    Attributes:
        colours: Share of the squared length that is the colours'; the filters have the rest.
    """

    colours: float = 0.5


class Scene(Unlearned[SceneOptions]):
    """512 energies of filters and 300 shares of colours."""

    options_type = SceneOptions

    def __init__(self, options: SceneOptions) -> None:
        """Checks the share.

        Raises:
            RecipeError: It is none.
        """
        super().__init__(options)
        if options.colours > 1:
            raise RecipeError(f"[describe] colours = {options.colours:g}: expected a share from 0 to 1")

    @property
    def sees(self) -> str:
        """See ``Describer``."""
        return digest_of("scene", 1, asdict(self.options))

    @property
    def dimension(self) -> int:
        """Filters times blocks, and bins times thirds."""
        return _SCALES * _TURNS * _BLOCKS**2 + _THIRDS * _LIGHT * _HUES**2

    def whole(self, image: Image) -> FloatArray:
        """``(D,)`` float32 of unit length; zeros for a blank image."""
        if image.max() == image.min():
            return np.zeros(self.dimension, np.float32)
        share = self.options.colours
        parts = [
            np.sqrt(1 - share) * unit(_energies(image), axis=None),
            np.sqrt(share) * unit(_colours(image), axis=None),
        ]
        return unit(np.concatenate(parts).astype(np.float32), axis=None)


def _energies(image: Image) -> FloatArray:
    """``(512,)``: how much each block has of each scale and direction, whatever the light."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    data = np.log1p(cv2.resize(grey, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).astype(np.float32))
    data = data - cv2.GaussianBlur(data, (0, 0), _BLUR)
    data = data / (0.2 + np.sqrt(cv2.GaussianBlur(data * data, (0, 0), _BLUR)))
    answers = np.abs(np.fft.ifft2(np.fft.fft2(data)[None] * _filters()))
    block = _SIDE // _BLOCKS
    blocks = answers.reshape(-1, _BLOCKS, block, _BLOCKS, block).mean(axis=(2, 4))
    return np.asarray(blocks.ravel(), np.float32)


def _colours(image: Image) -> FloatArray:
    """``(300,)``: square roots of the shares of colours in each third, from top to bottom."""
    small = cv2.resize(image, (_WIDTH, _HEIGHT), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    light, red, yellow = np.moveaxis(cv2.cvtColor(small, cv2.COLOR_RGB2Lab), 2, 0)
    bins = np.clip(light / 100 * _LIGHT, 0, _LIGHT - 1).astype(np.intp)
    for hue in (red, yellow):
        bins = bins * _HUES + np.clip((np.tanh(hue / _SATURATED) + 1) / 2 * _HUES, 0, _HUES - 1).astype(np.intp)
    count = _LIGHT * _HUES**2
    thirds = [np.bincount(third.ravel(), minlength=count) for third in np.split(bins, _THIRDS)]
    shares = np.concatenate(thirds) / (_WIDTH * _HEIGHT // _THIRDS)
    return np.asarray(np.sqrt(shares), np.float32)


@cache
def _filters() -> FloatArray:
    """``(32, 128, 128)``: Gabor filters by their spectra, the finest first."""
    high, wide = np.meshgrid(np.fft.fftfreq(_SIDE), np.fft.fftfreq(_SIDE), indexing="ij")
    frequency, angle = np.hypot(wide, high), np.arctan2(high, wide)
    found = []
    for scale in range(_SCALES):
        for turn in range(_TURNS):
            off = (angle - np.pi * turn / _TURNS + np.pi) % (2 * np.pi) - np.pi
            along = 3.5 * (frequency * _STEP**scale / _FINEST - 1) ** 2
            found.append(np.exp(-along - 2 * np.pi * off**2))
    return np.asarray(found, np.float32)

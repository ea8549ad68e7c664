"""Histograms of oriented gradients over a whole image.

Source: N. Dalal and B. Triggs, Histograms of oriented gradients for human detection, CVPR 2005. Computed by
scikit-image, the extra ``ml``.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import cv2
import numpy as np

from whence.describe.digest import digest_of
from whence.describe.unlearned import Unlearned
from whence.errors import MissingExtraError, RecipeError
from whence.types import FloatArray, Image


@dataclass(frozen=True, slots=True)
class HogOptions:
    """Options of HOG.

    Attributes:
        width_px: Every photo is reduced to this width, whatever its shape.
        height_px: And to this height.
        cell_px: Side of a cell, which has one histogram.
        block_cells: Side in cells of a block, in which histograms are normalised together; blocks overlap.
        orientations: Bins of a histogram, over half a turn.
    """

    width_px: int = 128
    height_px: int = 128
    cell_px: int = 16
    block_cells: int = 2
    orientations: int = 9


class Hog(Unlearned[HogOptions]):
    """Cells and overlapping blocks on a photo of fixed size."""

    options_type = HogOptions

    def __init__(self, options: HogOptions) -> None:
        """Checks that a block fits.

        Raises:
            MissingExtraError: Without the extra ``ml``.
            RecipeError: The photo is smaller than one block.
        """
        super().__init__(options)
        if min(self._blocks()) < 1:
            block, size = options.block_cells * options.cell_px, f"{options.width_px} x {options.height_px}"
            raise RecipeError(f"[describe] a block of {block} x {block} pixels does not fit into {size}")
        try:
            from skimage.feature import hog
        except ImportError as error:
            raise MissingExtraError("HOG descriptors", "ml") from error
        self._hog = hog

    @property
    def sees(self) -> str:
        """See ``Describer``."""
        return digest_of("hog", 1, asdict(self.options))

    @property
    def dimension(self) -> int:
        """Blocks times cells of a block times bins of a cell."""
        across, down = self._blocks()
        return across * down * self.options.block_cells**2 * self.options.orientations

    def whole(self, image: Image) -> FloatArray:
        """``(D,)`` float32 of unit length; zeros for a blank image."""
        options = self.options
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        found = self._hog(
            cv2.resize(grey, (options.width_px, options.height_px), interpolation=cv2.INTER_AREA),
            orientations=options.orientations,
            pixels_per_cell=(options.cell_px, options.cell_px),
            cells_per_block=(options.block_cells, options.block_cells),
            block_norm="L2-Hys",
        )
        return np.asarray(found / max(float(np.linalg.norm(found)), 1e-12), np.float32)

    def _blocks(self) -> tuple[int, int]:
        """Across and down."""
        cell, block = self.options.cell_px, self.options.block_cells
        return self.options.width_px // cell - block + 1, self.options.height_px // cell - block + 1

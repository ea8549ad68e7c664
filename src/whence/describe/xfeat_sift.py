"""XFeat and SIFT in one photo: what one misses the other often finds.

Learned features keep what light and season change; SIFT follows scale, tells how a photo is turned, and stands more
precisely. Both match their own kind, and all matches are held against one geometry (docs/design.md has what that
gains).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from whence.describe.digest import digest_of
from whence.describe.sift import Sift, SiftOptions
from whence.describe.xfeat import Xfeat, XfeatOptions
from whence.types import Image, LocalFeatures


@dataclass(frozen=True, slots=True)
class XfeatSiftOptions:
    """Options of both.

    Attributes:
        keypoints: Of XFeat, at most.
        threshold: See ``XfeatOptions``.
        sift_keypoints: Of SIFT, at most.
        contrast_threshold: See ``SiftOptions``.
    """

    keypoints: int = 1000
    threshold: float = 0.05
    sift_keypoints: int = 1000
    contrast_threshold: float = 0.01


class XfeatSift:
    """Features of two kinds, XFeat first: describers use the first kind."""

    options_type = XfeatSiftOptions

    def __init__(self, options: XfeatSiftOptions | None = None) -> None:
        """Loads the network; see ``Xfeat``."""
        self.options = chosen = options or XfeatSiftOptions()
        self._xfeat = Xfeat(XfeatOptions(chosen.keypoints, chosen.threshold))
        self._sift = Sift(SiftOptions(chosen.sift_keypoints, chosen.contrast_threshold))

    @property
    def fingerprint(self) -> str:
        """Changes with that of either."""
        parts = {"xfeat": self._xfeat.fingerprint, "sift": self._sift.fingerprint}
        return digest_of("xfeat-sift", 1, asdict(self.options) | parts)

    def extract(self, image: Image) -> LocalFeatures:
        """Both, descriptors ``(N, 64)`` int8."""
        found = [extractor.extract(image) for extractor in (self._xfeat, self._sift)]
        height, width = image.shape[:2]
        return LocalFeatures(
            np.concatenate([part.keypoints for part in found]),
            np.concatenate([part.descriptors for part in found]),
            width,
            height,
            counts=tuple(map(len, found)),
        )

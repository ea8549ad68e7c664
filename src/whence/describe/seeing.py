"""From pixels to local features and one vector, as a recipe says."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from whence import plugins
from whence.errors import RecipeError
from whence.plugins import Describer, LocalExtractor
from whence.recipes import build, method_of, options_from
from whence.types import Image, LocalFeatures


@dataclass(frozen=True, slots=True)
class PhotoOptions:
    """Section ``[photos]``.

    Attributes:
        max_side: Longest side in pixels that photos are reduced to before anything is found in them.
    """

    max_side: int = 1024


class Seeing:
    """Sections ``[photos]``, ``[features]`` and ``[describe]``, made and ready. Safe to use from many threads.

    Without ``[features]`` no local features are found.

    Attributes:
        max_side: Of ``[photos]``.
        shipped: The describer that has learned nothing yet.
        fingerprint: Changes whenever the same photo would give other features.
    """

    def __init__(self, sections: Mapping[str, Mapping[str, Any]]) -> None:
        """Checks the three sections.

        Raises:
            RecipeError: An unknown method or option, or a describer with nothing to work on.
        """
        self._features, self._describe = sections.get("features", {}), sections["describe"]
        self.max_side = options_from(PhotoOptions, "photos", sections.get("photos", {})).max_side
        self.shipped: Describer = self._describer("shipped")
        if not self.shipped.sees and not self._features:
            method = self._describe.get("method")
            raise RecipeError(f"[describe] method = {method!r} is made of local features; add [features]")
        self._own = threading.local()
        extractor = self._extractor()
        seen = f"-{self.shipped.sees}" if self.shipped.sees else ""
        self.fingerprint = f"{'none' if extractor is None else extractor.fingerprint}-{self.max_side}{seen}"

    def extract(self, image: Image) -> LocalFeatures:
        """Local features, and what the describer takes of the whole image.

        By an extractor of this thread's own: they keep buffers, and are not safe to share.
        """
        extractor = self._extractor()
        if extractor is not None:
            found = extractor.extract(image)
        else:
            height, width = image.shape[:2]
            found = LocalFeatures(np.zeros((0, 4), np.float32), np.zeros((0, 1), np.int8), width, height)
        whole = self.shipped.whole(image)
        return found if whole is None else replace(found, whole=whole)

    def learned(self, photos: Sequence[LocalFeatures]) -> Describer:
        """A describer learned from a sample of photos."""
        return self._describer("learn", photos)

    def restored(self, arrays: Mapping[str, NDArray[Any]]) -> Describer:
        """A describer of what one has learned; inverse of ``Describer.arrays``."""
        return self._describer("restore", arrays)

    def _extractor(self) -> LocalExtractor | None:
        if not hasattr(self._own, "extractor"):
            made = build(plugins.EXTRACTORS, "features", self._features) if self._features else None
            self._own.extractor = made
        extractor: LocalExtractor | None = self._own.extractor
        return extractor

    def _describer(self, how: str, *arguments: Any) -> Describer:
        made, options = method_of(plugins.DESCRIBERS, "describe", self._describe)
        describer: Describer = getattr(made, how)(options, *arguments)
        return describer

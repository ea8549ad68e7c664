"""Every photo of the gallery: what retrieval saves, and what it loses, is measured against this."""

from __future__ import annotations

from dataclasses import dataclass

from whence.gallery.gallery import Gallery
from whence.gallery.search import Found, Mask, nothing
from whence.types import FloatArray, LocalFeatures


@dataclass(frozen=True, slots=True)
class EveryOptions:
    """There is nothing to choose."""


class Every:
    """All photos, those with the most similar descriptors first. The time of a query grows with the gallery."""

    options_type = EveryOptions

    def __init__(self, options: EveryOptions | None = None) -> None:
        self.options = options or EveryOptions()

    def prepare(self, gallery: Gallery) -> None:
        """See ``Retriever``."""
        self._search, self._count = gallery.search, len(gallery)

    def shortlist(self, features: LocalFeatures, vector: FloatArray, allowed: Mask | None = None) -> Found:
        """See ``Retriever``; nothing for a photo in which nothing was found."""
        found = len(features) or vector.any()
        return self._search.nearest(vector, self._count, allowed) if found else nothing()

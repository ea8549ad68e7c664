"""The photos with the most similar global descriptors."""

from __future__ import annotations

from dataclasses import dataclass

from whence.gallery.gallery import Gallery
from whence.gallery.search import Found, Mask, nothing
from whence.types import FloatArray, LocalFeatures


@dataclass(frozen=True, slots=True)
class SimilarOptions:
    """Options of retrieval by similarity.

    Attributes:
        top_k: Photos that are looked at more closely.
    """

    top_k: int = 50


class Similar:
    """By the cosine of global descriptors, exactly or by the gallery's index."""

    options_type = SimilarOptions

    def __init__(self, options: SimilarOptions | None = None) -> None:
        self.options = options or SimilarOptions()

    def prepare(self, gallery: Gallery) -> None:
        """See ``Retriever``."""
        self._search = gallery.search

    def shortlist(self, features: LocalFeatures, vector: FloatArray, allowed: Mask | None = None) -> Found:
        """See ``Retriever``; nothing for a photo without a descriptor."""
        return self._search.nearest(vector, self.options.top_k, allowed) if vector.any() else nothing()

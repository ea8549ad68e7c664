"""The stages of a recipe, made and ready."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from whence import plugins
from whence.errors import ModelMismatchError
from whence.gallery.gallery import Gallery
from whence.locate.options import LocateOptions, PhotoOptions
from whence.plugins import Describer, Estimator, LocalExtractor, Matcher
from whence.recipes import Recipe, build, options_from
from whence.types import Image, LocalFeatures


class Pipeline:
    """Everything that a recipe names. Safe to use from many threads."""

    def __init__(self, recipe: Recipe) -> None:
        """Checks every section.

        Raises:
            RecipeError: An unknown method or option.
        """
        self.recipe = recipe
        self.photos = options_from(PhotoOptions, "photos", recipe.sections["photos"])
        self.locate = options_from(LocateOptions, "locate", recipe.sections["locate"])
        self.matcher: Matcher = build(plugins.MATCHERS, "match", recipe.sections["match"])
        self.estimator: Estimator = build(plugins.ESTIMATORS, "verify", recipe.sections["verify"])
        self.shipped: Describer = self._describer("shipped")
        self._own = threading.local()
        self.extractor_fingerprint = f"{self._extractor().fingerprint}-{self.photos.max_side}"

    def extract(self, image: Image) -> LocalFeatures:
        """Local features, by an extractor of this thread's own: they keep buffers, and are not safe to share."""
        return self._extractor().extract(image)

    def restored(self, gallery: Gallery) -> Describer:
        """The describer that made a gallery's descriptors.

        Raises:
            ModelMismatchError: This recipe, or this version of whence, describes otherwise.
        """
        learned = gallery.artefact()
        describer = self.shipped if learned is None else self._describer("restore", learned)
        if gallery.model and describer.fingerprint != gallery.model:
            raise ModelMismatchError(
                f"the gallery {gallery.folder} was described by {gallery.model}, recipe {self.recipe.name} of "
                f"this whence describes by {describer.fingerprint}; index into a new gallery"
            )
        return describer

    def learned(self, photos: list[LocalFeatures]) -> Describer:
        """A describer learned from a sample of a gallery."""
        return self._describer("learn", photos)

    def _extractor(self) -> LocalExtractor:
        if not hasattr(self._own, "extractor"):
            self._own.extractor = build(plugins.EXTRACTORS, "features", self.recipe.sections["features"])
        extractor: LocalExtractor = self._own.extractor
        return extractor

    def _describer(self, how: str, *arguments: Any) -> Describer:
        section: Mapping[str, Any] = self.recipe.sections["describe"]
        made = plugins.load(plugins.DESCRIBERS, str(section.get("method")))
        options = options_from(made.options_type, "describe", {k: v for k, v in section.items() if k != "method"})
        describer: Describer = getattr(made, how)(options, *arguments)
        return describer

"""The stages of a recipe, made and ready."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from whence import plugins
from whence.errors import ModelMismatchError, RecipeError
from whence.gallery.gallery import Gallery
from whence.gallery.schema import Settings
from whence.locate.options import ConfidenceOptions, PhotoOptions, PrerankOptions
from whence.locate.stages import Positioner, Retriever
from whence.plugins import Describer, Estimator, LocalExtractor, Matcher
from whence.recipes import SECTIONS, Recipe, build, method_of, options_from
from whence.types import Image, LocalFeatures


def recipe_of(settings: Settings) -> Recipe:
    """The recipe that a gallery keeps."""
    return Recipe(settings.recipe, "", settings.sections)


class Pipeline:
    """Everything that a recipe names. Safe to use from many threads.

    A recipe without ``[features]`` finds no local features, one without ``[match]`` compares none, and one without
    ``[verify]`` holds matches against no geometry.
    """

    def __init__(self, recipe: Recipe) -> None:
        """Checks every section.

        Raises:
            RecipeError: An unknown method or option, or stages that do not fit together.
        """
        # galleries may be older than a section
        sections: Mapping[str, Mapping[str, Any]] = {**{name: {} for name in SECTIONS}, **recipe.sections}
        self.recipe = recipe = replace(recipe, sections=sections)
        self.photos = options_from(PhotoOptions, "photos", sections["photos"])
        self.confidence = options_from(ConfidenceOptions, "confidence", sections["confidence"])
        self.retriever: Retriever = build(plugins.RETRIEVERS, "retrieve", sections["retrieve"])
        self.prematcher, self.keep = _prerank(sections["prerank"])
        self.matcher: Matcher | None = _optional(plugins.MATCHERS, "match", sections)
        self.estimator: Estimator | None = _optional(plugins.ESTIMATORS, "verify", sections)
        self.positioner: Positioner = build(plugins.POSITIONERS, "locate", sections["locate"])
        self.shipped: Describer = self._describer("shipped")
        self._own = threading.local()
        self._check_fits()
        seen = f"-{self.shipped.sees}" if self.shipped.sees else ""
        extractor = self._extractor()
        found = "none" if extractor is None else extractor.fingerprint
        self.extractor_fingerprint = f"{found}-{self.photos.max_side}{seen}"

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

    def _check_fits(self) -> None:
        """Stages that would have nothing to work on."""
        sections = self.recipe.sections
        if self.matcher is not None and not sections["features"]:
            raise RecipeError("[match] compares local features, and the recipe finds none; add [features]")
        if self.prematcher is not None and self.matcher is None:
            raise RecipeError("[prerank] chooses what [match] looks at, and the recipe has none; add [match]")
        if self.estimator is not None and self.matcher is None:
            raise RecipeError("[verify] holds matches against a geometry, and the recipe has none; add [match]")
        if not self.shipped.sees and not sections["features"]:
            method = sections["describe"].get("method")
            raise RecipeError(f"[describe] method = {method!r} is made of local features; add [features]")

    def _extractor(self) -> LocalExtractor | None:
        if not hasattr(self._own, "extractor"):
            self._own.extractor = _optional(plugins.EXTRACTORS, "features", self.recipe.sections)
        extractor: LocalExtractor | None = self._own.extractor
        return extractor

    def _describer(self, how: str, *arguments: Any) -> Describer:
        made, options = method_of(plugins.DESCRIBERS, "describe", self.recipe.sections["describe"])
        describer: Describer = getattr(made, how)(options, *arguments)
        return describer


def _prerank(section: Mapping[str, Any]) -> tuple[Matcher | None, int]:
    """The cheaper matcher, if there is one, and how many candidates it leaves."""
    if not section:
        return None, 0
    rest = dict(section)
    own = {"keep": rest.pop("keep")} if "keep" in rest else {}
    return build(plugins.MATCHERS, "prerank", rest, also=("keep",)), options_from(PrerankOptions, "prerank", own).keep


def _optional(group: str, section: str, sections: Mapping[str, Mapping[str, Any]]) -> Any:
    """The method of a section; None if the recipe does without it."""
    return build(group, section, sections[section]) if sections[section] else None

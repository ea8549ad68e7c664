"""The stages of a recipe, made and ready."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from whence import plugins
from whence.describe.seeing import PhotoOptions, Seeing
from whence.errors import ModelMismatchError, RecipeError
from whence.gallery.gallery import Gallery
from whence.gallery.schema import Settings
from whence.locate.options import ConfidenceOptions, PrerankOptions
from whence.locate.stages import Positioner, Retriever
from whence.plugins import Describer, GeometryEstimator, Matcher
from whence.recipes import SECTIONS, Recipe, build, options_from


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
        if sections["estimate"] and not sections["retrieve"]:
            raise RecipeError(
                f"recipe {recipe.name} answers by a trained model, not by a gallery: "
                f"whence train {recipe.name} --database PHOTOS"
            )
        options_from(PhotoOptions, "photos", sections["photos"])
        self.confidence = options_from(ConfidenceOptions, "confidence", sections["confidence"])
        self.retriever: Retriever = build(plugins.RETRIEVERS, "retrieve", sections["retrieve"])
        self.prematcher, self.keep = _prerank(sections["prerank"])
        self.matcher: Matcher | None = _optional(plugins.MATCHERS, "match", sections)
        self.estimator: GeometryEstimator | None = _optional(plugins.VERIFIERS, "verify", sections)
        self.positioner: Positioner = build(plugins.POSITIONERS, "locate", sections["locate"])
        self._check_fits()
        self.seeing = Seeing(sections)

    def restored(self, gallery: Gallery) -> Describer:
        """The describer that made a gallery's descriptors.

        Raises:
            ModelMismatchError: This recipe, or this version of whence, describes otherwise.
        """
        learned = gallery.artefact()
        describer = self.seeing.shipped if learned is None else self.seeing.restored(learned)
        if gallery.model and describer.fingerprint != gallery.model:
            raise ModelMismatchError(
                f"the gallery {gallery.folder} was described by {gallery.model}, recipe {self.recipe.name} of "
                f"this whence describes by {describer.fingerprint}; index into a new gallery"
            )
        return describer

    def _check_fits(self) -> None:
        """Stages that would have nothing to work on."""
        sections = self.recipe.sections
        if sections["match"] and not sections["features"]:
            raise RecipeError("[match] compares local features, and the recipe finds none; add [features]")
        if sections["prerank"] and not sections["match"]:
            raise RecipeError("[prerank] chooses what [match] looks at, and the recipe has none; add [match]")
        if sections["verify"] and not sections["match"]:
            raise RecipeError("[verify] holds matches against a geometry, and the recipe has none; add [match]")


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

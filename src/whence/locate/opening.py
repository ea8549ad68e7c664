"""Opening a gallery for writing, or making one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import whence
from whence.errors import ModelMismatchError
from whence.gallery.schema import Settings
from whence.gallery.storage import Storage
from whence.gallery.store import Store
from whence.locate.pipeline import Pipeline, recipe_of
from whence.locate.roots import normal
from whence.recipes import Recipe, load_recipe
from whence.types import Crs

TOLERANCE_M = 25.0
"""Default tolerance for WGS84."""


def open_gallery(
    folder: Storage,
    recipe: Recipe | None,
    crs: Crs,
    tolerance_m: float | None,
    root: Path,
    duplicates: str | None = None,
) -> tuple[Store, Pipeline]:
    """The gallery at ``folder``, made if there is none, and the pipeline of its recipe. Call it under ``lock``.

    Args:
        folder: Where the gallery lies.
        recipe: None for the gallery's own, or the default for a new one.
        crs: What the positions of a new one mean.
        tolerance_m: Errors up to this count as right; None for what the gallery has, or 25 m.
        root: Folder that the paths of a new one are relative to.
        duplicates: ``keep`` or ``drop``; None for what the gallery has, or to keep them.

    Raises:
        ModelMismatchError: The gallery was made with another recipe, or describes photos otherwise than this whence.
        GalleryError: It cannot be used.
    """
    if Store.check_place(folder):
        return _reopened(Store.open(folder), recipe, tolerance_m, duplicates)
    pipeline = Pipeline(recipe or load_recipe("default"))
    settings = Settings(
        crs=crs,
        tolerance_m=tolerance_m or TOLERANCE_M,
        tolerance_given=tolerance_m is not None,
        recipe=pipeline.recipe.name,
        sections={name: dict(values) for name, values in pipeline.recipe.sections.items()},
        extractor=pipeline.seeing.fingerprint,
        root=normal(root),
        written_by=whence.__version__,
        duplicates=duplicates or "keep",
    )
    return Store.create(folder, settings), pipeline


def _reopened(
    store: Store, recipe: Recipe | None, tolerance_m: float | None, duplicates: str | None
) -> tuple[Store, Pipeline]:
    own = recipe_of(store.settings)
    if recipe is not None and recipe.hash != own.hash:
        raise ModelMismatchError(
            f"the gallery {store.folder} was made with recipe {own.name} ({own.hash}), not {recipe.name} "
            f"({recipe.hash}); leave out --recipe, or index into a new gallery"
        )
    pipeline = Pipeline(own)
    check_features(store, pipeline)
    if tolerance_m is not None and tolerance_m != store.settings.tolerance_m:
        store.save_settings(replace(store.settings, tolerance_m=tolerance_m, tolerance_given=True))
    if duplicates is not None and duplicates != store.settings.duplicates:
        store.save_settings(replace(store.settings, duplicates=duplicates))
    return store, pipeline


def check_features(store: Store, pipeline: Pipeline) -> None:
    """Refuses to describe or add photos where that would mix features of two kinds.

    Raises:
        ModelMismatchError: This whence finds other features than those of the gallery.
    """
    if pipeline.seeing.fingerprint != store.settings.extractor:
        raise ModelMismatchError(
            f"the gallery {store.folder} has features {store.settings.extractor}, this whence makes "
            f"{pipeline.seeing.fingerprint}; index into a new gallery"
        )

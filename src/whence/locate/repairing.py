"""A gallery after damage: what can be read stays, what can be made anew is made."""

from __future__ import annotations

import os
from collections.abc import Callable

import whence
from whence.errors import GalleryError
from whence.gallery import schema
from whence.gallery.gallery import Gallery
from whence.gallery.repair import Findings, end_interrupted, examine
from whence.gallery.storage import Storage
from whence.gallery.store import Store, lock
from whence.gallery.writer import Writer
from whence.locate.learning import learn_if_due
from whence.locate.opening import check_features
from whence.locate.pipeline import Pipeline, recipe_of
from whence.photos.threads import one_thread_each

_TASK = "whence repair"
_MODEL_LOST = f"{schema.ARTEFACTS}: the model that described the photos is gone"


def repair(gallery: str | os.PathLike[str], *, tell: Callable[[str], None] = lambda stage: None) -> Findings:
    """Takes out what is damaged, and describes anew what lost its descriptors. A second repair finds nothing.

    Args:
        gallery: Its folder.
        tell: Called with what is done now.

    Returns:
        What was wrong. Photos that are lost are to be indexed again, which reads no others.

    Raises:
        NotAGalleryError: No gallery there, or beyond repair.
        GalleryError: Another process is writing to it, or it cannot be read or written.
    """
    folder = Storage.of(gallery).local(_TASK)
    if not (folder / f"{schema.SETTINGS}.lance").is_dir():
        Store.open(folder)  # raises: no gallery, and no lock is left there
    with lock(folder, create=False):
        end_interrupted(folder)
        tell("reading all of it")
        found = examine(folder, mend=True)
        store = Store.open(folder)
        if _model_is_lost(store):
            found.damage.append(_MODEL_LOST)
            store.drop(schema.DESCRIPTORS)  # they can be made again, and nothing else compares with them
        if found.is_whole:
            return found
        _describe(store, tell)
        if left := check(folder).damage:
            raise GalleryError(f"the gallery {folder} could not be repaired: {left[0]}; index into a new folder")
    return found


def check(gallery: str | os.PathLike[str]) -> Findings:
    """What is damaged, read without a change.

    Raises:
        NotAGalleryError: No gallery there, or beyond repair.
        GalleryError: It cannot be read.
    """
    folder = Storage.of(gallery).local(_TASK)
    found = examine(folder, mend=False)
    if found.is_whole and _model_is_lost(Store.open(folder)):
        found.damage.append(_MODEL_LOST)
    return found


def _model_is_lost(store: Store) -> bool:
    """Whether descriptors are of a model that was learned, and is not there."""
    gallery = Gallery(store)
    if not gallery.model or gallery.artefact() is not None:
        return False
    seeing = Pipeline(recipe_of(store.settings)).seeing
    if seeing.fingerprint != store.settings.extractor:
        return False  # made by a whence whose shipped models nobody knows here
    return seeing.shipped.fingerprint != gallery.model


def _describe(store: Store, tell: Callable[[str], None]) -> None:
    """Descriptors of photos that have none, by a model learned from them if there are enough; and their index."""
    writer = Writer(store, whence.__version__)
    if writer.count and writer.undescribed():
        tell("describing photos")
        pipeline = Pipeline(recipe_of(store.settings))
        check_features(store, pipeline)
        with one_thread_each:
            learn_if_due(writer, pipeline, pipeline.seeing.shipped, lambda: tell("learning a vocabulary"))
    writer.tidy()

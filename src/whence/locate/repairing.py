"""A gallery after damage: what can be read stays, what can be made anew is made."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import whence
from whence.errors import GalleryError
from whence.gallery import schema
from whence.gallery.repair import Findings, examine
from whence.gallery.store import Store, lock
from whence.gallery.writer import Writer
from whence.locate.learning import learn_if_due
from whence.locate.pipeline import Pipeline, recipe_of
from whence.photos.threads import one_thread_each


def repair(folder: Path, *, tell: Callable[[str], None] = lambda stage: None) -> Findings:
    """Takes out what is damaged, and describes anew what lost its descriptors. A second repair finds nothing.

    Args:
        folder: Of the gallery.
        tell: Called with what is done now.

    Returns:
        What was wrong. Photos that are lost are to be indexed again, which reads no others.

    Raises:
        NotAGalleryError: No gallery there, or beyond repair.
        GalleryError: Another process is writing to it, or it cannot be written.
    """
    if not (folder / f"{schema.SETTINGS}.lance").is_dir():
        Store.open(folder)  # raises: no gallery
    with lock(folder, create=False):
        tell("reading all of it")
        found = examine(folder, mend=True)
        if found.is_whole:
            return found
        store = Store.open(folder)
        writer = Writer(store, whence.__version__)
        if writer.count and writer.undescribed():
            tell("describing photos")
            pipeline = Pipeline(recipe_of(store.settings))
            with one_thread_each:
                learn_if_due(writer, pipeline, pipeline.seeing.shipped, lambda: tell("learning a vocabulary"))
        left = examine(folder, mend=False)
        if not left.is_whole:
            raise GalleryError(f"the gallery {folder} could not be repaired: {left.damage[0]}; index into a new folder")
    return found


def check(folder: Path) -> Findings:
    """What is damaged, read without a change.

    Raises:
        NotAGalleryError: No gallery there, or beyond repair.
    """
    if not (folder / f"{schema.SETTINGS}.lance").is_dir():
        Store.open(folder)
    return examine(folder, mend=False)

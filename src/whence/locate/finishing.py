"""What follows once the photos of a run are stored: bursts, the tolerance of a plan, and trials."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from whence.gallery import schema
from whence.gallery.gallery import Gallery, trials_name
from whence.gallery.store import Store
from whence.gallery.trouble import unbroken
from whence.gallery.writer import Writer
from whence.locate.bursts import bursts
from whence.locate.calibration import Trials
from whence.locate.likeness import alike_photos
from whence.locate.trials import try_out, worth_trying
from whence.recipes import Recipe
from whence.types import Crs

TOLERANCE_SHARE = 0.02
"""Default tolerance for a local plane, as a share of its extent."""
ONE_PLACE_M = 1.0
"""Default tolerance for a local plane where all photos have the same position."""
_GROWN = 1.5
"""The gallery tries itself again when it has grown, or shrunk, by this factor."""


def mark_of_photos(store: Store, *, drops: bool) -> str:
    """Changes with the photos, and with what decides which of them are as good as one."""
    table = store.table(schema.PHOTOS)
    return f"{'drop' if drops else 'keep'}-{0 if table is None else table.version}"


def part_bursts(store: Store, writer: Writer, mark: str, before: str, workers: int) -> None:
    """Notes which photos are as good as one, if any are new or said to be elsewhere since ``before``."""
    if not writer.count or mark == before:
        return
    gallery = Gallery(store)
    found = bursts(gallery, alike_photos(gallery, writer, workers))
    with unbroken():
        writer.keep_bursts(found, mark)


def follow_extent(store: Store) -> None:
    """On a local plane the tolerance follows the extent, unless the user chose one."""
    settings = store.settings
    table = store.table(schema.PHOTOS)
    if settings.tolerance_given or settings.crs is Crs.WGS84 or table is None or not table.count_rows():
        return
    rows = table.search().select(["x", "y"]).to_arrow()
    metres = np.column_stack([rows["x"].to_numpy(), rows["y"].to_numpy()])
    extent = float(np.hypot(*(metres.max(axis=0) - metres.min(axis=0))))
    tolerance = max(TOLERANCE_SHARE * extent, 1e-3) if extent > 0 else ONE_PLACE_M
    if tolerance != settings.tolerance_m:
        store.save_settings(replace(settings, tolerance_m=tolerance))


def calibrate(
    store: Store,
    writer: Writer,
    recipe: Recipe,
    model: str,
    *,
    anew: bool,
    touched: bool,
    workers: int,
    tell: Callable[[], None],
) -> None:
    """Asks the gallery its own photos, unless it did when it was about as large.

    Args:
        store: Of the gallery.
        writer: Of the gallery.
        recipe: To ask by.
        model: Fingerprint of the describer.
        anew: Whatever was tried before.
        touched: Whether photos that were there were changed or placed anew.
        workers: Threads.
        tell: Called before each photo.
    """
    count = writer.count
    before = writer.learned_from(trials_name(model, recipe.asking_hash))
    near = before / _GROWN <= count <= before * _GROWN and not anew
    if not worth_trying(store.settings.crs, count, count) or (near and not (touched or count < before)):
        return  # opening a large gallery takes seconds
    gallery = Gallery(store)
    kept = gallery.trials(recipe.asking_hash) if near else None
    if kept is not None and Trials.restored(kept[0]).holds_for(gallery.photos):
        return
    trials = try_out(gallery, recipe, workers=workers, tell=tell)
    if trials is not None:
        with unbroken():
            writer.keep_trials(recipe.asking_hash, gallery.model, trials.arrays())

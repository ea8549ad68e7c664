"""What a gallery knows of its own answers, from when it asked itself its own photos."""

from __future__ import annotations

from typing import Any

from whence.gallery.gallery import Gallery
from whence.locate.calibration import Calibration, Trials
from whence.locate.options import ConfidenceOptions
from whence.locate.pipeline import recipe_of
from whence.recipes import Recipe, options_from


def calibration_of(gallery: Gallery, recipe: Recipe, tolerance_m: float) -> Calibration | None:
    """What a gallery knows of the confidence of its answers by a recipe; None if it never tried, or too little."""
    trials = trials_of(gallery, recipe)
    return Calibration(trials, tolerance_m) if trials is not None and trials.enough else None


def trials_of(gallery: Gallery, recipe: Recipe) -> Trials | None:
    """What became of a gallery's own photos; None if it never tried, or they were placed anew or removed since."""
    kept = gallery.trials(recipe.asking_hash)
    trials = None if kept is None else Trials.restored(kept[0])
    return trials if trials is not None and trials.holds_for(gallery.photos) else None


def expected_of(gallery: Gallery) -> dict[str, Any] | None:
    """What a gallery found out about itself when it was indexed, in numbers; None if it did not."""
    recipe, tolerance_m = recipe_of(gallery.settings), gallery.settings.tolerance_m
    found = calibration_of(gallery, recipe, tolerance_m)
    if found is None:
        return None
    unsure_below = options_from(ConfidenceOptions, "confidence", recipe.sections["confidence"]).unsure_below
    return {
        "asked": len(found.trials),
        "within_tolerance": round(float((found.error_m <= tolerance_m).mean()), 3),
        "unsure": round(float((found.confidences < unsure_below).mean()), 3),
        "strangers": len(found.of_strangers),
        "strangers_located": int((found.of_strangers >= unsure_below).sum()),
    }

"""The trained models that an evaluation asks: one for each recipe that answers without a gallery."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import whence
from whence.direct.model import Model, is_model
from whence.direct.training import default_tolerance_m, fit
from whence.evaluate.inputs import Database, usable
from whence.photos import files
from whence.recipes import Recipe
from whence.types import Photo, Skipped

_NOTE = "training.json"


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """A model and what it took to make it.

    Attributes:
        model: Ready.
        folder: Of it.
        seconds: None for one that was there.
        photos: That it was trained with.
        skipped: What it could not be trained with.
    """

    model: Model
    folder: Path
    seconds: float | None = None
    photos: int = 0
    skipped: tuple[Skipped, ...] = ()


class Models:
    """Trains each model once, below a folder, and finds it again in the next run."""

    def __init__(
        self,
        database: Database,
        folder: Path,
        tolerance_m: float | None,
        workers: int | None,
        seed: int,
        progress: Callable[[str, int, int], None],
        *,
        known: Mapping[str, Path] | None = None,
        pretrained: bool = True,
        device: str = "",
    ) -> None:
        """
        Args:
            database: What to train with.
            folder: Where to keep models.
            tolerance_m: Of the new ones.
            workers: Threads.
            seed: Of everything that is drawn.
            progress: Called with a stage, and how much of it is done of how much.
            known: Folders of models that were trained with just these photos, by the hash of their recipe.
            pretrained: Whether networks begin with published weights.
            device: As torch names it.
        """
        self._database, self._folder, self._known = database, folder, dict(known or {})
        self._tolerance_m, self._workers, self._seed, self._progress = tolerance_m, workers, seed, progress
        self._pretrained, self._device = pretrained, device
        self._found: dict[bool, tuple[list[Photo], list[Skipped]]] = {}
        self._there: dict[str, Trained] = {}

    @property
    def tolerance_m(self) -> float:
        """That models of these photos have, unless told otherwise."""
        known = [photo.position for photo in self.photos(labelled=False) if photo.position is not None]
        return default_tolerance_m(known)

    def photos(self, *, labelled: bool) -> list[Photo]:
        """What is trained with; see ``whence.evaluate.inputs.usable``."""
        return self._usable(labelled)[0]

    def of(self, recipe: Recipe) -> Trained:
        """The model of a recipe."""
        if recipe.hash not in self._there:
            self._there[recipe.hash] = self._opened(recipe) or self._made(recipe)
        return self._there[recipe.hash]

    def _usable(self, labelled: bool) -> tuple[list[Photo], list[Skipped]]:
        if labelled not in self._found:
            self._found[labelled] = usable(self._database.photos, labelled)
        return self._found[labelled]

    def _place(self, recipe: Recipe) -> Path:
        digest = hashlib.blake2b(digest_size=5)
        digest.update(repr((self._database.fingerprint, self._seed, self._pretrained)).encode())
        for photo in self._database.photos:
            digest.update(repr(files.state_of(photo.path)).encode())
        return self._folder / f"{recipe.hash}-{digest.hexdigest()}"

    def _opened(self, recipe: Recipe) -> Trained | None:
        if recipe.hash in self._known:
            folder = self._known[recipe.hash]
            return Trained(Model.load(folder), folder)
        folder = self._place(recipe)
        try:
            said = json.loads((folder / _NOTE).read_text("utf-8"))
            skipped = tuple(Skipped(name, reason) for name, reason in said["skipped"])
            seconds, photos = float(said["seconds"]), int(said["photos"])
        except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
            return None
        if not is_model(folder):
            return None
        return Trained(Model.load(folder), folder, seconds, photos, skipped)

    def _made(self, recipe: Recipe) -> Trained:
        start, folder = perf_counter(), self._place(recipe)
        photos, unusable = self._usable(by_labels(recipe))
        fitted = fit(
            recipe,
            photos,
            seed=self._seed,
            workers=self._workers,
            tolerance_m=self._tolerance_m,
            device=self._device,
            pretrained=self._pretrained,
            cache=self._folder / "cache",
            progress=self._progress,
        )
        fitted.model.save(folder, whence.__version__)
        left_out = [Skipped(str(path), reason) for path, reason in fitted.unused.items()]
        skipped = (*unusable, *left_out)
        seconds, count = perf_counter() - start, len(photos) - len(left_out)
        note = {"seconds": seconds, "photos": count, "skipped": [[one.name, one.reason] for one in skipped]}
        files.write(folder / _NOTE, json.dumps(note).encode())
        return Trained(fitted.model, folder, seconds, count, skipped)


def by_labels(recipe: Recipe) -> bool:
    """Whether a recipe that answers directly goes by labels, and needs no positions."""
    return recipe.sections["target"].get("method") == "named"


def baselines(recipe: Recipe) -> list[Recipe]:
    """What a recipe that answers directly has to beat: the same answer for all, the nearest mean, itself untrained."""
    estimate = dict(recipe.sections["estimate"])
    classes = recipe.sections["target"].get("method") != "coordinates"
    others: dict[str, dict[str, Any]] = {"constant": {"method": "constant"}}
    if classes and recipe.sections.get("describe"):
        others["nearest mean"] = {"method": "nearest-mean"}
    if estimate["method"] in ("dense", "network"):
        others["untrained"] = {**estimate, "untrained": True}
    return [
        Recipe(f"{recipe.name}, {name}", "", {**recipe.sections, "estimate": section})
        for name, section in others.items()
        if section["method"] != estimate["method"] or "untrained" in section
    ]

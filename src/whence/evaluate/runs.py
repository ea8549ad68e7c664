"""One run of an evaluation: a recipe that asks a gallery, or one that asks a trained model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from whence.direct.model import Model, is_direct
from whence.evaluate.answerers import OfGallery, OfModel
from whence.evaluate.inputs import photo_of
from whence.evaluate.judging import clusters_of, judge
from whence.evaluate.leaving import rows_of
from whence.evaluate.memory import peak_mb
from whence.evaluate.model import DEPTH, Costs, Question
from whence.evaluate.models import by_labels
from whence.evaluate.plan import Plan, Step
from whence.evaluate.preparing import SetUp
from whence.evaluate.running import Asked, ask
from whence.gallery.storage import Storage
from whence.metrics.outcomes import Outcomes
from whence.recipes import Recipe
from whence.types import Photo, Position, Skipped

OTHER = "(another class)"
"""What queries are called that are of no class that a model knows."""


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """What a run asked, and what it took to make that.

    Attributes:
        folder: Of the gallery, or of the model.
        positions: Of its photos.
        seconds: To make it; None for one that was there.
        photos: That were indexed or trained with in these seconds.
        skipped: What could not be used.
        examples: As in ``Run``.
    """

    folder: Storage
    positions: Sequence[Position]
    seconds: float | None
    photos: int
    skipped: Sequence[Skipped]
    examples: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Done:
    """A run before its figures are computed."""

    recipe: Recipe
    varied: dict[str, object]
    source: Source
    asked: Asked
    outcomes: Outcomes

    @property
    def costs(self) -> Costs:
        """What it took."""
        means = {
            stage: float(np.nanmean(taken))
            for stage, taken in self.outcomes.seconds.items()
            if np.isfinite(taken).any()
        }
        source, count = self.source, len(self.source.positions)
        return Costs(
            seconds_per_stage=means,
            seconds_per_query=self.asked.seconds_per_query,
            index_seconds=source.seconds,
            photos_per_second=source.photos / source.seconds if source.seconds else None,
            bytes_per_photo=source.folder.size() / count if count else None,
            peak_mb=peak_mb(),
        )


def run(plan: Plan, set_up: SetUp, recipe: Recipe, varied: dict[str, object], tell: Callable[[Step], None]) -> Done:
    if is_direct(recipe):
        return _told(plan, set_up, recipe, varied, tell)
    indexed = set_up.galleries.of(recipe)
    gallery, asked = indexed.gallery, set_up.questions
    hidden = None
    if set_up.hidden is not None:
        asked = rows_of(asked, gallery)
        hidden = set_up.hidden.of(asked, gallery)
    total = len(asked)
    answerer = OfGallery(recipe, gallery, set_up.tolerance_m, DEPTH, plan.workers, plan.cluster)
    answered = ask(
        recipe.name, answerer, asked, hidden, plan.out, tell=lambda done: tell(Step(recipe.name, done, total))
    )
    labels = {photo.path: photo.label for photo in gallery.photos}
    clusters = clusters_of(asked, plan.frames)
    outcomes = judge(asked, answered.answers, set_up.crs, labels, clusters)
    positions = [photo.position for photo in gallery.photos]
    source = Source(gallery.folder, positions, indexed.seconds, indexed.photos, indexed.skipped)
    return Done(recipe, varied, source, answered, outcomes)


def _told(plan: Plan, set_up: SetUp, recipe: Recipe, varied: dict[str, object], tell: Callable[[Step], None]) -> Done:
    """A run of a recipe that answers by a trained model. What class is true is for its target to say."""
    trained, asked = set_up.models.of(recipe), set_up.questions
    answerer = OfModel(trained.model, trained.folder, set_up.tolerance_m, plan.workers, plan.cluster)
    answered = ask(
        recipe.name, answerer, asked, None, plan.out, tell=lambda done: tell(Step(recipe.name, done, len(asked)))
    )
    classed = [replace(question, label=_class_of(trained.model, question)) for question in asked]
    outcomes = judge(classed, answered.answers, set_up.crs, {}, clusters_of(asked, plan.frames))
    used = set_up.models.photos(labelled=by_labels(recipe))
    positions = [photo.position for photo in used if photo.position is not None]
    examples = _examples(trained.model, used)
    source = Source(Storage.of(trained.folder), positions, trained.seconds, trained.photos, trained.skipped, examples)
    return Done(recipe, varied, source, answered, outcomes)


def _class_of(model: Model, question: Question) -> str | None:
    """What is true of a query as the model's classes go; one that is of another class counts as missed."""
    if not len(model.blank.names):
        return None
    found = model.class_of(photo_of(question))
    return found or (None if question.truth is None and question.label is None else OTHER)


def _examples(model: Model, photos: Sequence[Photo]) -> dict[str, Path]:
    """A photo of each class, the first that is met."""
    found: dict[str, Path] = {}
    for photo in photos:
        label = model.class_of(photo) if len(found) < len(model.blank.names) else None
        if label is not None:
            found.setdefault(label, photo.path)
    return found

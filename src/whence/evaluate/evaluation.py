"""The whole way: queries and recipes in, figures out."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

import whence
from whence.direct.model import Model, is_direct
from whence.direct.training import check
from whence.errors import GalleryBusyError, InputError
from whence.evaluate.answerers import OfGallery, OfModel
from whence.evaluate.galleries import Galleries
from whence.evaluate.inputs import (
    Database,
    Given,
    is_gallery,
    photo_of,
    question_of,
    questions,
    questions_of,
    read_database,
    spread,
    usable,
)
from whence.evaluate.judging import clusters_of, judge
from whence.evaluate.leaks import leaks
from whence.evaluate.leaving import Hidden, rows_of
from whence.evaluate.memory import peak_mb
from whence.evaluate.model import DEPTH, Costs, Evaluation, Leak, Question, Run
from whence.evaluate.models import Models, baselines, by_labels
from whence.evaluate.plan import Plan, Step
from whence.evaluate.running import Asked, ask, file_name
from whence.evaluate.splits import LEAKY, hold_out
from whence.evaluate.sweeps import Sweep, variants
from whence.gallery.summary import folder_bytes
from whence.locate.likeness import looks_of_files, looks_of_gallery
from whence.locate.pipeline import Pipeline, recipe_of
from whence.metrics.outcomes import Outcomes
from whence.metrics.summary import compare, summarise
from whence.photos import files
from whence.recipes import Recipe, load_recipe
from whence.types import Crs, Photo, Position, Skipped

__all__ = ["Plan", "Step", "evaluate"]

_LOCK = ".evaluation.lock"
_WRITTEN = {"answers": True, "work": True} | dict.fromkeys(
    ("results.json", "results.csv", "results.md", "report.html"), False
)
"""What comes into the folder, and whether that is a folder itself."""
OTHER = "(another class)"
"""What queries are called that are of no class that a model knows."""
_USUAL_M = 25.0
"""The threshold that most publications on street images give recall at."""


def evaluate(
    plan: Plan,
    *,
    progress: Callable[[Step], None] | None = None,
    passed: Callable[[Skipped], None] | None = None,
    write: Callable[[Evaluation], None] | None = None,
) -> Evaluation:
    """Runs recipes on queries whose positions are known, and computes all figures.

    Answers are kept below ``plan.out``; a run that was stopped goes on where it was.

    Args:
        plan: What to do.
        progress: Called now and then.
        passed: Called with every query that cannot be used.
        write: Called with what was found, while ``plan.out`` is still closed to other evaluations.

    Raises:
        InputError: Something in the plan cannot be used; nothing has been done then.
        GalleryBusyError: Another evaluation writes to the same folder.
    """
    plan.check()
    _check_out(plan.out)
    given = Given(plan.database, plan.crs, plan.layout, plan.part)
    labelled = bool(plan.recipes) and all(map(_by_labels, plan.recipes))
    database = read_database(given, unplaced=labelled)
    recipes = _recipes(plan, database)
    tell = progress or (lambda step: None)
    busy = GalleryBusyError(f"another evaluation writes to {plan.out}; wait for it, or name another folder")
    with files.alone(plan.out, _LOCK, busy):
        set_up = _set_up(plan, database, recipes[0][0], tell, passed or (lambda photo: None), labelled)
        runs = [_run(plan, set_up, recipe, varied, tell) for recipe, varied in recipes]
        found = _leaks(plan, set_up, runs, tell)
        finished = _finished(plan, database, set_up, runs, found)
        if write is not None:
            write(finished)
        return finished


@dataclass(frozen=True, slots=True, eq=False)
class _SetUp:
    """Queries and galleries, ready."""

    galleries: Galleries
    models: Models
    hidden: Hidden | None
    questions: list[Question]
    crs: Crs
    tolerance_m: float
    thresholds_m: tuple[float, ...]
    protocol: str
    leaky: str
    left_out: list[Skipped]


@dataclass(frozen=True, slots=True, eq=False)
class _Source:
    """What a run asked, and what it took to make that.

    Attributes:
        folder: Of the gallery, or of the model.
        positions: Of its photos.
        seconds: To make it; None for one that was there.
        photos: That were indexed or trained with in these seconds.
        skipped: What could not be used.
        examples: As in ``Run``.
    """

    folder: Path
    positions: Sequence[Position]
    seconds: float | None
    photos: int
    skipped: Sequence[Skipped]
    examples: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class _Done:
    """A run before its figures are computed."""

    recipe: Recipe
    varied: dict[str, object]
    source: _Source
    asked: Asked
    outcomes: Outcomes


def _recipes(plan: Plan, database: Database) -> list[tuple[Recipe, dict[str, object]]]:
    """All variants, checked: a slip of the pen is told before hours of work."""
    asked = plan.recipes or ["default"]
    if not plan.recipes and database.gallery is not None:
        asked = [recipe_of(database.gallery.settings)]
    loaded = [recipe if isinstance(recipe, Recipe) else load_recipe(recipe) for recipe in asked]
    sweeps = [Sweep.parse(said) for said in plan.sweeps]
    found = [variant for recipe in loaded for variant in variants(recipe, sweeps)]
    if plan.baselines:
        beaten = {other.hash: other for recipe, _ in found if is_direct(recipe) for other in baselines(recipe)}
        found += [(other, {}) for other in beaten.values()]
    for recipe, _ in found if plan.leave_one_out is not None else ():
        if is_direct(recipe):
            raise InputError(f"recipe {recipe.name} is trained, and would be anew for each photo; use --hold-out group")
        if recipe.sections.get("prior"):
            raise InputError(
                f"recipe {recipe.name} has a [prior], which knows the gallery's own photos; ask it others: give queries"
            )
    names = [file_name(recipe.name).casefold() for recipe, _ in found]
    twice = next((recipe.name for recipe, _ in found if names.count(file_name(recipe.name).casefold()) > 1), None)
    if twice is not None:
        raise InputError(f"recipe {twice} is named twice; give variants names of their own")
    for recipe, _ in found:
        if is_direct(recipe):
            check(recipe)
        else:
            Pipeline(recipe)
    return found


def _by_labels(recipe: str | Recipe) -> bool:
    loaded = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
    return is_direct(loaded) and by_labels(loaded)


def _set_up(
    plan: Plan,
    database: Database,
    first: Recipe,
    tell: Callable[[Step], None],
    passed: Callable[[Skipped], None],
    labelled: bool,
) -> _SetUp:
    asked: list[Question] = []
    left_out: list[Skipped] = []
    leaky, hidden = "", None
    if plan.frames is not None and database.crs is Crs.WGS84:
        raise InputError(
            f"--frames: {plan.database} has latitude and longitude; numbers of frames stand in x, with y 0"
        )
    if plan.hold_out is not None:
        database, asked, left_out, leaky = _held_out(plan, database, labelled)
        protocol = f"{plan.share:g} of the database held out, by {plan.hold_out}, seed {plan.seed}"
    elif plan.leave_one_out is None:
        asked, left_out = questions(_sources(plan, database), database.crs, labelled)
        protocol = "queries given apart from the database"
    for photo in left_out:
        passed(photo)
    wanted = plan.frames or plan.tolerance_m
    own = None if database.gallery is None else database.gallery.settings.tolerance_m
    galleries = Galleries(
        database,
        plan.out / "work" / "galleries",
        wanted or own,
        plan.workers,
        lambda step: tell(Step("indexing", step.done, step.total)),
    )
    models = Models(
        database,
        plan.out / "work" / "models",
        wanted or own,
        plan.workers,
        plan.seed,
        lambda stage, done, total: tell(Step(stage, done, total)),
        known=plan.models,
        pretrained=plan.pretrained,
        device=plan.device,
    )
    if plan.leave_one_out is not None:
        _check_groups(plan, database)
        hidden = Hidden(plan.leave_one_out, _workers(plan), lambda done, total: tell(Step("comparing", done, total)))
        asked, leaky = questions_of(galleries.of(first).gallery), hidden.flatters(database)
        protocol = hidden.protocol
    asked = spread(asked, plan.limit)
    if plan.limit is not None:
        protocol += f"; {len(asked)} queries, spread evenly"
    tolerance_m = wanted or own
    if tolerance_m is None:
        tolerance_m = models.tolerance_m if is_direct(first) else galleries.of(first).gallery.settings.tolerance_m
    usual = [_USUAL_M] if database.crs is Crs.WGS84 and not is_direct(first) else []
    thresholds = tuple(sorted({float(t) for t in plan.thresholds_m or [*usual, tolerance_m]}))
    crs = database.crs
    return _SetUp(galleries, models, hidden, asked, crs, float(tolerance_m), thresholds, protocol, leaky, left_out)


def _sources(plan: Plan, database: Database) -> list[Given]:
    if plan.queries:
        return [Given(path, plan.crs, plan.layout, plan.query_part if path.is_dir() else None) for path in plan.queries]
    if database.gallery is not None:
        raise InputError(f"--query-part {plan.query_part}: {plan.database} is a gallery; name the data set too")
    return [Given(plan.database, plan.crs, plan.layout, plan.query_part)]


def _held_out(plan: Plan, database: Database, labelled: bool) -> tuple[Database, list[Question], list[Skipped], str]:
    _check_groups(plan, database)
    photos, left_out = usable(database.photos, labelled)
    if not photos:
        raise InputError(f"{plan.database}: no photo with a known position ({left_out[0].name}: {left_out[0].reason})")
    held = hold_out([p.group or p.burst for p in photos], plan.share, plan.seed, whole_groups=plan.hold_out == "group")
    kept = database.only(photo for photo, out in zip(photos, held, strict=True) if not out)
    asked = [question_of(photo) for photo, out in zip(photos, held, strict=True) if out]
    return kept, asked, left_out, LEAKY if plan.hold_out == "random" else ""


def _check_groups(plan: Plan, database: Database) -> None:
    """Single photos by the name of groups would flatter without saying so."""
    for option, value, other in (
        ("--hold-out", plan.hold_out, "random"),
        ("--leave-one-out", plan.leave_one_out, "photo"),
    ):
        if value == "group" and not any(photo.group is not None for photo in database.photos):
            raise InputError(
                f"{option} group: no photo of {plan.database} has a group; add a column group, or use {option} {other}"
            )


def _run(plan: Plan, set_up: _SetUp, recipe: Recipe, varied: dict[str, object], tell: Callable[[Step], None]) -> _Done:
    if is_direct(recipe):
        return _told(plan, set_up, recipe, varied, tell)
    indexed = set_up.galleries.of(recipe)
    gallery, asked = indexed.gallery, set_up.questions
    hidden = None
    if set_up.hidden is not None:
        asked = rows_of(asked, gallery)
        hidden = set_up.hidden.of(asked, gallery)
    total = len(asked)
    answerer = OfGallery(recipe, gallery, set_up.tolerance_m, DEPTH, plan.workers)
    answered = ask(
        recipe.name, answerer, asked, hidden, plan.out, tell=lambda done: tell(Step(recipe.name, done, total))
    )
    labels = {photo.path: photo.label for photo in gallery.photos}
    clusters = clusters_of(asked, plan.frames)
    outcomes = judge(asked, answered.answers, set_up.crs, labels, clusters)
    positions = [photo.position for photo in gallery.photos]
    source = _Source(gallery.folder, positions, indexed.seconds, indexed.photos, indexed.skipped)
    return _Done(recipe, varied, source, answered, outcomes)


def _told(plan: Plan, set_up: _SetUp, recipe: Recipe, varied: dict[str, object], tell: Callable[[Step], None]) -> _Done:
    """A run of a recipe that answers by a trained model. What class is true is for its target to say."""
    trained, asked = set_up.models.of(recipe), set_up.questions
    answerer = OfModel(trained.model, trained.folder, set_up.tolerance_m, plan.workers)
    answered = ask(
        recipe.name, answerer, asked, None, plan.out, tell=lambda done: tell(Step(recipe.name, done, len(asked)))
    )
    classed = [replace(question, label=_class_of(trained.model, question)) for question in asked]
    outcomes = judge(classed, answered.answers, set_up.crs, {}, clusters_of(asked, plan.frames))
    used = set_up.models.photos(labelled=by_labels(recipe))
    positions = [photo.position for photo in used if photo.position is not None]
    examples = _examples(trained.model, used)
    source = _Source(trained.folder, positions, trained.seconds, trained.photos, trained.skipped, examples)
    return _Done(recipe, varied, source, answered, outcomes)


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


def _leaks(plan: Plan, set_up: _SetUp, runs: Sequence[_Done], tell: Callable[[Step], None]) -> list[Leak]:
    """What ties queries to the database; nothing for leave-one-out, where that is hidden, or said of the protocol."""
    if plan.leave_one_out is not None:
        return []
    workers, asked = _workers(plan), set_up.questions
    done = 0

    def looked() -> None:
        nonlocal done
        done += 1
        tell(Step("comparing", done, len(asked)))

    queries = looks_of_files([question.path for question in asked], workers, looked)
    first = next((run.recipe for run in runs if not is_direct(run.recipe)), None)
    if first is not None:
        gallery = set_up.galleries.of(first).gallery
        photos = [(photo.path, photo.group) for photo in gallery.photos]
        return leaks(asked, queries, photos, looks_of_gallery(gallery, workers))
    used = set_up.models.photos(labelled=by_labels(runs[0].recipe))
    database = looks_of_files([photo.path for photo in used], workers)
    return leaks(asked, queries, [(photo.name, photo.group) for photo in used], database)


def _finished(
    plan: Plan, database: Database, set_up: _SetUp, done: Sequence[_Done], found: Sequence[Leak]
) -> Evaluation:
    options: dict[str, Any] = {"tolerance_m": set_up.tolerance_m, "thresholds_m": set_up.thresholds_m}
    leaking = {leak.question for leak in found}
    clean = np.array([number not in leaking for number in range(len(set_up.questions))], np.bool_)
    runs = []
    for each in done:
        without = each.outcomes.only(clean) if leaking and clean.any() else None
        answers = each.asked.answers
        runs.append(
            Run(
                name=each.recipe.name,
                recipe=each.recipe,
                varied=each.varied,
                gallery=each.source.folder,
                answers=[answered.location for answered in answers],
                shortlists=[answered.shortlist for answered in answers],
                outcomes=each.outcomes,
                figures=summarise(each.outcomes, **options, draws=plan.draws, seed=plan.seed),
                clean={} if without is None else summarise(without, **options, draws=plan.draws, seed=plan.seed),
                costs=_costs(each),
                examples=each.source.examples,
            )
        )
    first = runs[0]
    compared = {
        run.name: compare(first.outcomes, run.outcomes, **options, draws=plan.draws, seed=plan.seed) for run in runs[1:]
    }
    own = plan.query_part or ("photos held out of it" if plan.hold_out else "its own photos")
    names = " and ".join(path.name for path in plan.queries) or own
    asked_of = " ".join([plan.database.name or str(plan.database), *([plan.part] if plan.part else [])])
    return Evaluation(
        title=f"{names}, asked of {asked_of}",
        questions=set_up.questions,
        database=done[0].source.positions,
        crs=set_up.crs,
        unit="m" if plan.frames is None else "frames",
        tolerance_m=set_up.tolerance_m,
        thresholds_m=set_up.thresholds_m,
        protocol=set_up.protocol,
        leaky=set_up.leaky,
        leaks=found,
        runs=runs,
        comparisons=compared,
        seed=plan.seed,
        draws=plan.draws,
        version=whence.__version__,
        command=plan.command,
        left_out=set_up.left_out,
        not_indexed=[*database.skipped, *done[0].source.skipped],
    )


def _costs(done: _Done) -> Costs:
    means = {
        stage: float(np.nanmean(taken)) for stage, taken in done.outcomes.seconds.items() if np.isfinite(taken).any()
    }
    source, count = done.source, len(done.source.positions)
    return Costs(
        seconds_per_stage=means,
        seconds_per_query=done.asked.seconds_per_query,
        index_seconds=source.seconds,
        photos_per_second=source.photos / source.seconds if source.seconds else None,
        bytes_per_photo=folder_bytes(str(source.folder)) / count if count else None,
        peak_mb=peak_mb(),
    )


def _workers(plan: Plan) -> int:
    return plan.workers or os.cpu_count() or 1


def _check_out(out: Path) -> None:
    """Refuses a folder with other things in it, among which a result could take the place of something."""
    if out.exists() and not out.is_dir():
        raise InputError(f"--out {out} is a file; name a folder")
    if is_gallery(out):
        raise InputError(f"--out {out} is a gallery; name another folder for the results")
    strangers = sorted(entry.name for entry in out.iterdir()) if out.is_dir() else []
    if strangers and _LOCK not in strangers:
        raise InputError(f"--out {out} is not empty and no evaluation's (it holds {strangers[0]}); name a new folder")
    for name, is_folder in _WRITTEN.items():
        if (out / name).exists() and (out / name).is_dir() is not is_folder:
            kinds = ("folder", "file") if is_folder else ("file", "folder")
            raise InputError(
                f"{out / name} is to become a {kinds[0]}, and a {kinds[1]} stands there; name a new folder"
            )

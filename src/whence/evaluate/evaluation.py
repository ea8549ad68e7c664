"""The whole way: queries and recipes in, figures out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

import whence
from whence.errors import GalleryBusyError, InputError
from whence.evaluate.answers import SHORTLISTED
from whence.evaluate.galleries import Galleries, Indexed, database_of
from whence.evaluate.inputs import (
    Given,
    is_gallery,
    questions,
    questions_of,
    read_photos,
    spread,
    write_database,
)
from whence.evaluate.judging import clusters_of, judge
from whence.evaluate.leaks import leaks, looks_of_files, looks_of_gallery, near_duplicates
from whence.evaluate.memory import peak_mb
from whence.evaluate.model import Costs, Evaluation, Leak, Question, Run
from whence.evaluate.running import Asked, ask
from whence.evaluate.splits import LEAKY, hold_out
from whence.evaluate.sweeps import Sweep, variants
from whence.gallery.gallery import Gallery
from whence.gallery.summary import folder_bytes
from whence.locate.pipeline import Pipeline
from whence.metrics.outcomes import Outcomes
from whence.metrics.resampling import DRAWS
from whence.metrics.summary import compare, summarise
from whence.recipes import Recipe, load_recipe
from whence.types import Crs, Skipped

CANDIDATES = 100
"""Named in each answer, so that recall can be told before and after re-ranking."""
_USUAL_M = 25.0
"""The threshold that most publications on street images give recall at."""


@dataclass(frozen=True, slots=True)
class Step:
    """How far an evaluation is.

    Attributes:
        stage: ``indexing``, ``comparing`` or the name of a run.
        done: Photos or queries.
        total: Of them.
    """

    stage: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What to evaluate, and how.

    Attributes:
        database: A gallery, or what ``whence index`` takes.
        queries: Tables, folders or parts of data sets with known positions; none for leave-one-out and held-out ones.
        out: Folder for everything that is written.
        recipes: Names, files or recipes; none for the gallery's own, or the default.
        leave_one_out: ``photo`` or ``group``: ask the gallery's own photos, without themselves or their whole group.
        hold_out: ``group`` or ``random``: turn a share of the database into queries.
        share: That is held out.
        seed: Of the split and of resampling.
        sweeps: Options of the recipes to vary, such as ``retrieve.top_k=10,50``.
        thresholds_m: At which shares and recall are given; none for 25 m (degrees), and the tolerance.
        tolerance_m: What confidence is the probability of; None for the gallery's.
        frames: Tolerance in frames, where x is the number of a frame.
        crs: Of the positions of database and queries; as for ``whence index``.
        layout: Of a data set.
        part: Of a data set that is the database.
        query_part: Of the same data set that are the queries.
        limit: At most so many queries, spread evenly.
        draws: Of resampling.
        workers: Threads; None for one per core.
        command: To be written down.
    """

    database: Path
    queries: Sequence[Path] = ()
    out: Path = Path("evaluation")
    recipes: Sequence[str | Recipe] = ()
    leave_one_out: str | None = None
    hold_out: str | None = None
    share: float = 0.2
    seed: int = 0
    sweeps: Sequence[str] = ()
    thresholds_m: Sequence[float] = ()
    tolerance_m: float | None = None
    frames: float | None = None
    crs: str | None = None
    layout: str | None = None
    part: str | None = None
    query_part: str | None = None
    limit: int | None = None
    draws: int = DRAWS
    workers: int | None = None
    command: str = ""

    def check(self) -> None:
        """Refuses what cannot be meant, before any work is done.

        Raises:
            InputError: Said in one line.
        """
        ways = [bool(self.queries) or self.query_part is not None, self.leave_one_out is not None, bool(self.hold_out)]
        if sum(ways) != 1:
            raise InputError(
                "an evaluation needs queries with known positions, or --leave-one-out, or --hold-out; "
                f"{'several' if sum(ways) else 'none'} of them given"
            )
        for name, value, known in (
            ("--leave-one-out", self.leave_one_out, ("photo", "group")),
            ("--hold-out", self.hold_out, ("group", "random")),
        ):
            if value is not None and value not in known:
                raise InputError(f"{name} {value}: expected {' or '.join(known)}")
        given = {"--threshold": self.thresholds_m, "--tolerance": [self.tolerance_m], "--frames": [self.frames]}
        for name, values in given.items():
            for distance in values:
                if distance is not None and not (np.isfinite(distance) and distance > 0):
                    raise InputError(f"{name} {distance:g}: expected a distance above 0")
        if self.frames is not None and self.tolerance_m is not None:
            raise InputError("--frames is the tolerance, in frames; leave out --tolerance")
        for name, number in (("--limit", self.limit), ("--draws", self.draws), ("--workers", self.workers)):
            if number is not None and number < 1:
                raise InputError(f"{name} {number}: expected at least 1")
        if not 0 < self.share < 1:
            raise InputError(f"--share {self.share:g}: expected a number between 0 and 1")
        if self.seed < 0:
            raise InputError(f"--seed {self.seed}: expected 0 or more")


def evaluate(
    plan: Plan, *, progress: Callable[[Step], None] | None = None, passed: Callable[[Skipped], None] | None = None
) -> Evaluation:
    """Runs recipes on queries whose positions are known, and computes all figures.

    Answers are kept below ``plan.out``; a run that was stopped goes on where it was.

    Args:
        plan: What to do.
        progress: Called now and then.
        passed: Called with every query that cannot be used.

    Raises:
        InputError: Something in the plan cannot be used; nothing has been done then.
        GalleryBusyError: Another evaluation writes to the same folder.
    """
    plan.check()
    recipes = _recipes(plan)
    for recipe, _ in recipes:
        Pipeline(recipe)  # a slip of the pen is told before hours of work
    tell = progress or (lambda step: None)
    with _alone(plan.out):
        set_up = _set_up(plan, tell, passed or (lambda photo: None))
        runs = [_run(plan, set_up, recipe, varied, tell) for recipe, varied in recipes]
        found = _leaks(plan, set_up, runs, tell)
        return _finished(plan, set_up, runs, found)


@dataclass(frozen=True, slots=True)
class _SetUp:
    """Queries and galleries, ready."""

    galleries: Galleries
    questions: list[Question]
    crs: Crs
    tolerance_m: float
    thresholds_m: tuple[float, ...]
    protocol: str
    leaky: str


@dataclass(frozen=True, slots=True, eq=False)
class _Done:
    """A run before its figures are computed."""

    recipe: Recipe
    varied: dict[str, object]
    gallery: Gallery
    indexed: Indexed
    asked: Asked
    outcomes: Outcomes


def _recipes(plan: Plan) -> list[tuple[Recipe, dict[str, object]]]:
    asked = plan.recipes
    if not asked and is_gallery(plan.database):
        settings = Gallery.open(plan.database).settings
        asked = [Recipe(settings.recipe, "", settings.sections)]
    loaded = [recipe if isinstance(recipe, Recipe) else load_recipe(recipe) for recipe in asked or ["default"]]
    sweeps = [Sweep.parse(said) for said in plan.sweeps]
    found = [variant for recipe in loaded for variant in variants(recipe, sweeps)]
    names = [recipe.name for recipe, _ in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"recipe {twice} is named twice; give variants names of their own")
    return found


def _set_up(plan: Plan, tell: Callable[[Step], None], passed: Callable[[Skipped], None]) -> _SetUp:
    database = Given(plan.database, plan.crs, plan.layout, plan.part)
    work = plan.out / "work"
    given = plan.database if is_gallery(plan.database) else None
    protocol, leaky = "", ""
    asked: list[Question] = []
    if given is not None:
        gallery = Gallery.open(given)
        crs, tolerance_m = gallery.settings.crs, gallery.settings.tolerance_m
        if not len(gallery):
            raise InputError(f"the gallery {given} holds no photos; add some: whence index PHOTOS --gallery {given}")
        database = database_of(gallery, work)
    else:
        crs, tolerance_m = _crs_of(database), None
    if plan.hold_out is not None:
        database, asked, leaky, given = _held_out(plan, database, work, passed)
        protocol = f"{plan.share:g} of the database held out, by {plan.hold_out}, seed {plan.seed}"
    elif plan.leave_one_out is None:
        sources = [Given(path, plan.crs, plan.layout, None) for path in plan.queries]
        if plan.query_part is not None:
            sources.append(Given(plan.database, plan.crs, plan.layout, plan.query_part))
        asked, skipped = questions(sources, crs)
        for photo in skipped:
            passed(photo)
        protocol = "queries given apart from the database"

    wanted = plan.frames or plan.tolerance_m
    galleries = Galleries(
        database,
        given,
        work,
        wanted or tolerance_m,
        plan.workers,
        lambda step: tell(Step("indexing", step.done, step.total)),
    )
    if plan.leave_one_out is not None:
        first = Gallery.open(galleries.of(_recipes(plan)[0][0]).folder)
        asked = questions_of(first)
        protocol = (
            "every photo of the gallery asked as if "
            + ("no photo of its group" if plan.leave_one_out == "group" else "it")
            + " were there, nor copies of it"
        )
    asked = spread(asked, plan.limit)
    if plan.limit is not None:
        protocol += f"; {len(asked)} queries, spread evenly"
    if tolerance_m is None or wanted is not None:
        tolerance_m = wanted or Gallery.open(galleries.of(_recipes(plan)[0][0]).folder).settings.tolerance_m
    usual = [_USUAL_M] if crs is Crs.WGS84 else []
    thresholds = tuple(sorted({float(t) for t in plan.thresholds_m or [*usual, tolerance_m]}))
    return _SetUp(galleries, asked, crs, float(tolerance_m), thresholds, protocol, leaky)


def _crs_of(database: Given) -> Crs:
    from whence.locate.intake import Intake

    return Intake.open(database.path, crs=database.crs, layout=database.layout, part=database.part).crs


def _held_out(
    plan: Plan, database: Given, work: Path, passed: Callable[[Skipped], None]
) -> tuple[Given, list[Question], str, None]:
    photos, skipped, crs = read_photos(database)
    for photo in skipped:
        passed(photo)
    held = hold_out([p.group for p in photos], plan.share, plan.seed, whole_groups=plan.hold_out == "group")
    table = work / "database.csv"
    write_database(table, (photo for photo, out in zip(photos, held, strict=True) if not out), crs)
    asked = [Question(p.name, p.path, p.position, p.group, p.label) for p, out in zip(photos, held, strict=True) if out]
    return Given(table, str(crs)), asked, LEAKY if plan.hold_out == "random" else "", None


def _run(plan: Plan, set_up: _SetUp, recipe: Recipe, varied: dict[str, object], tell: Callable[[Step], None]) -> _Done:
    indexed = set_up.galleries.of(recipe)
    gallery = Gallery.open(indexed.folder)
    asked = _rows_of(set_up.questions, gallery)
    total = len(asked)
    answered = ask(
        recipe,
        gallery,
        asked,
        _hidden(plan, gallery, asked, tell),
        plan.out,
        tolerance_m=set_up.tolerance_m,
        candidates=CANDIDATES,
        workers=plan.workers,
        tell=lambda done: tell(Step(recipe.name, done, total)),
    )
    labels = {photo.path: photo.label for photo in gallery.photos}
    clusters = clusters_of(asked, plan.frames)
    outcomes = judge(asked, answered.answers, set_up.crs, labels, clusters)
    return _Done(recipe, varied, gallery, indexed, answered, outcomes)


def _rows_of(asked: Sequence[Question], gallery: Gallery) -> list[Question]:
    """The same queries with their rows in this gallery, if they are its photos."""
    if not asked or asked[0].row is None:
        return list(asked)
    rows = {os.path.normpath(gallery.file(row)): row for row in range(len(gallery))}
    found = [(question, rows.get(os.path.normpath(question.path))) for question in asked]
    missing = next((question.path for question, row in found if row is None), None)
    if missing is not None:
        raise InputError(f"{missing} could not be described by every recipe; leave it out of the database")
    return [replace(question, row=row) for question, row in found]


def _hidden(plan: Plan, gallery: Gallery, asked: Sequence[Question], tell: Callable[[Step], None]) -> list[list[int]]:
    """Rows that each query of leave-one-out must not see: near duplicates, and its group."""
    if plan.leave_one_out is None:
        return [[] for _ in asked]
    tell(Step("comparing", 0, len(gallery)))
    looks = looks_of_gallery(gallery, plan.workers or os.cpu_count() or 1)
    near = near_duplicates(looks, looks)
    members: dict[str, list[int]] = {}
    for row, photo in enumerate(gallery.photos):
        if photo.group is not None and plan.leave_one_out == "group":
            members.setdefault(photo.group, []).append(row)
    found = []
    for question in asked:
        rows = {row for row, _ in near[question.row or 0]} | set(members.get(question.group or "", []))
        if len(rows) >= len(gallery):
            raise InputError(
                f"without the group {question.group} no photo is left to find {question.name} by; "
                "use --leave-one-out photo, or give photos other groups"
            )
        found.append(sorted(rows))
    return found


def _leaks(plan: Plan, set_up: _SetUp, runs: Sequence[_Done], tell: Callable[[Step], None]) -> list[Leak]:
    """What ties queries to the database; nothing for leave-one-out, where all that is hidden."""
    if plan.leave_one_out is not None:
        return []
    workers, asked = plan.workers or os.cpu_count() or 1, set_up.questions
    done = 0

    def looked() -> None:
        nonlocal done
        done += 1
        tell(Step("comparing", done, len(asked)))

    queries = looks_of_files([question.path for question in asked], workers, looked)
    gallery = runs[0].gallery
    return leaks(asked, queries, gallery, looks_of_gallery(gallery, workers))


def _finished(plan: Plan, set_up: _SetUp, done: Sequence[_Done], found: Sequence[Leak]) -> Evaluation:
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
                gallery=each.gallery.folder,
                answers=[answered.location for answered in answers],
                shortlists=[answered.shortlist[:SHORTLISTED] for answered in answers],
                outcomes=each.outcomes,
                figures=summarise(each.outcomes, **options, draws=plan.draws, seed=plan.seed),
                clean={} if without is None else summarise(without, **options, draws=plan.draws, seed=plan.seed),
                costs=_costs(each),
            )
        )
    first = runs[0]
    compared = {
        run.name: compare(first.outcomes, run.outcomes, **options, draws=plan.draws, seed=plan.seed) for run in runs[1:]
    }
    names = " and ".join(path.name for path in plan.queries) or "its own photos"
    return Evaluation(
        title=f"{names}, asked of {plan.database.name or plan.database}",
        questions=set_up.questions,
        database=[photo.position for photo in done[0].gallery.photos],
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
        version=whence.__version__,
        command=plan.command,
    )


def _costs(done: _Done) -> Costs:
    means = {
        stage: float(np.nanmean(taken)) for stage, taken in done.outcomes.seconds.items() if np.isfinite(taken).any()
    }
    indexed, count = done.indexed, len(done.gallery)
    return Costs(
        seconds_per_stage=means,
        seconds_per_query=done.asked.seconds_per_query,
        index_seconds=indexed.seconds,
        photos_per_second=indexed.photos / indexed.seconds if indexed.seconds else None,
        bytes_per_photo=folder_bytes(str(done.gallery.folder)) / count if count else None,
        peak_mb=peak_mb(),
    )


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    """One evaluation per folder at a time."""
    from filelock import FileLock, Timeout

    try:
        out.mkdir(parents=True, exist_ok=True)
        held = FileLock(out / ".evaluation.lock", timeout=0)
        held.acquire()
    except Timeout as error:
        raise GalleryBusyError(f"another evaluation writes to {out}; wait for it, or name another folder") from error
    except OSError as error:
        raise InputError(f"--out {out} cannot be written: {error.strerror or error}") from error
    try:
        yield
    finally:
        held.release()

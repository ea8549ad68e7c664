"""The whole way: queries and recipes in, figures out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import whence
from whence.direct.model import is_direct
from whence.direct.training import check
from whence.errors import GalleryBusyError, InputError
from whence.evaluate.inputs import Database, Given, is_gallery, read_database
from whence.evaluate.leaks import leaks
from whence.evaluate.model import Evaluation, Leak, Run
from whence.evaluate.models import baselines, by_labels
from whence.evaluate.plan import Plan, Step
from whence.evaluate.preparing import SetUp, set_up
from whence.evaluate.running import file_name
from whence.evaluate.runs import Done, run
from whence.evaluate.sweeps import Sweep, variants
from whence.gallery.storage import Storage
from whence.locate.likeness import looks_of_files, looks_of_gallery
from whence.locate.pipeline import Pipeline, recipe_of
from whence.metrics.summary import compare, summarise
from whence.photos import files
from whence.recipes import Recipe, load_recipe
from whence.types import Skipped

_LOCK = ".evaluation.lock"
_WRITTEN = {"answers": True, "work": True} | dict.fromkeys(
    ("results.json", "results.csv", "results.md", "report.html"), False
)
"""What comes into the folder, and whether that is a folder itself."""


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
    stored = isinstance(plan.database, Storage)
    given = plan.database if stored else Given(plan.database, plan.crs, plan.layout, plan.part)
    named = [recipe if isinstance(recipe, Recipe) else load_recipe(recipe) for recipe in plan.recipes]
    labelled = bool(named) and all(is_direct(recipe) and by_labels(recipe) for recipe in named)
    database = read_database(given, unplaced=labelled)
    recipes = _recipes(plan, database, named)
    tell = progress or (lambda step: None)
    busy = GalleryBusyError(f"another evaluation writes to {plan.out}; wait for it, or name another folder")
    with files.alone(plan.out, _LOCK, busy):
        ready = set_up(plan, database, recipes[0][0], tell, passed or (lambda photo: None), labelled)
        runs = [run(plan, ready, recipe, varied, tell) for recipe, varied in recipes]
        finished = _finished(plan, database, ready, runs, _leaks(plan, ready, runs, tell))
        if write is not None:
            write(finished)
        return finished


def _recipes(plan: Plan, database: Database, named: Sequence[Recipe]) -> list[tuple[Recipe, dict[str, object]]]:
    """All variants, checked: a slip of the pen is told before hours of work."""
    if not named:
        named = [load_recipe("default") if database.gallery is None else recipe_of(database.gallery.settings)]
    sweeps = [Sweep.parse(said) for said in plan.sweeps]
    found = [variant for recipe in named for variant in variants(recipe, sweeps)]
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


def _leaks(plan: Plan, ready: SetUp, runs: Sequence[Done], tell: Callable[[Step], None]) -> list[Leak]:
    """What ties queries to the database; nothing for leave-one-out, where that is hidden, or said of the protocol."""
    if plan.leave_one_out is not None:
        return []
    workers, asked = plan.threads, ready.questions
    done = 0

    def looked() -> None:
        nonlocal done
        done += 1
        tell(Step("comparing", done, len(asked)))

    queries = looks_of_files([question.path for question in asked], workers, looked)
    first = next((run.recipe for run in runs if not is_direct(run.recipe)), None)
    if first is not None:
        gallery = ready.galleries.of(first).gallery
        photos = [(photo.path, photo.group) for photo in gallery.photos]
        return leaks(asked, queries, photos, looks_of_gallery(gallery, workers))
    used = ready.models.photos(labelled=by_labels(runs[0].recipe))
    database = looks_of_files([photo.path for photo in used], workers)
    return leaks(asked, queries, [(photo.name, photo.group) for photo in used], database)


def _finished(plan: Plan, database: Database, ready: SetUp, done: Sequence[Done], found: Sequence[Leak]) -> Evaluation:
    options: dict[str, Any] = {"tolerance_m": ready.tolerance_m, "thresholds_m": ready.thresholds_m}
    leaking = {leak.question for leak in found}
    clean = np.array([number not in leaking for number in range(len(ready.questions))], np.bool_)
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
                costs=each.costs,
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
        questions=ready.questions,
        database=done[0].source.positions,
        crs=ready.crs,
        unit="m" if plan.frames is None else "frames",
        tolerance_m=ready.tolerance_m,
        thresholds_m=ready.thresholds_m,
        protocol=ready.protocol,
        leaky=ready.leaky,
        leaks=found,
        runs=runs,
        comparisons=compared,
        seed=plan.seed,
        draws=plan.draws,
        version=whence.__version__,
        command=plan.command,
        left_out=ready.left_out,
        not_indexed=[*database.skipped, *done[0].source.skipped],
    )


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

"""Queries and databases of an evaluation, made ready before anything is asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from whence.direct.model import is_direct
from whence.errors import InputError
from whence.evaluate.galleries import Galleries
from whence.evaluate.inputs import Database, Given, question_of, questions, questions_of, spread, usable
from whence.evaluate.leaving import Hidden
from whence.evaluate.model import Question
from whence.evaluate.models import Models
from whence.evaluate.plan import Plan, Step
from whence.evaluate.splits import LEAKY, hold_out
from whence.gallery.storage import Storage
from whence.recipes import Recipe
from whence.types import Crs, Skipped

_USUAL_M = 25.0
"""The threshold that most publications on street images give recall at."""


@dataclass(frozen=True, slots=True, eq=False)
class SetUp:
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


def set_up(
    plan: Plan,
    database: Database,
    first: Recipe,
    tell: Callable[[Step], None],
    passed: Callable[[Skipped], None],
    labelled: bool,
) -> SetUp:
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
        plan.cluster,
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
        hidden = Hidden(plan.leave_one_out, plan.threads, lambda done, total: tell(Step("comparing", done, total)))
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
    return SetUp(galleries, models, hidden, asked, crs, float(tolerance_m), thresholds, protocol, leaky, left_out)


def _sources(plan: Plan, database: Database) -> list[Given]:
    if plan.queries:
        return [Given(path, plan.crs, plan.layout, plan.query_part if path.is_dir() else None) for path in plan.queries]
    if isinstance(plan.database, Storage) or database.gallery is not None:
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

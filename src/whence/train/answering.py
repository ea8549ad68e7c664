"""Training of models that answer by themselves: from photos to a folder, with a report of how good it is."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import whence
from whence.direct.estimators.estimator import Epoch
from whence.direct.model import Model, is_model
from whence.direct.training import Fitted, Progress, check, fit, groups_of
from whence.errors import InputError
from whence.evaluate import Plan, evaluate
from whence.evaluate.inputs import Given, is_gallery, read_database, usable
from whence.evaluate.model import Evaluation
from whence.evaluate.models import by_labels
from whence.evaluate.results import to_markdown, write_results
from whence.evaluate.splits import hold_out
from whence.nets import CHECKPOINT
from whence.photos import files
from whence.recipes import Recipe
from whence.train.curves import draw_learning
from whence.types import LatLon, Photo, Skipped

TRAINING, TEST, CURVES, SUMMARY, EVALUATION, LOCK = (
    "training.csv",
    "test.csv",
    "curves.png",
    "training.json",
    "evaluation",
    ".lock",
)


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """What came of it.

    Attributes:
        fitted: The model, and what was left out.
        evaluation: On photos that it was not trained with, beside what it has to beat.
        text: The main figures as a table.
        passed: Photos that could not be read from the source, or whose place nobody knows.
        grouped: Whether any photo has a group.
    """

    fitted: Fitted
    evaluation: Evaluation
    text: str
    passed: list[Skipped]
    grouped: bool


def train(
    recipe: Recipe,
    database: Given,
    out: Path,
    *,
    tested: Given | None = None,
    pretrained: bool = True,
    seed: int = 0,
    device: str = "",
    workers: int | None = None,
    tolerance_m: float | None = None,
    tell: Callable[[Epoch], None] = lambda epoch: None,
    progress: Progress = lambda stage, done, total: None,
) -> Report:
    """Trains a model and asks it photos that it has not seen.

    ``out`` holds the model (``model.json``, ``model.safetensors``), what it was trained with and asked
    (``training.csv``, ``test.csv``), ``curves.png`` where there were epochs, ``training.json``, and ``evaluation``, a
    folder of ``whence evaluate``.

    Args:
        recipe: With ``[target]`` and ``[estimate]``.
        database: Photos with positions or labels.
        out: Folder for all of it.
        tested: Photos to ask in the end; None for a share of the database, whole groups of it.
        pretrained: Whether networks begin with published weights.
        seed: Of everything that is drawn.
        device: As torch names it; empty for a graphics card if there is one.
        workers: Threads; None for one per core.
        tolerance_m: An error up to this counts as right; None for a tenth of the extent of all positions.
        tell: Called after each epoch.
        progress: Called with a stage, and how much of it is done of how much.

    Raises:
        InputError: Photos that cannot be used.
        RecipeError: Something in the recipe that cannot.
        MissingExtraError: Without an extra that the recipe needs.
    """
    options = check(recipe)[-1]
    labelled = by_labels(recipe)
    _check_out(out)
    photos, passed = _read(database, labelled)
    if tested is not None:
        asked, more = _read(tested, labelled)
        passed += more
        kinds = [{type(photo.position) for photo in some if photo.position is not None} for some in (photos, asked)]
        if all(kinds) and not kinds[0] & kinds[1]:
            raise InputError(f"{tested.path} and {database.path} have positions of two kinds, degrees and metres")
    else:
        held = hold_out([str(group) for group in groups_of(photos)], options.test, seed)
        asked = [photo for photo, chosen in zip(photos, held, strict=True) if chosen]
        photos = [photo for photo, chosen in zip(photos, held, strict=True) if not chosen]
    busy = InputError(f"another training is at work in {out}; use another --out, or wait for it")
    with files.alone(out, LOCK, busy):
        if recipe.sections["estimate"].get("method") not in ("network", "geoclip"):
            for name in (CURVES, CHECKPOINT):  # of another recipe that was trained here before
                (out / name).unlink(missing_ok=True)
        fitted = fit(
            recipe,
            photos,
            seed=seed,
            workers=workers,
            device=device,
            pretrained=pretrained,
            tolerance_m=tolerance_m,
            cache=out / "cache",
            checkpoint=out / CHECKPOINT,
            tell=tell,
            progress=progress,
        )
        fitted.model.save(out, whence.__version__)
        for name, listed in ((TRAINING, photos), (TEST, asked)):
            files.write(out / name, _table(listed).encode("utf-8", "surrogateescape"))
        files.write(out / SUMMARY, _summary(fitted).encode())
        if fitted.epochs:
            draw_learning(fitted.epochs, out / CURVES)
        plan = Plan(
            database=out / TRAINING,
            queries=[out / TEST],
            out=out / EVALUATION,
            recipes=[recipe],
            tolerance_m=fitted.model.tolerance_m,
            seed=seed,
            workers=workers,
            baselines=True,
            pretrained=pretrained,
            device=device,
            models={recipe.hash: out},
        )
        found = evaluate(
            plan,
            progress=lambda step: progress(step.stage, step.done, step.total),
            write=lambda evaluation: write_results(evaluation, out / EVALUATION),
        )
    return Report(fitted, found, to_markdown(found), passed, any(photo.group is not None for photo in photos))


def _check_out(out: Path) -> None:
    """Refuses a place that is something else, before any work is done."""
    if out.exists() and not out.is_dir():
        raise InputError(f"--out {out} is a file; name a folder")
    if is_gallery(out):
        raise InputError(f"--out {out} is a gallery; name another folder for the model")
    strangers = sorted(entry.name for entry in out.iterdir() if entry.name != LOCK) if out.is_dir() else []
    if strangers and not is_model(out) and not {CHECKPOINT, "cache"} & set(strangers):
        raise InputError(f"--out {out} is not empty and no model's (it holds {strangers[0]}); name a new folder")


def _read(given: Given, labelled: bool) -> tuple[list[Photo], list[Skipped]]:
    """Photos that can be used, and those that cannot."""
    database = read_database(given, unplaced=labelled)
    found, unusable = usable(database.photos, labelled)
    if not found:
        raise InputError(f"{given.path}: no photo with a known position")
    return found, [*database.skipped, *unusable]


def _table(photos: Sequence[Photo]) -> str:
    """As a CSV that whence reads."""
    degrees = any(isinstance(photo.position, LatLon) for photo in photos)
    stream = io.StringIO(newline="")
    table = csv.writer(stream, lineterminator="\n")
    table.writerow(["path", *(("lat", "lon") if degrees else ("x", "y")), "group", "label"])
    for photo in photos:
        position = photo.position
        pair: tuple[object, object] = ("", "")
        if position is not None:
            pair = (position.lat, position.lon) if isinstance(position, LatLon) else (position.x, position.y)
        table.writerow([os.path.abspath(photo.path), *pair, photo.group or "", photo.label or ""])  # noqa: PTH100
    return stream.getvalue()


def _summary(fitted: Fitted) -> str:
    model: Model = fitted.model
    said = {
        "photos": model.said.get("photos"),
        "classes": fitted.classes,
        "classes_with_too_few_photos": fitted.too_small,
        "unused": {str(path): reason for path, reason in fitted.unused.items()},
        "temperature": model.calibration.temperature,
        "estimator": model.estimator.words(),
        "epochs": [
            {
                "epoch": epoch.number,
                **{
                    name: None if value != value else value
                    for name, value in (
                        ("loss", epoch.loss),
                        ("held_out_loss", epoch.checked_loss),
                        ("accuracy", epoch.right),
                        ("held_out_accuracy", epoch.checked_right),
                    )
                },
            }
            for epoch in fitted.epochs
        ],
    }
    return json.dumps(said, indent=1) + "\n"

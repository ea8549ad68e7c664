"""``whence train`` for models that answer without a gallery."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from whence.cli.console import count, progress_bar, say

if TYPE_CHECKING:
    from whence.direct.estimators.estimator import Epoch
    from whence.evaluate.inputs import Given
    from whence.recipes import Recipe
    from whence.train.answering import Report

_NAMED = 5
"""Photos and classes that are left out are named up to so many."""


def train_model(
    recipe: Recipe,
    database: Given,
    tested: Given | None,
    out: Path,
    pretrained: bool,
    seed: int,
    device: str,
    workers: int | None,
    tolerance_m: float | None,
) -> None:
    """Trains, tells, and says what to do next."""
    from whence.train.answering import train

    with progress_bar() as bar:
        task = bar.add_task("reading", total=None, rate="")

        def progress(stage: str, done: int, total: int) -> None:
            bar.update(task, description=stage, completed=done, total=total)

        try:
            report = train(
                recipe,
                database,
                out,
                tested=tested,
                pretrained=pretrained,
                seed=seed,
                device=device,
                workers=workers,
                tolerance_m=tolerance_m,
                tell=_tell,
                progress=progress,
            )
        except KeyboardInterrupt:
            if out.is_dir():
                say(f"what is finished is kept in {out}; the same command goes on from there")
            raise
    _sum_up(report, out)


def _tell(epoch: Epoch) -> None:
    right = "" if epoch.checked_right != epoch.checked_right else f", right {epoch.checked_right:.3f}"
    first = f"epoch {epoch.number}: loss {epoch.loss:.4f}, " if epoch.number else "before training: "
    say(f"{first}held out {epoch.checked_loss:.4f}{right}")


def _sum_up(report: Report, out: Path) -> None:
    fitted = report.fitted
    for photo in report.passed[:_NAMED]:
        say(f"left out: {photo.name}: {photo.reason}")
    if len(report.passed) > _NAMED:
        say(f"left out: {count(len(report.passed) - _NAMED, 'other photo')}")
    if not report.grouped:
        say("no photo has a group: photos of one walk may be on both sides of the test, and its figures flatter")
    for path, reason in list(fitted.unused.items())[:_NAMED]:
        say(f"left out: {path}: {reason}")
    if len(fitted.unused) > _NAMED:
        say(f"left out: {count(len(fitted.unused) - _NAMED, 'other photo')}")
    if fitted.too_small:
        few = ", ".join(list(fitted.too_small)[:_NAMED])
        more = "" if len(fitted.too_small) <= _NAMED else f" and {len(fitted.too_small) - _NAMED} more"
        say(f"left out, with too few photos each: {few}{more}")
    typer.echo(report.text)
    typer.echo(f"whence locate PHOTO --model {out}")

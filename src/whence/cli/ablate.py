"""``whence ablate``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from whence.cli import interruptible
from whence.cli.console import progress_bar, say
from whence.errors import InputError

NAME = "ablate"
_AXES = ("learning-rate", "distance", "augmentation", "size", "heads")
_PUBLISHED = _AXES[:-1]


def command(
    recipe: Annotated[str, typer.Argument(help="Recipe or TOML file with a network and [train].")],
    database: Annotated[Path, typer.Option(help="Photos with positions to train on: what `whence index` takes.")],
    queries: Annotated[Path | None, typer.Option(help="Photos to ask it for; its own if not given.")] = None,
    axis: Annotated[
        list[str] | None,
        typer.Option(help="learning-rate, distance, augmentation, size (all if none is named), or heads. Repeatable."),
    ] = None,
    size: Annotated[list[str] | None, typer.Option(help="WIDTHxHEIGHT of the axis size. Repeatable.")] = None,
    other_database: Annotated[Path | None, typer.Option(help="Of another set, to test on.")] = None,
    other_queries: Annotated[Path | None, typer.Option(help="Of that set.")] = None,
    validation_database: Annotated[Path | None, typer.Option(help="Photos with positions to validate with.")] = None,
    validation_queries: Annotated[Path | None, typer.Option(help="Photos to ask that for.")] = None,
    hold_out: Annotated[float, typer.Option(help="Share of the groups to validate with by default.")] = 0.2,
    out: Annotated[Path, typer.Option(help="Folder for the trainings, tables and figures.")] = Path("ablation"),
    set: Annotated[
        list[str] | None, typer.Option("--set", help="Another option of [train] for all. Repeatable.")
    ] = None,
    from_scratch: Annotated[bool, typer.Option("--from-scratch", help="Begin with weights at random.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of everything that is drawn.")] = 0,
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:N or mps; a graphics card if there is one.")] = "",
    workers: Annotated[
        int | None, typer.Option(min=1, help="Threads that read photos; one per core by default.")
    ] = None,
) -> None:
    """Train variants of a network that differ in one thing, and compare them. Run again, it goes on."""
    from whence import nets
    from whence.cli.train import changed
    from whence.evaluate.inputs import Given
    from whence.recipes import load_recipe

    nets.need("Ablations")
    for first, second, words in (
        (other_database, other_queries, "--other-database and --other-queries"),
        (validation_database, validation_queries, "--validation-database and --validation-queries"),
    ):
        if (first is None) != (second is None):
            raise InputError(f"{words}: expected both of them, or neither")
    unknown = [name for name in axis or () if name not in _AXES]
    if unknown:
        raise InputError(f"--axis {unknown[0]}: expected one of {', '.join(_AXES)}")
    from whence.train.ablation import ablate, axes
    from whence.train.loop import Epoch
    from whence.train.running import Plan
    from whence.train.tables import write

    interruptible()
    known = axes([_size(words) for words in size or ("160x120", "320x240", "640x480")])
    plan = Plan(
        recipe=changed(load_recipe(recipe), set or ()),
        database=Given(database),
        out=out,
        queries=None if queries is None else Given(queries),
        validation=None
        if validation_database is None or validation_queries is None
        else (Given(validation_database), Given(validation_queries)),
        hold_out=hold_out,
        pretrained=not from_scratch,
        seed=seed,
        device=device,
        workers=workers,
    )
    others = []
    if other_database is not None and other_queries is not None:
        others.append((other_queries.stem, Given(other_database), Given(other_queries)))
    with progress_bar() as bar:
        task = bar.add_task("reading", total=None, rate="")

        def progress(stage: str, done: int, total: int) -> None:
            bar.update(task, description=stage, completed=done, total=total)

        def tell(name: str, epoch: Epoch) -> None:
            say(f"{name}, epoch {epoch.number}: recall@5 {epoch.recall[5]:.3f} ({epoch.seconds:.0f} s)")

        found = ablate(
            plan,
            [known[name] for name in axis or _PUBLISHED],
            others,
            tell=tell,
            progress=progress,
        )
    typer.echo(write(found, known, plan.options.test_m, out))
    say(f"the tables, their data and figures are in {out}")


def _size(words: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{1,4})x(\d{1,4})", words.strip().lower())
    if not found or not int(found[1]) or not int(found[2]):
        raise InputError(f"--size {words}: expected WIDTHxHEIGHT in pixels, such as 320x240")
    return int(found[1]), int(found[2])

"""``whence train``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from whence.cli import interruptible
from whence.cli.console import count, progress_bar, say
from whence.errors import InputError, RecipeError

if TYPE_CHECKING:
    from whence.recipes import Recipe
    from whence.train.loop import Epoch, Trained

NAME = "train"
_NAMED = 5
"""Photos that cannot be read are named up to so many."""


def command(
    recipe: Annotated[str, typer.Argument(help="Recipe or TOML file that says what is trained, and how.")],
    database: Annotated[Path, typer.Option(help="Photos with positions: what `whence index` takes.")],
    queries: Annotated[
        Path | None,
        typer.Option(help="Photos with positions to ask; its own if not given."),
    ] = None,
    validation_database: Annotated[Path | None, typer.Option(help="Photos with positions to validate with.")] = None,
    validation_queries: Annotated[Path | None, typer.Option(help="Photos with positions to ask that for.")] = None,
    hold_out: Annotated[float, typer.Option(help="Share of the groups to validate a describing network with.")] = 0.2,
    out: Annotated[Path, typer.Option(help="Folder for what comes of it, and to go on from.")] = Path("trained"),
    set: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="Another option, of [train] or as section.name: learning_rate=1e-4. Repeatable.",
        ),
    ] = None,
    from_scratch: Annotated[
        bool, typer.Option("--from-scratch", help="Begin with weights at random, not with published ones.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of everything that is drawn.")] = 0,
    tolerance: Annotated[
        float | None, typer.Option(help="For a model: an error of so many metres still counts as right.")
    ] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:N or mps; a graphics card if there is one.")] = "",
    devices: Annotated[int, typer.Option(min=1, help="Graphics cards, or processes, on each machine.")] = 1,
    nodes: Annotated[int, typer.Option(min=1, help="Machines, each of which runs this command (torchrun, Slurm).")] = 1,
    crs: Annotated[str | None, typer.Option(help="What positions of a CSV mean: wgs84, local or EPSG:n.")] = None,
    layout: Annotated[str | None, typer.Option(help="How a data set is laid out; see `whence datasets`.")] = None,
    part: Annotated[str | None, typer.Option(help="Part of a data set that is the database.")] = None,
    query_part: Annotated[str | None, typer.Option(help="Part of the same data set that are the queries.")] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Threads that read photos; one per core by default.")
    ] = None,
) -> None:
    """Train what a recipe needs, on photos whose positions or labels are known.

    A network that describes photos; run again, it goes on. Or, for a recipe with [target] and [estimate], a model that
    answers without a gallery: `whence locate --model`.
    """
    from whence import nets
    from whence.direct.model import is_direct
    from whence.evaluate.inputs import Given
    from whence.recipes import load_recipe

    interruptible()
    loaded = changed(load_recipe(recipe), set or ())
    if is_direct(loaded):
        from whence.cli.train_model import train_model

        only = {
            "--validation-database": validation_database,
            "--validation-queries": validation_queries,
            "--devices": devices > 1,
            "--nodes": nodes > 1,
        }
        for name, value in only.items():
            if value:
                raise InputError(f"{name} is for networks that describe photos; recipe {loaded.name} answers directly")
        tested = None if queries is None else Given(queries, crs, layout, query_part)
        if tested is None and query_part is not None:
            tested = Given(database, crs, layout, query_part)
        given_to = Given(database, crs, layout, part)
        train_model(loaded, given_to, tested, out, not from_scratch, seed, device, workers, tolerance)
        return
    if tolerance is not None:
        raise InputError("--tolerance is for models that answer directly; [train] test_m says what counts here")
    nets.need("Training")
    if (validation_database is None) != (validation_queries is None):
        raise InputError("--validation-database and --validation-queries: expected both of them, or neither")
    from whence.nets import CHECKPOINT
    from whence.train.running import RECIPE, Plan, train

    def given(path: Path, of: str | None = None) -> Given:
        return Given(path, crs, layout, of)

    validation = None
    if validation_database is not None and validation_queries is not None:
        validation = given(validation_database), given(validation_queries)
    asked = given(queries, query_part) if queries is not None else None
    if asked is None and query_part is not None:
        asked = given(database, query_part)
    plan = Plan(
        recipe=loaded,
        database=given(database, part),
        out=out,
        queries=asked,
        validation=validation,
        hold_out=hold_out,
        pretrained=not from_scratch,
        seed=seed,
        device=device,
        devices=devices,
        nodes=nodes,
        workers=workers,
    )
    with progress_bar() as bar:
        task = bar.add_task("reading", total=None, rate="")

        def progress(stage: str, done: int, total: int) -> None:
            bar.update(task, description=stage, completed=done, total=total)

        try:
            found = train(plan, tell=_tell, progress=None if devices * nodes > 1 else progress)
        except KeyboardInterrupt:
            if (out / CHECKPOINT).exists():
                say(f"the last whole epoch is kept in {out}; the same command goes on from there")
            raise
    _sum_up(found, plan.options.best_at, out / RECIPE)


def changed(recipe: Recipe, settings: list[str] | tuple[str, ...], section: str = "train") -> Recipe:
    """A recipe with other options, each given as ``name=value`` or ``section.name=value``, values as in TOML.

    Raises:
        RecipeError: One of them cannot be read.
    """
    from whence.recipes import SECTIONS, value_from

    sections: dict[str, dict[str, Any]] = {name: dict(values) for name, values in recipe.sections.items()}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals or not name.strip():
            raise RecipeError(f"--set {setting}: expected name=value, or section.name=value")
        where, dot, own = name.strip().rpartition(".")
        if dot and where not in SECTIONS:
            raise RecipeError(f"--set {setting}: no section [{where}]; expected one of {', '.join(SECTIONS)}")
        there = sections.setdefault(where or section, {})
        if own == "method" and there.get(own) != value.strip():
            there.clear()  # another method has other options
        there[own] = value_from(value.strip())
    return replace(recipe, sections=sections)


def _tell(epoch: Epoch) -> None:
    shares = ", ".join(f"@{n} {share:.3f}" for n, share in epoch.recall.items())
    loss = f"loss {epoch.loss:.4f}" if epoch.triplets else "nothing to learn from was found"
    first = f"epoch {epoch.number}: {loss}" if epoch.number else "before training"
    say(f"{first}, recall {shares} ({epoch.seconds:.0f} s)")


def _sum_up(found: Trained, best_at: int, recipe: Path) -> None:
    if found.without_positive:
        say(f"left out: {found.without_positive:,} queries without a photo of the same place")
    if found.not_to_be_found:
        say(f"missed in any case: {found.not_to_be_found:,} validation queries without a photo of the same place")
    for path, reason in list(found.unreadable.items())[:_NAMED]:
        say(f"left out: {path}: {reason}")
    if len(found.unreadable) > _NAMED:
        say(f"left out: {count(len(found.unreadable) - _NAMED, 'other photo')} that cannot be read")
    before, best = found.epochs[0].recall[best_at], found.recall[best_at]
    early = ", validation no longer got better" if found.ended_early else ""
    last = len(found.epochs) - 1
    typer.echo(f"best of {last} epochs: {found.best}{early}; recall@{best_at} {before:.3f} -> {best:.3f}")
    if not found.best:
        say("training made it no better: what is kept is the network as it began")
    typer.echo(f"whence index PHOTOS --recipe {recipe}")

"""``whence evaluate``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from whence.cli import clusters, interruptible
from whence.cli.console import count, progress_bar, say

if TYPE_CHECKING:
    from whence.evaluate.model import Evaluation
    from whence.evaluate.plan import Plan, Step
    from whence.types import Skipped

NAME = "evaluate"
_NAMED = 5
"""Queries that cannot be used are named up to so many."""


def command(
    database: Annotated[str, typer.Argument(help="A gallery, or what `whence index` takes: CSV, folder, data set.")],
    queries: Annotated[
        list[Path] | None,
        typer.Argument(help="Tables or folders of photos with known positions; empty ones are of unknown places."),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for tables, report and answers.")] = Path("evaluation"),
    recipe: Annotated[list[str] | None, typer.Option(help="Recipe or TOML file. Repeatable.")] = None,
    leave_one_out: Annotated[
        str | None, typer.Option(help="photo or group: ask the gallery's own photos, without themselves.")
    ] = None,
    hold_out: Annotated[
        str | None, typer.Option(help="group or random: turn a share of the database into queries.")
    ] = None,
    share: Annotated[float, typer.Option(help="That --hold-out takes.")] = 0.2,
    seed: Annotated[int, typer.Option(help="Of --hold-out and of resampling.")] = 0,
    sweep: Annotated[
        list[str] | None, typer.Option(help="Vary an option: retrieve.top_k=10,50,100. Repeatable: all combinations.")
    ] = None,
    threshold: Annotated[
        list[float] | None, typer.Option(help="Metres at which shares and recall are given. Repeatable.")
    ] = None,
    tolerance: Annotated[float | None, typer.Option(help="Metres up to which an answer is right.")] = None,
    frames: Annotated[float | None, typer.Option(help="Positions x are frames; so many off is right.")] = None,
    crs: Annotated[str | None, typer.Option(help="What positions of a CSV mean: wgs84, local or EPSG:n.")] = None,
    layout: Annotated[str | None, typer.Option(help="How a data set is laid out; see `whence datasets`.")] = None,
    part: Annotated[str | None, typer.Option(help="Part of a data set that is the database.")] = None,
    query_part: Annotated[str | None, typer.Option(help="Part of the same data set that are the queries.")] = None,
    baselines: Annotated[
        bool,
        typer.Option("--baselines", help="Hold trained models against majority, nearest mean and untrained weights."),
    ] = False,
    limit: Annotated[int | None, typer.Option(help="At most so many queries, spread evenly.")] = None,
    draws: Annotated[int, typer.Option(help="Resamplings for the intervals.")] = 10_000,
    report: Annotated[bool, typer.Option(help="Write report.html (extra `report`).")] = True,
    private: Annotated[
        bool, typer.Option("--private", help="No pictures and no names of photos in the report.")
    ] = False,
    workers: Annotated[int | None, typer.Option(min=1, help="Threads; one per core if not given.")] = None,
    ray: clusters.Ray = None,
    ray_gpus: clusters.RayGpus = 0.0,
) -> None:
    """Say how good recipes are on photos whose positions are known, with intervals and a report."""
    from whence.evaluate.plan import Plan
    from whence.evaluate.results import to_markdown, write_results
    from whence.gallery.storage import path_or_storage

    interruptible()
    if report:
        from whence.evaluate.report.plots.canvas import check_matplotlib

        check_matplotlib()
    plan = Plan(
        database=path_or_storage(database),
        queries=tuple(queries or ()),
        out=out,
        recipes=tuple(recipe or ()),
        leave_one_out=leave_one_out,
        hold_out=hold_out,
        share=share,
        seed=seed,
        sweeps=tuple(sweep or ()),
        thresholds_m=tuple(threshold or ()),
        tolerance_m=tolerance,
        frames=frames,
        crs=crs,
        layout=layout,
        part=part,
        query_part=query_part,
        limit=limit,
        baselines=baselines,
        draws=draws,
        workers=workers,
        command=" ".join(["whence", *sys.argv[1:]]),
    )

    def write(found: Evaluation) -> None:
        write_results(found, out)
        page = out / "report.html"
        if report:
            from whence.evaluate.report import write_report

            write_report(found, page, private=private)
        else:
            page.unlink(missing_ok=True)  # it would be of other results

    plan.check()
    with clusters.joined(ray, workers, ray_gpus) as cluster:
        found = _watched(replace(plan, cluster=cluster), out, write)
    typer.echo(to_markdown(found))
    say(f"more in {out}: {'report.html, ' if report else ''}results.json, results.csv, results.md, answers")
    if failed := found.failed:
        _name("no answer", failed)
        raise typer.Exit(1)


def _watched(plan: Plan, out: Path, write: Callable[[Evaluation], None]) -> Evaluation:
    from whence.evaluate.evaluation import evaluate

    passed: list[Skipped] = []
    with progress_bar() as bar:
        tasks: dict[str, object] = {}

        def tell(step: Step) -> None:
            if step.stage not in tasks:
                tasks[step.stage] = bar.add_task(step.stage, total=step.total, rate="")
            bar.update(tasks[step.stage], completed=step.done, total=step.total)  # type: ignore[arg-type]

        try:
            found = evaluate(plan, progress=tell, passed=passed.append, write=write)
        except KeyboardInterrupt:
            say(f"the answers so far are in {out}; the same command goes on from there")
            raise
    _name("not asked", passed)
    return found


def _name(what: str, photos: Sequence[Skipped]) -> None:
    for photo in photos[:_NAMED]:
        say(f"{what}: {photo.name}: {photo.reason}")
    if len(photos) > _NAMED:
        say(f"{what}: {count(len(photos) - _NAMED, 'other photo')}")

"""``whence demo``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from whence.cli.console import progress_bar

NAME = "demo"


def command(
    folder: Annotated[Path, typer.Option("--out", help="Folder for photos, gallery and page.")] = Path("whence-demo"),
    seed: Annotated[int, typer.Option(min=0, help="Another town for another number.")] = 0,
) -> None:
    """Render a small town, index it, locate other photos of it, and show the errors on a page."""
    from whence.present.demo import run_demo

    with progress_bar() as bar:
        tasks: dict[str, int] = {}

        def show(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, rate="")
            bar.update(tasks[what], completed=done, total=total)  # type: ignore[arg-type]

        result = run_demo(folder, seed=seed, tell=show)
    summary = result.summary
    town, elsewhere = summary.town_located + summary.town_unsure, summary.elsewhere_located + summary.elsewhere_unsure
    near = f"{summary.near_m:.0f} m"
    typer.echo(
        f"{summary.gallery_photos} photos of a rendered town indexed, {town} other photos of it located:\n"
        f"  median error            {summary.median_error_m:.1f} m\n"
        f"  within {near}             {summary.near_after:.0%} ({summary.near_before:.0%} by similarity alone)\n"
        f"  located, unsure         {summary.town_located}, {summary.town_unsure}\n"
        f"{elsewhere} photos of another town: {summary.elsewhere_unsure} refused, "
        f"{summary.elsewhere_located} wrongly located\n"
        f"{summary.seconds:.0f} s in all. Try other commands on the same town:\n"
        f"  whence locate {result.files.queries} --gallery {result.gallery}\n"
        f"and see what was matched, in a browser: {result.page}"
    )

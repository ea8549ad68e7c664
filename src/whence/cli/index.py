"""``whence index``."""

from __future__ import annotations

import json
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated

import typer

from whence.cli import interruptible
from whence.cli.console import check_place, complain, count, progress_bar, say
from whence.errors import InputError

if TYPE_CHECKING:
    from whence.locate.indexing import IndexReport, Progress

NAME = "index"
_NAMED = 10
"""Skipped photos named one by one; the others are counted by reason."""


def command(
    source: Annotated[
        Path, typer.Argument(help="Folder of photos with GPS positions, or CSV with path and lat,lon or x,y.")
    ],
    gallery: Annotated[Path, typer.Option(help="Folder of the gallery; made if it is not there.")],
    recipe: Annotated[str | None, typer.Option(help="Recipe or TOML file; see `whence recipes`.")] = None,
    crs: Annotated[str | None, typer.Option(help="What positions of a CSV mean: wgs84, local or EPSG:n.")] = None,
    tolerance: Annotated[float | None, typer.Option(help="An error of so many metres still counts as right.")] = None,
    report: Annotated[Path | None, typer.Option(help="Write what was done and skipped to this JSON file.")] = None,
    strict: Annotated[bool, typer.Option(help="Exit with 1 if any photo was skipped.")] = False,
    thumbnails: Annotated[bool, typer.Option(help="Keep small pictures for pages and explanations.")] = True,
    workers: Annotated[int | None, typer.Option(min=1, help="Threads; one per core if not given.")] = None,
) -> None:
    """Add photos with known positions to a gallery. Only new and changed photos are read."""
    from whence.locate.indexing import index
    from whence.photos import files

    interruptible()
    if report is not None:
        check_place("--report", report)
    with progress_bar() as bar:
        task = bar.add_task("reading", total=None, rate="")
        started = perf_counter()

        def show(progress: Progress) -> None:
            rate = f"{progress.done / max(perf_counter() - started, 1e-6):.1f}/s"
            words = {"photos": "indexing", "learning": "learning a vocabulary"}[progress.stage]
            bar.update(task, completed=progress.done, total=progress.total, rate=rate, description=words)

        done = index(
            source,
            gallery,
            recipe=recipe,
            crs=crs,
            tolerance_m=tolerance,
            thumbnails=thumbnails,
            workers=workers,
            progress=show,
        )
    _print(done)
    if report is not None:
        try:
            files.write(report, (json.dumps(_as_json(done), indent=1) + "\n").encode())
        except OSError as error:
            raise InputError(f"--report {report} cannot be written: {error.strerror or error}") from error
    if done.interrupted:
        complain("interrupted; what was finished is kept, run the same command again to go on")
        raise typer.Exit(130)
    if done.total == 0:
        complain(
            f"no photo of {source} could be indexed; each needs a GPS position in its EXIF data, or a row in a CSV"
        )
        raise typer.Exit(1)
    if strict and done.skipped:
        raise typer.Exit(1)


def _print(done: IndexReport) -> None:
    for skipped in done.skipped[:_NAMED]:
        say(f"skipped {skipped.name}: {skipped.reason}")
    if len(done.skipped) > _NAMED:
        say(f"... and {len(done.skipped) - _NAMED:,} more skipped (name all with --report FILE)")
    parts = [f"{done.added:,} added"]
    parts += [f"{number:,} {what}" for number, what in _others(done) if number]
    read = done.added + done.changed
    rate = f", {read / done.seconds:.1f} photos/s" if read else ""
    say(f"{'; '.join(parts)}. {done.gallery}: {count(done.total, 'photo')} ({done.seconds:.1f} s{rate})")
    if done.learned:
        say("the gallery learned a vocabulary of its own from its photos")


def _others(done: IndexReport) -> list[tuple[int, str]]:
    return [
        (done.changed, "changed"),
        (done.moved, "moved"),
        (done.unchanged, "unchanged"),
        (len(done.skipped), "skipped"),
    ]


def _as_json(done: IndexReport) -> dict[str, object]:
    return {
        "gallery": str(done.gallery),
        "added": done.added,
        "changed": done.changed,
        "moved": done.moved,
        "unchanged": done.unchanged,
        "total": done.total,
        "seconds": round(done.seconds, 3),
        "interrupted": done.interrupted,
        "skipped": [{"path": skipped.name, "reason": skipped.reason} for skipped in done.skipped],
    }

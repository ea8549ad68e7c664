"""``whence locate``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from whence.cli import interruptible
from whence.cli.console import check_place, complain, progress_bar

if TYPE_CHECKING:
    from whence.locate.locator import Answer, Locator
    from whence.present.evidence import Evidence

NAME = "locate"
_EXPLAINED = 4
"""Matches shown per photo."""


def command(
    photos: Annotated[list[str], typer.Argument(help="Photos, folders of photos, or CSV files with a path column.")],
    gallery: Annotated[Path, typer.Option(help="Folder of the gallery.")],
    recipe: Annotated[str | None, typer.Option(help="Another recipe that describes photos in the same way.")] = None,
    tolerance: Annotated[float | None, typer.Option(help="An error of so many metres still counts as right.")] = None,
    candidates: Annotated[int, typer.Option(min=1, help="Name at most so many gallery photos per answer.")] = 20,
    format: Annotated[str, typer.Option(help="table, jsonl or geojson.")] = "table",
    explain: Annotated[
        Path | None, typer.Option(help="Write the evidence to this .html (or, for one photo, .png) file.")
    ] = None,
    private: Annotated[bool, typer.Option(help="Do not name gallery photos.")] = False,
    workers: Annotated[int | None, typer.Option(min=1, help="Threads; one per core if not given.")] = None,
) -> None:
    """Say where photos were taken. Their own GPS positions are not looked at."""
    from whence.gallery.gallery import Gallery
    from whence.locate.locator import Locator
    from whence.photos.queries import queries
    from whence.present.explain import check_suffix, write_explanation
    from whence.present.formats import writer
    from whence.types import Status

    interruptible()
    named = queries(photos)
    if explain is not None:
        check_suffix(explain, len(named))
        check_place("--explain", explain)
    opened = Gallery.open(gallery)
    locator = Locator(opened, recipe=recipe, tolerance_m=tolerance, candidates=candidates, workers=workers)
    evidence: list[Evidence] = []
    failed = 0
    with writer(format, sys.stdout, crs=opened.settings.crs, private=private) as out:
        for answer in _watched(locator, named):
            out.write(answer.location)
            if answer.location.status is Status.FAILED:
                failed += 1
                if format != "table":  # which has the reason itself
                    complain(f"{answer.location.path}: {answer.location.error}")
            if explain is not None:
                evidence.append(_evidence(answer, locator))
    if explain is not None:
        positions = [photo.position for photo in opened.photos]
        write_explanation(explain, evidence, gallery=positions, tolerance_m=locator.tolerance_m, private=private)
    if failed:
        raise typer.Exit(1)


def _watched(locator: Locator, named: list[tuple[str, Path]]) -> Iterator[Answer]:
    """Answers, with a progress bar on stderr where results do not go to the same terminal."""
    if sys.stdout.isatty() or len(named) < 2:
        yield from locator.answers(named)
        return
    with progress_bar() as bar:
        task = bar.add_task("locating", total=len(named), rate="")
        for answer in locator.answers(named):
            yield answer
            bar.advance(task)


def _evidence(answer: Answer, locator: Locator) -> Evidence:
    from whence.locate.evidence import evidence_of
    from whence.present.evidence import Evidence, MatchView

    query, matched = evidence_of(answer, locator, _EXPLAINED)
    return Evidence(query, answer.location, [MatchView(*parts) for parts in matched])

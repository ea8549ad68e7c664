"""``whence tag``."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from whence.cli import interruptible
from whence.cli.console import complain, count, progress_bar, say
from whence.errors import InputError

if TYPE_CHECKING:
    from whence.locate.tagging import Tagged

NAME = "tag"


def command(
    photos: Annotated[
        list[str] | None, typer.Argument(help="Photos, folders of photos, or CSV files with a path column.")
    ] = None,
    gallery: Annotated[str | None, typer.Option(help="Folder of the gallery, or s3://bucket/folder.")] = None,
    write: Annotated[bool, typer.Option("--write", help="Write; without it, only say what would be written.")] = False,
    min_confidence: Annotated[float, typer.Option(help="Only answers that are located, and at least so sure.")] = 0.8,
    sidecars: Annotated[bool, typer.Option("--sidecars", help="Change no photo; write XMP files beside them.")] = False,
    recipe: Annotated[str | None, typer.Option(help="Another recipe that describes photos in the same way.")] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Take back what the last run wrote, or --journal.")] = False,
    journal: Annotated[
        Path | None, typer.Option(help="File that says how to take it all back; one in your own folder if not given.")
    ] = None,
    format: Annotated[str, typer.Option(help="table or jsonl.")] = "table",
    workers: Annotated[int | None, typer.Option(min=1, help="Threads; one per core if not given.")] = None,
) -> None:
    """Write estimated positions into photos that have none. A trial run unless --write is given."""
    if format not in ("table", "jsonl"):
        raise InputError(f"--format {format}: expected table or jsonl")
    interruptible()
    if undo:
        if photos or gallery is not None or write:
            raise InputError("--undo takes back what a journal says; leave out photos, --gallery and --write")
        _undo(journal)
        return
    if not photos or gallery is None:
        raise InputError("expected photos and --gallery DIR, or --undo")
    _tag(photos, gallery, write, min_confidence, sidecars, recipe, journal, format, workers)


def _tag(
    photos: list[str],
    gallery: str,
    write: bool,
    min_confidence: float,
    sidecars: bool,
    recipe: str | None,
    journal: Path | None,
    format: str,
    workers: int | None,
) -> None:
    from whence.gallery.gallery import Gallery
    from whence.locate.locator import Locator
    from whence.locate.tagging import Outcome, Tagger
    from whence.photos.queries import queries
    from whence.photos.writing.journal import Journal

    asked = queries(photos)
    kept = Journal(journal) if write else None
    locator = Locator(Gallery.open(gallery), recipe=recipe, workers=workers)
    tagger = Tagger(locator, min_confidence=min_confidence, beside=sidecars, journal=kept)
    counts = dict.fromkeys(Outcome, 0)
    wide = max(len(photo.name) for photo in asked)
    try:
        with progress_bar() as bar:
            task = bar.add_task("locating", total=len(asked), rate="")
            for found in tagger.tag(asked):
                counts[found.outcome] += 1
                bar.advance(task)
                typer.echo(_line(found, write, wide) if format == "table" else json.dumps(_as_json(found, write)))
    finally:
        _sum_up(counts, kept.path if kept is not None and kept.path.exists() else None, write)
    if counts[Outcome.FAILED]:
        raise typer.Exit(1)


def _line(found: Tagged, write: bool, wide: int) -> str:
    from whence.locate.tagging import Outcome
    from whence.present.words import length, percent, place, printable

    told = found.location
    where = [] if told is None or told.position is None else [place(told.position), length(told.radius_m)]
    if where and told is not None:
        where.append(percent(told.confidence))
    what = str(found.outcome)
    if found.outcome is Outcome.WRITTEN:
        what = f"{'written into' if write else 'would be written into'} {', '.join(map(printable, found.into))}"
    reason = f" ({printable(found.reason)})" if found.reason else ""
    return "  ".join([printable(found.path).ljust(min(wide, 60)), *where, what + reason])


def _as_json(found: Tagged, write: bool) -> dict[str, Any]:
    from whence.present.answers import to_dict

    told = None if found.location is None else to_dict(found.location)
    keys = ("status", "position", "radius_m", "confidence", "heading_deg")
    return {
        "path": found.path,
        "outcome": str(found.outcome),
        "dry_run": not write,
        "into": list(found.into),
        "reason": found.reason,
        **(dict.fromkeys(keys) if told is None else {key: told[key] for key in keys}),
    }


def _sum_up(counts: dict[Any, int], journal: Path | None, write: bool) -> None:
    from whence.locate.tagging import Outcome

    done = count(counts[Outcome.WRITTEN], "photo")
    others = ", ".join(f"{number:,} {outcome}" for outcome, number in counts.items() if number and outcome != "written")
    rest = f"; {others}" if others else ""
    if not write:
        say(f"{done} would get a position{rest}; nothing was written: add --write")
    else:
        back = f"; to take it back: whence tag --undo --journal {journal}" if journal is not None else ""
        say(f"{done} got a position{rest}{back}")


def _undo(journal: Path | None) -> None:
    from whence.photos.files import state_of
    from whence.photos.writing.journal import newest, undo

    path = journal or newest()
    state = state_of(path)
    date = f", of {datetime.fromtimestamp(state[1] / 1e9).astimezone():%Y-%m-%d %H:%M}" if state else ""
    restored = left = 0
    for found in undo(path):
        if not restored and not left:
            say(f"taking back what {path} tells{date}")
        if found.problem:
            left += 1
            complain(f"{found.path}: {found.problem}")
        else:
            restored += 1
    done = f"{count(restored, 'file')} as before"
    if left:
        on = f"undo it again, or rename it to {path.name}.kept, and --undo goes on with the run before"
        say(f"{done}, {left:,} left as they are; {path} stays: {on}")
        raise typer.Exit(1)
    say(done)

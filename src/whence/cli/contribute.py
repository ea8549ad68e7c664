"""``whence contribute``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from whence.cli import interruptible
from whence.cli.console import count, progress_bar, say
from whence.errors import InputError

if TYPE_CHECKING:
    from whence.gallery.quarantine import Contribution

NAME = "contribute"
_FORMATS = ("table", "jsonl")


def command(
    gallery: Annotated[str, typer.Option(help="Folder of the gallery, or s3://bucket/folder.")],
    photos: Annotated[
        list[Path] | None, typer.Argument(help="Photos with positions, folders of them, or CSV with path and position.")
    ] = None,
    review: Annotated[bool, typer.Option("--review", help="List what waits for a person's decision.")] = False,
    admit: Annotated[
        list[str] | None,
        typer.Option(help="Contribution to index, by its id as --review lists it. Repeatable."),
    ] = None,
    refuse: Annotated[
        list[str] | None, typer.Option(help="Contribution to turn down, named likewise. Repeatable.")
    ] = None,
    form: Annotated[str, typer.Option("--format", help="Of stdout: table or jsonl.")] = "table",
    workers: Annotated[int | None, typer.Option(min=1, help="Threads; one per core if not given.")] = None,
) -> None:
    """Bring photos to a gallery: they are audited against it, then admitted, refused or kept for review.

    Until they are admitted they lie in quarantine: no search looks at them, and they are no evidence for anything.
    """
    from whence.audit.contributing import contribute, waiting
    from whence.audit.contributing import review as decide

    if form not in _FORMATS:
        raise InputError(f"--format {form}: expected one of {', '.join(_FORMATS)}")
    if (admit or refuse) and not review:
        raise InputError("--admit and --refuse decide on what waits; add --review")
    if bool(photos) == review:
        raise InputError("name photos to bring, or --review to see what waits")
    interruptible()
    if review:
        found = (
            decide(gallery, admit=admit or (), refuse=refuse or (), workers=workers)
            if admit or refuse
            else waiting(gallery)
        )
    else:
        with progress_bar() as bar:
            task = bar.add_task("auditing", total=None, rate="")

            def show(done: int, total: int) -> None:
                bar.update(task, completed=done, total=total)

            found = contribute(photos or (), gallery, workers=workers, progress=show)
    _print(found, form)
    tally: dict[str, int] = {}
    for one in found:
        tally[one.verdict.value] = tally.get(one.verdict.value, 0) + 1
    say(f"{count(len(found), 'photo')}" + "".join(f"; {number} {verdict}" for verdict, number in tally.items()))
    if any(not one.id for one in found):
        raise typer.Exit(1)


def _print(found: list[Contribution], form: str) -> None:
    from whence.gallery.quarantine import Verdict
    from whence.present.words import printable

    for one in found:
        name = one.name if one.verdict is Verdict.REVIEW else one.id[:12]
        if form == "jsonl":
            said = {
                "id": one.id or None,
                "version": one.version if one.id else None,
                "path": one.path.encode("utf-8", "backslashreplace").decode(),
                "verdict": one.verdict.value,
                "reason": one.reason,
                "off_m": one.off_m and round(one.off_m, 3),
                "witnesses": [path.encode("utf-8", "backslashreplace").decode() for path in one.witnesses],
            }
            typer.echo(json.dumps(said, ensure_ascii=False, allow_nan=False))
        else:
            typer.echo(f"{one.verdict.value:<9} {name or '-':<19}  {printable(one.path)}: {printable(one.reason)}")

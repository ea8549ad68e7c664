"""``whence repair``."""

from __future__ import annotations

import json
import shlex
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from whence.cli.console import count, say
from whence.errors import InputError

if TYPE_CHECKING:
    from whence.gallery.repair import Findings

NAME = "repair"
_NAMED = 20


def command(
    gallery: Annotated[str, typer.Argument(help="Folder of the gallery.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what is damaged; change nothing.")] = False,
    format: Annotated[str, typer.Option(help="table or json.")] = "table",
) -> None:
    """Read all of a gallery, take out what is damaged, and make anew what can be. Exits with 1 if photos were lost."""
    from whence.locate.repairing import check, repair

    if format not in ("table", "json"):
        raise InputError(f"--format {format}: expected table or json")
    found = check(gallery) if dry_run else repair(gallery, tell=lambda stage: say(f"{stage}..."))
    if format == "json":
        typer.echo(json.dumps({**asdict(found), "repaired": not dry_run}, indent=1))
    else:
        _print(gallery, found, dry_run)
    if found.lost or found.nameless or found.forgotten or (dry_run and not found.is_whole):
        raise typer.Exit(1)


def _print(gallery: str, found: Findings, dry_run: bool) -> None:
    from whence.present.words import printable

    if found.is_whole:
        typer.echo(f"{gallery}: {count(found.photos, 'photo')}, all whole")
        return
    for line in found.damage:
        typer.echo(printable(line))
    for path in found.lost[:_NAMED]:
        typer.echo(f"lost: {printable(path)}")
    rest = len(found.lost) - _NAMED
    if rest > 0:
        typer.echo(f"lost: {rest:,} more (--format json names all)")
    if found.nameless:
        typer.echo(f"lost: {count(found.nameless, 'photo')} whose names cannot be read")
    if found.restored:
        typer.echo(f"{count(found.restored, 'photo')} as an older version had them")
    again = found.lost or found.nameless or found.forgotten
    if dry_run:
        typer.echo(f"{count(found.photos, 'photo')} can be kept: whence repair {shlex.quote(gallery)}")
        return
    typer.echo(f"{gallery}: repaired, {count(found.photos, 'photo')}")
    if found.aside:
        typer.echo(f"what was damaged lies in {printable(found.aside)}; remove it once all is well")
    for source in found.sources if again else ():
        typer.echo(f"to get back what is lost: whence index {shlex.quote(source)} --gallery {shlex.quote(gallery)}")

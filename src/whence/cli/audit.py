"""``whence audit``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from whence.cli import interruptible
from whence.cli.console import check_place, count, progress_bar, say
from whence.errors import InputError

if TYPE_CHECKING:
    from whence.audit.model import Audit
    from whence.gallery.storage import Storage

NAME = "audit"


def command(
    gallery: Annotated[str, typer.Argument(help="Folder of the gallery, or s3://bucket/folder.")],
    out: Annotated[Path | None, typer.Option(help="Folder for the page and the list in all formats.")] = None,
    form: Annotated[str, typer.Option("--format", help="Of stdout: table, jsonl, geojson or csv.")] = "table",
    fix: Annotated[
        Path | None, typer.Option(help="Write suggested positions to this new CSV; never overwrites anything.")
    ] = None,
    least: Annotated[float, typer.Option(help="Probability from which on a pin is called wrong.")] = 0.5,
    most: Annotated[int, typer.Option(min=1, help="Suspects at most.")] = 200,
    workers: Annotated[int | None, typer.Option(min=1, help="Threads; one per core if not given.")] = None,
) -> None:
    """Look for wrong pins: odd ones, and photos that match others far away. Changes nothing.

    Suspects come ranked by the probability that their pin is wrong, with the evidence and, where the gallery tells, the
    position where they belong. What --fix writes is read by `whence index FILE.csv --gallery GALLERY`.
    """
    from whence.audit.auditing import audit
    from whence.audit.formats import FORMATS, check_format, summary, to_text, write_fixes
    from whence.audit.page import audit_page
    from whence.gallery.gallery import Gallery
    from whence.present.page import save
    from whence.types import Crs

    if not 0 < least < 1:
        raise InputError(f"--least {least:g}: expected a probability between 0 and 1")
    opened = Gallery.open(gallery)
    check_format(form, opened.settings.crs)
    if fix is not None:
        check_place("--fix", fix, (), "audit")
        if fix.exists():
            raise InputError(f"--fix {fix} is there already, and nothing is ever overwritten; name a new file")
    if out is not None:
        _make(out, opened.folder)
    interruptible()
    with progress_bar() as bar:
        tasks: dict[str, object] = {}

        def show(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bar.add_task(stage, total=total, rate="")
            bar.update(tasks[stage], completed=done, total=total)  # type: ignore[arg-type]

        found: Audit = audit(opened, most=most, workers=workers, progress=show)
    typer.echo(to_text(found, form), nl=False)
    for line in summary(found, least):
        say(line)
    if out is not None:
        for name in FORMATS[1:]:
            if name != "geojson" or opened.settings.crs is Crs.WGS84:
                save(out / f"audit.{name}", to_text(found, name))
        save(out / "audit.html", audit_page(found, least))
        say(f"the evidence is in {out / 'audit.html'}")
    if fix is not None:
        written = write_fixes(found, fix, least)
        if written:
            say(f"{count(written, 'position')} written to {fix}; to use them: whence index {fix} --gallery {gallery}")
        else:
            say(f"no position to correct: {fix} is not written")


def _make(out: Path, gallery: Storage) -> None:
    if gallery.holds(out):
        raise InputError(f"--out {out} lies in the gallery; name another folder")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--out {out} cannot be made: {error.strerror or error}") from error

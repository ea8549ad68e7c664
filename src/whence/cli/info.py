"""``whence info``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from whence.errors import InputError

if TYPE_CHECKING:
    from whence.gallery.gallery import Gallery

NAME = "info"


def command(
    gallery: Annotated[str, typer.Argument(help="Folder of the gallery, or s3://bucket/folder; or folder of a model.")],
    format: Annotated[str, typer.Option(help="table or json.")] = "table",
) -> None:
    """Show what a gallery holds, or what a trained model tells apart."""
    from whence.direct.model import is_model
    from whence.gallery.gallery import Gallery
    from whence.gallery.storage import is_address
    from whence.gallery.summary import summary
    from whence.locate.tried import expected_of
    from whence.present.words import printable

    if format not in ("table", "json"):
        raise InputError(f"--format {format}: expected table or json")
    if not is_address(gallery) and is_model(Path(gallery)):
        _tell_model(Path(gallery), format)
        return
    opened = Gallery.open(gallery)
    facts = summary(opened)
    if (down := _y_down(opened)) is not None:
        facts["y_points"] = "down" if down else "up"
    expected = expected_of(opened)
    if format == "json":
        typer.echo(json.dumps({**facts, "expected": expected}, indent=1))
        return
    if expected is not None:
        facts["expected"] = (
            f"{expected['within_tolerance'] * 10:.0f} of 10 photos within {opened.settings.tolerance_m:g} m; unsure "
            f"about {expected['unsure'] * 10:.0f} of 10 ({expected['asked']} of its own photos, asked as if their "
            "place were not there)"
        )
        if expected["strangers"]:
            facts["expected"] += f"; of {expected['strangers']} photos of places unknown to it, {_taken(expected)}"
    for key, value in facts.items():
        typer.echo(f"{key.replace('_', ' '):18} {printable(_words(value))}")


def _tell_model(folder: Path, format: str) -> None:
    from whence.direct.model import Model
    from whence.present.words import printable

    facts = Model.load(folder).facts()
    if format == "json":
        typer.echo(json.dumps(facts, indent=1))
        return
    for key, value in facts.items():
        typer.echo(f"{key.replace('_', ' '):18} {printable(_words(value))}")


def _y_down(gallery: Gallery) -> bool | None:
    """Whether y of a plan points down, as the gallery's photos tell; None where they do not."""
    from whence.locate.pipeline import recipe_of
    from whence.locate.tried import trials_of

    trials = trials_of(gallery, recipe_of(gallery.settings))
    return None if trials is None else trials.y_down


def _taken(expected: dict[str, float]) -> str:
    count = expected["strangers_located"]
    return "none would be taken for located" if not count else f"{count} would be taken for located"


def _words(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_words(part)}" for key, part in value.items()) or "-"
    if isinstance(value, float):
        return f"{value:,.7g}"
    return f"{value:,}" if isinstance(value, int) else str(value)

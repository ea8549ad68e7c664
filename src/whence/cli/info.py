"""``whence info``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from whence.errors import InputError

NAME = "info"


def command(
    gallery: Annotated[Path, typer.Argument(help="Folder of the gallery.")],
    format: Annotated[str, typer.Option(help="table or json.")] = "table",
) -> None:
    """Show what a gallery holds: photos, extent, models, size."""
    from whence.gallery.gallery import Gallery
    from whence.gallery.summary import summary
    from whence.present.words import printable

    if format not in ("table", "json"):
        raise InputError(f"--format {format}: expected table or json")
    facts = summary(Gallery.open(gallery))
    if format == "json":
        typer.echo(json.dumps(facts, indent=1))
        return
    for key, value in facts.items():
        typer.echo(f"{key.replace('_', ' '):18} {printable(_words(value))}")


def _words(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_words(part)}" for key, part in value.items()) or "-"
    if isinstance(value, float):
        return f"{value:,.7g}"
    return f"{value:,}" if isinstance(value, int) else str(value)

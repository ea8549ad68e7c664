"""``whence datasets``."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from whence.errors import InputError

NAME = "datasets"


def command(
    format: Annotated[str, typer.Option(help="table or json.")] = "table",
) -> None:
    """List the data sets whose layout whence knows: what they hold, and where they are to be had."""
    from whence.photos.datasets import known

    if format not in ("table", "json"):
        raise InputError(f"--format {format}: expected table or json")
    if format == "json":
        typer.echo(json.dumps([{**asdict(dataset), "example": dataset.example} for dataset in known()], indent=1))
        return
    for dataset in known():
        typer.echo(f"{dataset.name:14} {dataset.title}")
        facts = {
            "layout": dataset.layout,
            "parts": ", ".join(dataset.parts),
            "holds": dataset.holds,
            "terms": dataset.terms or "none stated",
            "from": " or ".join(dataset.where),
            "folder": dataset.tree,
            "note": dataset.note,
            "example": dataset.example,
        }
        for word, fact in facts.items():
            if fact:
                typer.echo(f"  {word:12} {fact}")

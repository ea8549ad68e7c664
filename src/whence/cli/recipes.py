"""``whence recipes``."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from whence.errors import InputError

NAME = "recipes"


def command(
    format: Annotated[str, typer.Option(help="table or json.")] = "table",
) -> None:
    """List the recipes that come with whence."""
    from whence.recipes import load_recipe, recipe_names

    if format not in ("table", "json"):
        raise InputError(f"--format {format}: expected table or json")
    recipes = [load_recipe(name) for name in recipe_names()]
    if format == "json":
        listed = [
            {"name": recipe.name, "summary": recipe.summary, "hash": recipe.hash, **recipe.sections}
            for recipe in recipes
        ]
        typer.echo(json.dumps(listed, indent=1))
        return
    for recipe in recipes:
        typer.echo(f"{recipe.name:12} {recipe.summary}")

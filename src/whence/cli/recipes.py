"""``whence recipes``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from whence.errors import InputError

if TYPE_CHECKING:
    from whence.recipes import Recipe

NAME = "recipes"
_WIDTH = 100


def command(
    format: Annotated[str, typer.Option(help="table or json.")] = "table",
) -> None:
    """List the recipes that come with whence."""
    from whence.recipes.listing import listed, shipped

    if format not in ("table", "json"):
        raise InputError(f"--format {format}: expected table or json")
    recipes = shipped()
    if format == "json":
        typer.echo(json.dumps(listed(recipes), indent=1))
        return
    for recipe in recipes:
        for line in _lines(recipe):
            typer.echo(line)


def _lines(recipe: Recipe) -> Iterator[str]:
    """One recipe for people."""
    yield from _wrapped(f"{recipe.name:17} ", recipe.summary)
    source = recipe.source
    facts = {
        "gallery": _gallery(recipe),
        "needs": "; ".join(
            [f"pip install 'whence[{extra}]'" for extra in recipe.needs]
            + [f"whence models download {name}" for name in recipe.models]
        ),
        "source": "" if source is None else "; ".join(filter(None, (source.title, source.where))),
        "reported": "" if source is None else source.reported,
        "differs": "" if source is None else source.differs,
    }
    for word, fact in facts.items():
        if fact:
            yield from _wrapped(f"  {word:15} ", fact)


def _gallery(recipe: Recipe) -> str:
    from whence.recipes import load_recipe
    from whence.recipes.listing import STANDARD, other_sections

    if recipe.sections["estimate"]:
        return f"none: whence train {recipe.name} --database PHOTOS --out DIR, and whence locate --model DIR"
    if recipe.name == STANDARD:
        return "made by it unless another recipe is named"
    other = other_sections(recipe, load_recipe(STANDARD))
    if not other:
        return f"any made by {STANDARD}"
    return f"one of its own: {', '.join(f'[{name}]' for name in other)} are not as in {STANDARD}"


def _wrapped(start: str, text: str) -> list[str]:
    import textwrap

    return textwrap.wrap(text, _WIDTH, initial_indent=start, subsequent_indent=" " * len(start), break_on_hyphens=False)

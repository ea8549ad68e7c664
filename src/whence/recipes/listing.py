"""The recipes that come with whence, told in full: what each needs, and whose galleries it can use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from whence.recipes.recipe import INDEXING, Recipe, load_recipe, recipe_names

STANDARD = "default"
"""The recipe that galleries are compared with."""


def shipped() -> list[Recipe]:
    """All of them, the standard one first, then by name."""
    return [load_recipe(name) for name in sorted(recipe_names(), key=lambda name: name != STANDARD)]


def other_sections(recipe: Recipe, standard: Recipe) -> tuple[str, ...]:
    """Sections that keep a recipe from using a gallery made by another; none if it can."""
    return tuple(name for name in INDEXING if recipe.sections[name] != standard.sections[name])


def listed(recipes: Sequence[Recipe]) -> list[dict[str, Any]]:
    """Recipes as plain data for JSON.

    ``shares_gallery_with`` names those of the list that can use the same gallery; ``differs_from_default`` the
    sections that would have to be as in ``default`` for sharing its gallery. Options that are not named have their
    defaults.
    """
    standard = load_recipe(STANDARD)
    return [
        {
            "name": recipe.name,
            "summary": recipe.summary,
            "hash": recipe.hash,
            "indexing_hash": recipe.indexing_hash,
            "shares_gallery_with": [
                other.name
                for other in recipes
                if other is not recipe
                and other.indexing_hash == recipe.indexing_hash
                and not (recipe.sections["estimate"] or other.sections["estimate"])
            ],
            "differs_from_default": list(other_sections(recipe, standard)),
            "needs": list(recipe.needs),
            "models": list(recipe.models),
            "source": None if recipe.source is None else asdict(recipe.source),
            **recipe.sections,
        }
        for recipe in recipes
    ]

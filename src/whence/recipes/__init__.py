"""Named pipelines as data (TOML), and the strict reading of their options."""

from whence.recipes.options import build, method_of, options_from, value_from
from whence.recipes.recipe import INDEXING, SECTIONS, Published, Recipe, load_recipe, recipe_names

__all__ = [
    "INDEXING",
    "SECTIONS",
    "Published",
    "Recipe",
    "build",
    "load_recipe",
    "method_of",
    "options_from",
    "recipe_names",
    "value_from",
]

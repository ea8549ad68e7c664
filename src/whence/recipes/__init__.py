"""Named pipelines as data (TOML), and the strict reading of their options."""

from whence.recipes.options import build, options_from
from whence.recipes.recipe import SECTIONS, Recipe, load_recipe, recipe_names

__all__ = ["SECTIONS", "Recipe", "build", "load_recipe", "options_from", "recipe_names"]

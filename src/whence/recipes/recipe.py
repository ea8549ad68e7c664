"""Recipes: which method does each stage, with which options."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from whence.errors import RecipeError

SECTIONS = ("photos", "features", "describe", "match", "verify", "locate")


@dataclass(frozen=True, slots=True)
class Recipe:
    """A named pipeline. Each section is checked by the stage that owns it.

    Attributes:
        name: As listed by ``recipe_names``, or the stem of a file.
        summary: One sentence.
        sections: Options per stage.
    """

    name: str
    summary: str
    sections: Mapping[str, Mapping[str, Any]] = field(hash=False)

    @property
    def hash(self) -> str:
        """Ten hexadecimal digits over all options."""
        return hashlib.blake2b(json.dumps(self.sections, sort_keys=True).encode(), digest_size=5).hexdigest()


def recipe_names() -> list[str]:
    """Recipes that come with whence."""
    folder = files("whence.recipes").joinpath("data")
    return sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))


def load_recipe(name: str) -> Recipe:
    """A shipped recipe by its name, or one of the user's by its path.

    Raises:
        RecipeError: Neither, or not a recipe.
    """
    if name in recipe_names():
        text = files("whence.recipes").joinpath("data", f"{name}.toml").read_text("utf-8")
        return _parse(name, text)
    path = Path(name)
    if path.suffix.lower() != ".toml":
        raise RecipeError(f"no recipe {name!r}; expected one of {', '.join(recipe_names())}, or a .toml file")
    try:
        return _parse(path.stem, path.read_text("utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"recipe {name} cannot be read: {getattr(error, 'strerror', None) or error}") from error


def _parse(name: str, text: str) -> Recipe:
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"recipe {name} is not TOML: {error}") from error
    summary = str(data.pop("summary", ""))
    for key, value in data.items():
        if key not in SECTIONS or not isinstance(value, dict):
            raise RecipeError(f"recipe {name} has no section [{key}]; expected {', '.join(SECTIONS)}")
    return Recipe(name, summary, {section: dict(data.get(section, {})) for section in SECTIONS})

"""Recipes: which method does each stage, with which options."""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from whence.errors import RecipeError
from whence.recipes.options import options_from
from whence.recipes.tables import read_toml

SECTIONS = (
    "photos",
    "features",
    "describe",
    "prior",
    "retrieve",
    "prerank",
    "match",
    "verify",
    "locate",
    "target",
    "estimate",
    "confidence",
    "train",
)
_LATER = ("prior", "prerank", "target", "estimate", "train")
_LISTS = {"needs": "extras", "models": "models"}
INDEXING = ("photos", "features", "describe")
"""Sections that decide what a gallery holds: recipes that agree in them can share one."""


@dataclass(frozen=True, slots=True)
class Published:
    """Section ``[source]``: where a method comes from.

    Attributes:
        title: Of the paper or report.
        where: Section, table or figure that describes it or reports its result.
        reported: What was reported there.
        differs: What this recipe does otherwise.
    """

    title: str
    where: str = ""
    reported: str = ""
    differs: str = ""


@dataclass(frozen=True, slots=True)
class Recipe:
    """A named pipeline. Each section is checked by the stage that owns it.

    Attributes:
        name: As listed by ``recipe_names``, or the stem of a file.
        summary: One sentence.
        sections: Options per stage.
        needs: Extras that it takes.
        models: That have to be downloaded for it.
        source: Where it was published, if it was.
    """

    name: str
    summary: str
    sections: Mapping[str, Mapping[str, Any]] = field(hash=False)
    needs: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    source: Published | None = None

    @property
    def hash(self) -> str:
        """Ten hexadecimal digits over all options."""
        return _digest(self.sections)

    @property
    def asking_hash(self) -> str:
        """The same over the sections that decide what is answered, given what a gallery holds."""
        apart = (*INDEXING, "prior", "confidence", "train")
        asked = {name: self.sections.get(name, {}) for name in SECTIONS if name not in apart}
        return _digest({**asked, "certain_after": self.sections["confidence"].get("certain_after", 0)})

    @property
    def indexing_hash(self) -> str:
        """The same over the sections that decide what a gallery holds."""
        return _digest({name: self.sections[name] for name in INDEXING})


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
        near = difflib.get_close_matches(name, recipe_names(), n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"expected one of {', '.join(recipe_names())}"
        raise RecipeError(f"no recipe {name!r}; {hint} (or name a .toml file)")
    try:
        return _parse(path.stem, path.read_text("utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"recipe {name} cannot be read: {getattr(error, 'strerror', None) or error}") from error


def _parse(name: str, text: str) -> Recipe:
    try:
        data = read_toml(text)
    except ValueError as error:
        raise RecipeError(f"recipe {name} is not TOML: {error}") from error
    summary, source = data.pop("summary", ""), data.pop("source", None)
    if not isinstance(summary, str):
        raise RecipeError(f"recipe {name}: summary = {summary!r}: expected one sentence in quotes")
    needs, models = (_names(name, key, data.pop(key, [])) for key in ("needs", "models"))
    for key, value in data.items():
        if key not in SECTIONS or not isinstance(value, dict):
            near = difflib.get_close_matches(key, SECTIONS, n=1)
            hint = f"did you mean [{near[0]}]?" if near else f"expected {', '.join(SECTIONS)}"
            raise RecipeError(f"recipe {name} has no section [{key}]; {hint}")
    sections = {section: dict(data.get(section, {})) for section in SECTIONS}
    return Recipe(name, summary, sections, needs, models, _source(name, source))


def _names(name: str, key: str, said: Any) -> tuple[str, ...]:
    if not isinstance(said, list) or not all(isinstance(one, str) for one in said):
        raise RecipeError(f"recipe {name}: {key} = {said!r}: expected a list of names of {_LISTS[key]}")
    return tuple(said)


def _source(name: str, said: Any) -> Published | None:
    if said is None:
        return None
    if not isinstance(said, dict) or "title" not in said:
        raise RecipeError(f"recipe {name}: [source] names no title")
    return options_from(Published, "source", said)


def _digest(sections: Mapping[str, Any]) -> str:
    # a section that came later says nothing where it is empty: recipes and galleries keep the digest they had
    sections = {name: section for name, section in sections.items() if section or name not in _LATER}
    return hashlib.blake2b(json.dumps(sections, sort_keys=True).encode(), digest_size=5).hexdigest()

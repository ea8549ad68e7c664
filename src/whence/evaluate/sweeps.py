"""Variants of a recipe: one option, several values."""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from whence.errors import InputError, RecipeError
from whence.evaluate.model import suffix
from whence.recipes import SECTIONS, Recipe, value_from


@dataclass(frozen=True, slots=True)
class Sweep:
    """An option and the values that it takes in turn.

    Attributes:
        section: Of the recipe.
        key: Of the option.
        values: As TOML reads them.
    """

    section: str
    key: str
    values: tuple[Any, ...]

    @classmethod
    def parse(cls, said: str) -> Sweep:
        """``retrieve.top_k=10,50,100``.

        Raises:
            InputError: Something else.
        """
        name, equals, values = said.partition("=")
        section, dot, key = name.strip().partition(".")
        if not (equals and dot and key and values.strip()):
            raise InputError(f"--sweep {said}: expected section.option=value,value such as retrieve.top_k=10,50,100")
        if section not in SECTIONS:
            near = difflib.get_close_matches(section, SECTIONS, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"expected one of {', '.join(SECTIONS)}"
            raise RecipeError(f"--sweep {said}: a recipe has no section {section!r}; {hint}")
        found = tuple(value_from(part.strip()) for part in values.split(","))
        if len(set(map(repr, found))) < len(found):
            raise InputError(f"--sweep {said}: a value is named twice")
        return cls(section, key, found)


def variants(recipe: Recipe, sweeps: Sequence[Sweep]) -> list[tuple[Recipe, dict[str, Any]]]:
    """Every combination of the values, each with what was varied; the recipe itself without a sweep.

    Raises:
        InputError: An option is named twice.
    """
    names = [f"{sweep.section}.{sweep.key}" for sweep in sweeps]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"--sweep {twice} is given twice; put all its values into one: {twice}=value,value")
    found = []
    for chosen in itertools.product(*(sweep.values for sweep in sweeps)):
        sections = {name: dict(values) for name, values in recipe.sections.items()}
        varied: dict[str, Any] = {}
        for sweep, value in zip(sweeps, chosen, strict=True):
            if sweep.key == "method" and sections[sweep.section].get("method") != value:
                sections[sweep.section] = {}  # another method has other options
            sections[sweep.section][sweep.key] = value
            varied[f"{sweep.section}.{sweep.key}"] = value
        found.append((replace(recipe, name=recipe.name + suffix(varied), sections=sections), varied))
    return found

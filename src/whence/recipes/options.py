"""A section of a recipe to the frozen dataclass of the stage that owns it."""

from __future__ import annotations

import dataclasses
import difflib
import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, get_type_hints

from whence import plugins
from whence.errors import RecipeError
from whence.recipes.tables import read_toml

T = TypeVar("T")
_NUMBERS = ("layers", "dropout", "convolutions", "weight_decays")
"""Options that are numbers separated by commas."""
_TOO_LARGE = 2**63


def options_from(owner: type[T], section: str, values: Mapping[str, Any], also: Sequence[str] = ()) -> T:
    """An options dataclass from a section's values; what is not named keeps its default.

    Args:
        owner: The dataclass.
        section: Its name.
        values: Of the section.
        also: Other keys that the section may have, for what is said of a misspelt one.

    Raises:
        RecipeError: An unknown key (the nearest known one is named) or a value of another type.
    """
    hints = get_type_hints(owner)
    known = [*also, *(f.name for f in dataclasses.fields(owner))]  # type: ignore[arg-type]
    checked = {key: _checked(section, key, value, hints.get(key), known) for key, value in values.items()}
    return owner(**checked)


def build(group: str, section: str, values: Mapping[str, Any], also: Sequence[str] = ()) -> Any:
    """The registered method that a section names by ``method``, made with the section's other values."""
    made, options = method_of(group, section, values, also)
    return made(options)


def method_of(group: str, section: str, values: Mapping[str, Any], also: Sequence[str] = ()) -> tuple[Any, Any]:
    """The class that a section names by ``method``, and its options from the section's other values."""
    rest = dict(values)
    method = rest.pop("method", None)
    if not isinstance(method, str):
        raise RecipeError(f"[{section}] names no method; expected one of {', '.join(plugins.names(group))}")
    made = plugins.load(group, method)
    return made, options_from(made.options_type, section, rest, also)


def value_from(text: str) -> Any:
    """A value of a section as TOML has it, from a command line: there a word needs no quotes."""
    try:
        value = read_toml(f"value = {text}")["value"]
    except ValueError:
        return text
    return value if isinstance(value, str | int | float) else text


def _checked(section: str, key: str, value: Any, kind: Any, known: list[str]) -> Any:
    if kind is None:
        near = difflib.get_close_matches(key, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known) or 'none'}"
        raise RecipeError(f"[{section}] has no option {key!r}; {hint}")
    if isinstance(value, int) and abs(value) >= _TOO_LARGE:
        raise RecipeError(f"[{section}] {key}: the number has {len(str(abs(value)))} digits, which is too large")
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if kind is str and key in _NUMBERS and type(value) in (int, float):
        value = str(value)  # a list of numbers that has one
    if type(value) is not kind:
        raise RecipeError(f"[{section}] {key} = {value!r}: expected {kind.__name__}")
    if kind in (int, float) and not (math.isfinite(value) and value >= (1 if kind is int else 0)):
        raise RecipeError(f"[{section}] {key} = {value!r}: expected a number from {1 if kind is int else 0} up")
    return value

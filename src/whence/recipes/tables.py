"""TOML of the user's: recipes, plans of networks, values on a command line."""

from __future__ import annotations

import tomllib
from typing import Any

_LONGEST = 16_384
"""Characters. Ten times the longest recipe that comes with whence; keys of many parts take time that grows by the
square."""


def read_toml(text: str) -> dict[str, Any]:
    """The tables.

    Raises:
        ValueError: It is not TOML, or longer or nested deeper than such files are.
    """
    if len(text) > _LONGEST:
        raise ValueError(f"it has {len(text):,} characters, expected at most {_LONGEST:,}")
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error

"""Writes docs/cli.md and docs/api.md from the code: ``python tools/reference.py``; with ``--check`` only compares.

The command line is read from the signatures of the commands, not from what ``--help`` prints: that is laid out anew by
every version of the libraries that print it.
"""

from __future__ import annotations

import enum
import inspect
import re
import sys
import types
import typing
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import whence

DOCS = Path(__file__).parents[1] / "docs"
_MADE = "<!-- Made by tools/reference.py; change the docstrings and help texts in the code instead. -->"
_HEADINGS = ("Args", "Attributes", "Example", "Raises", "Returns", "Yields")
_TYPES = {str: "TEXT", Path: "PATH", int: "N", float: "NUMBER"}


def main() -> None:
    """Writes both pages, or says which one is not up to date."""
    pages = {DOCS / "cli.md": command_line(), DOCS / "api.md": python()}
    stale = [page for page, text in pages.items() if not page.exists() or page.read_text("utf-8") != text]
    if sys.argv[1:] == ["--check"]:
        if stale:
            names = ", ".join(page.name for page in stale)
            sys.exit(f"not up to date: {names}; run: python tools/reference.py")
        return
    for page in stale:
        page.write_text(pages[page], "utf-8")


# --- Command line -----------------------------------------------------------------------------------------------------


def command_line() -> str:
    """The page about the commands, in the order of ``whence --help``."""
    from whence.cli.app import MODULES

    parts = ["# Command line", _MADE, _EXIT]
    for module in MODULES:
        parts += _command(module.NAME, module.command)
    return "\n\n".join(parts) + "\n"


_EXIT = (
    "Results go to stdout, everything else to stderr. Exit status: 0 everything was answered, 1 some of it failed, "
    "2 wrong usage or unusable input, 130 interrupted. `whence --version` prints the version."
)


def _command(name: str, command: Callable[..., Any]) -> Iterator[str]:
    yield f"## whence {name}"
    yield inspect.getdoc(command) or ""
    arguments, options = [], []
    hints = typing.get_type_hints(command, include_extras=True)
    for parameter in inspect.signature(command).parameters.values():
        kind, info = typing.get_args(hints[parameter.name])
        if type(info).__name__ == "ArgumentInfo":
            arguments.append((_argument(parameter, kind), info.help, _default(parameter.default)))
        else:
            options.append((_option(parameter, kind, info), info.help, _default(parameter.default)))
    words = " ".join(["whence", name, *(_plain(spelt) for spelt, _, _ in arguments), "[OPTIONS]"])
    yield f"```\n{words}\n```"
    for title, rows in (("argument", arguments), ("option", options)):
        if rows:
            yield "\n".join([f"| {title} | | default |", "|---|---|---|", *(_row(*row) for row in rows)])


def _plain(spelt: str) -> str:
    return spelt.strip("`")


def _argument(parameter: inspect.Parameter, kind: Any) -> str:
    many = "..." if _is_many(kind) else ""
    needed = parameter.default is inspect.Parameter.empty
    spelt = f"{parameter.name.upper()}{many}"
    return f"`{spelt if needed else f'[{spelt}]'}`"


def _option(parameter: inspect.Parameter, kind: Any, info: Any) -> str:
    plain = parameter.name.replace("_", "-")
    said = (info.default, *(info.param_decls or ()))  # inside Annotated, the first name stands where a default would
    named = [name for name in said if isinstance(name, str) and name.startswith("-")]
    names = named or [f"--{plain}"]
    if kind is bool:
        off = f" / --no-{plain}" if parameter.default is True and not named else ""
        return f"`{', '.join(names)}{off}`"
    return f"`{', '.join(names)} {info.metavar or _type(kind)}`" + (" …" if _is_many(kind) else "")


def _is_many(kind: Any) -> bool:
    return any(typing.get_origin(part) is list for part in (kind, *typing.get_args(kind)))


def _type(kind: Any) -> str:
    inner = [part for part in typing.get_args(kind) if part is not types.NoneType]
    return _type(inner[0]) if inner else _TYPES.get(kind, "TEXT")


def _default(value: Any) -> str:
    if value is inspect.Parameter.empty:
        return "required"
    if value is None or value is False or value == []:
        return ""
    return "on" if value is True else f"`{value}`"


def _row(spelt: str, help_text: str | None, default: str) -> str:
    return f"| {spelt.replace('|', chr(92) + '|')} | {(help_text or '').replace('|', chr(92) + '|')} | {default} |"


# --- Python -----------------------------------------------------------------------------------------------------------


def python() -> str:
    """The page about what ``import whence`` gives."""
    parts = ["# Python API", _MADE, "Everything here is reached as `whence.NAME`; the package is typed."]
    for name in whence.__all__:
        if name.startswith("__"):
            continue
        parts += _public("whence", name, getattr(whence, name))
    from whence import errors, evaluate

    parts += ["# Evaluation", _EVALUATION]
    for name in evaluate.__all__:
        parts += _public("whence.evaluate", name, getattr(evaluate, name))
    parts += ["# Collecting", _COLLECTING]
    for module, names in COLLECTING.items():
        home = import_module(f"whence.collect.{module}")
        for name in names:
            parts += _public(home.__name__, name, getattr(home, name))
    parts += ["# Metrics", _METRICS]
    for module in METRICS:
        home = import_module(f"whence.metrics.{module}")
        for name, thing in vars(home).items():
            if inspect.isfunction(thing) and thing.__module__ == home.__name__ and not name.startswith("_"):
                parts += _public(home.__name__, name, thing)

    tree = (errors.__doc__ or "").split("\n\n")[1]
    parts += ["## Errors", "All derive from `whence.WhenceError`; they live in `whence.errors`.", f"```\n{tree}\n```"]
    return "\n\n".join(parts) + "\n"


COLLECTING = {
    "collecting": ("collect", "CollectReport"),
    "areas": ("Box",),
    "request": ("Area",),
    "source": ("RemoteSource", "Wanted", "Listing", "Listed"),
}
_COLLECTING = "What `whence collect` does, and what a service of a plugin promises; [how to](howto/collecting.md)."
METRICS = ("summary", "recall", "errors", "calibration", "classes", "curves", "resampling")
_EVALUATION = "What `whence evaluate` does; [how to read it](howto/evaluation.md)."
_METRICS = (
    "Figures over plain arrays; nothing here knows of photos. `whence.metrics.outcomes.Outcomes` holds what became of "
    "queries."
)


def _public(home: str, name: str, thing: Any) -> Iterator[str]:
    yield f"## {home}.{name}"
    if not callable(thing):  # a union of types
        yield f"`{thing}`"
        return
    if not (inspect.isclass(thing) and issubclass(thing, enum.Enum | Exception)):
        yield f"```python\n{_signature(name, thing)}\n```"
    yield from _docstring(thing)
    if not inspect.isclass(thing):
        return
    if getattr(thing.__init__, "__doc__", None) and "__init__" in vars(thing):
        yield from _docstring(thing.__init__)
    if issubclass(thing, enum.Enum):
        yield "Values: " + ", ".join(f"`{member.value}`" for member in thing)
        return
    for member, value in vars(thing).items():
        function = value.__func__ if isinstance(value, classmethod | staticmethod) else value
        if member.startswith("_") or not (inspect.isfunction(function) or _is_property(value)):
            continue
        yield f"### {name}.{member}"
        if inspect.isfunction(function):
            yield f"```python\n{_signature(member, function)}\n```"
        yield from _docstring(value)


def _is_property(value: Any) -> bool:
    return isinstance(value, property) or type(value).__name__ == "cached_property"


def _signature(name: str, thing: Any) -> str:
    signature = inspect.signature(thing)
    kept = [p for p in signature.parameters.values() if p.name not in ("self", "cls")]
    made = "" if inspect.isclass(thing) else f" -> {signature.return_annotation}"
    line = f"{name}{signature.replace(parameters=kept, return_annotation=signature.empty)}{made}"
    line = line.replace("''", '""').replace("'", "")
    if len(line) <= 100 or not kept:
        return line
    rows = [str(p) for p in kept if p.kind is not p.KEYWORD_ONLY]
    named = [str(p) for p in kept if p.kind is p.KEYWORD_ONLY]
    rows += ["*", *named] if named else []
    return f"{name}(\n{''.join(f'    {row},{chr(10)}' for row in rows)}){made}".replace("''", '""').replace("'", "")


def _docstring(thing: Any) -> Iterator[str]:
    """Prose as it is, sections of a Google docstring as lists."""
    for block in re.split(r"\n\n(?=\S)", (inspect.getdoc(thing) or "").strip()):
        title, _, body = block.partition(":\n")
        if title in _HEADINGS and title != "Example":
            yield f"**{title}**"
            yield "\n".join(f"- {item}" for item in _items(inspect.cleandoc(body)))
        elif title == "Example":
            yield f"```python\n{inspect.cleandoc(body).replace('  # doctest: +SKIP', '')}\n```"
        else:
            yield block.replace("``", "`")


def _items(body: str) -> Iterator[str]:
    for item in re.split(r"\n(?=\S)", body):
        name, colon, words = " ".join(item.split()).partition(": ")
        yield f"`{name}`: {words}".replace("``", "`") if colon else name


if __name__ == "__main__":
    main()

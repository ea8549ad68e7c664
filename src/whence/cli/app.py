"""The ``whence`` command: its sub-commands, and how errors and interruptions end it.

Exit status: 0 all answered, 1 some failed, 2 wrong usage or unusable input, 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import whence
from whence.cli import (
    ablate,
    audit,
    clusters,
    collect,
    contribute,
    datasets,
    demo,
    evaluate,
    index,
    info,
    locate,
    models,
    recipes,
    remove,
    repair,
    serve,
    tag,
    train,
)
from whence.cli.console import complain
from whence.errors import WhenceError


class _Commands(TyperGroup):
    """Tells that a command was interrupted, which Typer would pass over in silence; ``--ray`` may stand alone."""

    def parse_args(self, ctx: Any, args: list[str]) -> Any:
        return super().parse_args(ctx, clusters.with_addresses(args))

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            complain("interrupted")
            raise typer.Exit(130) from None


app = typer.Typer(
    name="whence",
    cls=_Commands,
    help="Whence was this photo taken? Index photos whose positions are known, then locate any other photo.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
MODULES = (
    *(index, locate, serve, tag, evaluate, collect, audit, contribute, info, remove, repair),
    *(recipes, models, train, ablate, datasets, demo),
)
"""One command each, in the order of the help."""
for module in MODULES:
    app.command(name=module.NAME)(module.command)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"whence {whence.__version__}")
        raise typer.Exit


@app.callback()
def _whence(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Runs the command line; ends with ``SystemExit``."""
    if sys.stdout is None or sys.stderr is None:  # closed by the shell: `>&-`
        if sys.stderr is not None:
            complain("stdout is closed; results have nowhere to go (to drop them: > /dev/null)")
        sys.exit(2)
    try:
        app()
    except WhenceError as error:
        complain(str(error))
        sys.exit(2)
    except BrokenPipeError:  # the reader has had enough: `whence locate ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:  # noqa: BLE001 -- raised again, but for those that are told in words
        _tell_unexpected(error)


def _tell_unexpected(error: Exception) -> None:
    """Errors of the library that keeps galleries, and of the disk that results go to; others are raised again."""
    from whence.gallery.trouble import is_of_library, told

    if is_of_library(error):
        complain(f"the gallery is damaged or cannot be read: {told(error)}; whence repair GALLERY says what is left")
        sys.exit(2)
    if isinstance(error, OSError):  # what is left: stdout on a full disk
        where = f" to {error.filename}" if error.filename else ""
        complain(f"results cannot be written{where}: {error.strerror or error}")
        sys.exit(1)
    raise error

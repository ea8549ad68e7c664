"""What goes to stderr: progress, warnings, errors. Results alone go to stdout."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from whence.errors import InputError

if TYPE_CHECKING:
    from rich.progress import Progress


def complain(message: str) -> None:
    """An error: one line."""
    say(f"whence: {message}")


def say(message: str) -> None:
    """A line for the user, whatever a name in it holds and whatever characters the terminal can show."""
    from whence.present.words import printable

    encoding, message = sys.stderr.encoding or "utf-8", printable(message)
    sys.stderr.write(message.encode(encoding, "backslashreplace").decode(encoding) + "\n")
    sys.stderr.flush()


def check_place(option: str, file: Path, inputs: Iterable[str | Path] = (), task: str = "locate") -> None:
    """Refuses a file that could not be written, before any work is done for it.

    Raises:
        InputError: Its folder does not exist, it is a folder itself, or one of the files that are to be read.
    """
    if not file.absolute().parent.is_dir():
        raise InputError(f"{option} {file}: the folder {file.parent} does not exist")
    if file.is_dir():
        raise InputError(f"{option} {file}: is a folder, expected the name of a file")
    if file.is_file() and any(Path(given).exists() and file.samefile(given) for given in inputs):
        raise InputError(f"{option} {file} is one of the files to {task} and would be overwritten")


def count(number: int, noun: str) -> str:
    """``1 photo``, ``1,770 photos``."""
    from whence.present.words import counted

    return counted(number, noun)


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """A bar with rate and time left; in a file or a pipe nothing is drawn."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        yield bar

"""Answers as a table: for eighty columns on a terminal, unshortened and plain in a pipe."""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO, TYPE_CHECKING

from whence.present.answers import hide_paths, settled
from whence.present.words import length, percent, place, printable, shown_path
from whence.types import Location, Status

if TYPE_CHECKING:
    from rich.console import Console

COLUMNS = ("photo", "status", "position", "radius", "conf.", "best match", "inliers")
STYLES = {Status.LOCATED: "green", Status.UNSURE: "yellow", Status.FAILED: "red"}
PHOTO, MATCH = COLUMNS.index("photo"), COLUMNS.index("best match")
NUMBERS = ("radius", "conf.", "inliers")
NARROWEST = 8
GAP = 2  # spaces between columns
PIPED_WIDTH = 1 << 16  # no line breaks and no shortening where nobody looks: tools such as grep want whole paths


def print_table(locations: Sequence[Location], stream: IO[str], *, private: bool = False) -> None:
    """Prints one row per answer, and below it why photos failed or lost a gallery photo as evidence.

    Args:
        locations: The answers, in the order of the rows.
        stream: Colours, rules and shortened paths appear only if it is a terminal.
        private: Hide the gallery's names.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    answers = [settled(hide_paths(location) if private else location) for location in locations]
    console = Console(file=stream, highlight=False, force_jupyter=False)
    if not console.is_terminal:
        console = Console(file=stream, highlight=False, force_jupyter=False, color_system=None, width=PIPED_WIDTH)
    rows = [[_encodable(cell, stream) for cell in _row(answer)] for answer in answers]
    if console.is_terminal:
        _shorten(rows, console.width, "…" if _encodable("…", stream) == "…" else "~")

    table = (
        Table(box=box.SIMPLE_HEAD, padding=(0, GAP - 1, 0, 0), pad_edge=False, show_edge=False)
        if console.is_terminal  # where the box adds a column of its own
        else Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False)
    )
    for title in COLUMNS:
        table.add_column(title, justify="right" if title in NUMBERS else "left", no_wrap=True)
    for answer, row in zip(answers, rows, strict=True):
        table.add_row(*(Text(cell, STYLES[answer.status] if at == 1 else "") for at, cell in enumerate(row)))
    console.print(table)
    _print_notes(console, answers, stream)


def _row(answer: Location) -> list[str]:
    best = answer.candidates[0] if answer.candidates else None
    likeliest = answer.choices[0] if answer.choices else None
    match = shown_path(best.path) if best else "-"
    if best is None and likeliest is not None and likeliest.label is not None:
        match = f"{printable(likeliest.label)} ({percent(likeliest.probability)})"
    return [
        printable(answer.path),
        answer.status.value,
        place(answer.position),
        length(answer.radius_m),
        percent(answer.confidence) if answer.position or likeliest else "-",
        match,
        str(best.inliers) if best else "-",
    ]


def _print_notes(console: Console, answers: Sequence[Location], stream: IO[str]) -> None:
    from rich.text import Text

    for answer in answers:
        path = printable(answer.path)
        if answer.error:
            console.print(Text(_encodable(f"{path}: {printable(answer.error)}", stream)))
        if answer.duplicate_of:
            same = ", ".join(shown_path(other) for other in answer.duplicate_of)
            console.print(Text(_encodable(f"{path}: has the same content as {same}, which was left out", stream)))


def _shorten(rows: list[list[str]], width: int, mark: str) -> None:
    """Cuts the two path columns from the left, where paths differ least, until a row fits ``width``."""
    from rich.cells import cell_len

    widths = [max(map(cell_len, column)) for column in zip(COLUMNS, *rows, strict=True)]
    room = width - GAP * (len(COLUMNS) - 1) - sum(used for at, used in enumerate(widths) if at not in (PHOTO, MATCH))
    photo = max(NARROWEST, min(widths[PHOTO], max(room // 2, room - widths[MATCH])))
    match = max(NARROWEST, min(widths[MATCH], room - photo))
    for row in rows:
        row[PHOTO] = _tail(row[PHOTO], photo, mark)
        row[MATCH] = _tail(row[MATCH], match, mark)


def _tail(text: str, width: int, mark: str) -> str:
    from rich.cells import cell_len

    if cell_len(text) <= width:
        return text
    while text and cell_len(text) > width - 1:
        text = text[1:]
    return mark + text


def _encodable(text: str, stream: IO[str]) -> str:
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)

"""CSV (RFC 4180): one row per answer, for spreadsheets, data frames and the submission files of competitions.

UTF-8 without a byte order mark, a header, and ``\\n`` at the end of rows: RFC 4180 names ``\\r\\n``, every reader
takes both, and line tools do not find a ``\\r`` in the last column. What is unknown or not finite is an empty cell.
Bytes of a path that are no text are written as escapes (``\\udcff``), so that the file is always valid UTF-8.

Spreadsheets run what looks like a formula, and file names may come from anybody. A text that begins like a formula and
has a character without which a formula can call nothing (``(``, ``|`` or ``!``) gets an apostrophe in front. Other
texts stay as they are: identifiers that begin with ``-`` are common, and have to match exactly.
"""

from __future__ import annotations

import difflib
import io
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import PurePath
from typing import IO, Any

from whence.errors import InputError
from whence.present.answers import to_dict
from whence.present.formats.base import Writer
from whence.types import Crs, Image, Location

_Answer = dict[str, Any]

PLACES = {Crs.WGS84: ("lat", "lon"), Crs.LOCAL: ("x", "y")}
_OF_PATH: dict[str, Callable[[PurePath], str]] = {
    "id": lambda path: _id(path.name),
    "name": lambda path: path.name,
}
_OF_FIRST = {"class": "label", "class_probability": "probability"}
_OF_BEST = {"best_match": "path", "inliers": "inliers", "similarity": "similarity", "group": "group"}
_OF_ANSWER = ("path", "status", "radius_m", "confidence", "heading_deg", "place", "turned_deg", "error")
COLUMNS = (*_OF_ANSWER, "lat", "lon", "x", "y", *_OF_BEST, *_OF_FIRST, "seconds", *_OF_PATH)
_FORMULA = re.compile(r"[=+\-@\t\r＝＋－＠].*[(|!]", re.DOTALL)


class Csv(Writer):
    """One row per answer, flushed at once.

    Args:
        stream: Open for text; one with an encoding of its own is turned to UTF-8.
        crs: What the positions of the answers mean.
        private: Hide the gallery's names.
        columns: Which of ``COLUMNS``, in this order; None for ``usual_columns``.

    Raises:
        InputError: No such column, or one that the answers cannot have.
    """

    def __init__(
        self, stream: IO[Any], *, crs: Crs, private: bool = False, columns: Sequence[str] | None = None
    ) -> None:
        super().__init__(stream, crs=crs, private=private)
        self._columns = usual_columns(crs) if columns is None else _checked(columns, crs)
        if isinstance(stream, io.TextIOWrapper):  # a terminal of another encoding, and "\r\n" on Windows
            stream.reconfigure(encoding="utf-8", newline="\n")
        self._headed = False

    def write(self, location: Location, pixels: Image | None = None) -> None:
        """Puts out one row."""
        self._head()
        answer = to_dict(location, private=self.private)
        self._put(_text(_value(answer, column)) for column in self._columns)
        self.stream.flush()

    def finish(self) -> None:
        """A table without rows still has a header."""
        self._head()
        self.stream.flush()

    def _head(self) -> None:
        if not self._headed:
            self._headed = True
            self._put(self._columns)

    def _put(self, cells: Iterable[str]) -> None:
        # By hand: Python's writer leaves a "\r" unquoted where rows end with "\n". A lone empty cell is no blank line.
        self.stream.write((",".join(map(_quoted, cells)) or '""') + "\n")


def _id(name: str) -> str:
    """Without suffix; a moment of a video keeps its time."""
    file, mark, moment = name.partition("#t=")
    return PurePath(file).stem + mark + moment


def usual_columns(crs: Crs) -> tuple[str, ...]:
    """The columns unless others are asked for."""
    before, after = ("path", "status"), ("radius_m", "confidence", "heading_deg", "place")
    return (*before, *PLACES[crs], *after, "best_match", "inliers", "seconds", "error")


def _checked(columns: Sequence[str], crs: Crs) -> tuple[str, ...]:
    for column in columns:
        if column not in COLUMNS:
            near = difflib.get_close_matches(column, COLUMNS, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(COLUMNS)}"
            raise InputError(f"no column named {column!r}; {hint}")
    wrong = [column for other, pair in PLACES.items() if other is not crs for column in pair if column in columns]
    if wrong:
        if crs is Crs.WGS84:
            raise InputError(
                f"column {wrong[0]!r}: these answers have latitude and longitude; use lat and lon, or add --crs EPSG:n"
            )
        raise InputError(f"column {wrong[0]!r}: these answers have x and y; use the columns x and y")
    if not columns:
        raise InputError(f"no columns were named; known: {', '.join(COLUMNS)}")
    return tuple(columns)


def _value(answer: _Answer, column: str) -> Any:
    if column in _OF_ANSWER:
        return answer[column]
    if column in _OF_PATH:
        return _OF_PATH[column](PurePath(answer["path"]))
    if column in _OF_BEST:
        return answer["candidates"][0][_OF_BEST[column]] if answer["candidates"] else None
    if column in _OF_FIRST:
        return answer["choices"][0][_OF_FIRST[column]] if answer["choices"] else None
    if column == "seconds":
        return round(sum(filter(None, answer["seconds"].values())), 4) if answer["seconds"] else None
    return answer["position"] and answer["position"][column]


def _quoted(cell: str) -> str:
    quoted = '"' + cell.replace('"', '""') + '"'
    return quoted if any(sign in cell for sign in ',"\r\n') else cell


def _text(value: Any) -> str:
    if not isinstance(value, str):
        return "" if value is None else str(value)
    said = value.encode("utf-8", "backslashreplace").decode("utf-8")
    return f"'{said}" if _FORMULA.match(said) else said

"""Answers as text in the formats of the command line.

A format is a ``Writer``; adding one is a class and a line in ``FORMATS``.
"""

from __future__ import annotations

import difflib
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Any, Self, TextIO

from whence.errors import InputError
from whence.present.answers import to_dict, to_json
from whence.present.table import print_table
from whence.types import Crs, Location


class Writer(ABC):
    """Writes answers to a text stream, in the order they come; leaving the context completes the document.

    Args:
        stream: Open for writing; it is not closed.
        crs: What the gallery's positions mean.
        private: Hide the gallery's names, as ``to_dict`` does.

    Raises:
        InputError: The format cannot carry such positions; nothing has been written.
    """

    def __init__(self, stream: TextIO, *, crs: Crs, private: bool = False) -> None:
        self.stream = stream
        self.crs = crs
        self.private = private

    @abstractmethod
    def write(self, location: Location) -> None:
        """Takes the next answer; streaming formats put it out at once."""

    def finish(self) -> None:  # noqa: B027 - formats without an end have nothing to do
        """Puts out what is still missing for a complete document."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Also after an error or Ctrl-C: the answers so far are worth a readable document.
        self.finish()


class JsonLines(Writer):
    """One object per line, each flushed at once, so that a reader in a pipe can follow."""

    def write(self, location: Location) -> None:
        """Puts out one line."""
        self.stream.write(to_json(to_dict(location, private=self.private)) + "\n")
        self.stream.flush()


class GeoJson(Writer):
    """A FeatureCollection (RFC 7946) with one point per answer; a failed one has no geometry.

    The point says longitude before latitude, as the standard wants. The properties are those of the JSON lines,
    candidates included.
    """

    def __init__(self, stream: TextIO, *, crs: Crs, private: bool = False) -> None:
        super().__init__(stream, crs=crs, private=private)
        if crs is not Crs.WGS84:
            raise InputError(_NO_PLANE)
        self._lead = '{"type": "FeatureCollection", "features": [\n'

    def write(self, location: Location) -> None:
        """Puts out one feature."""
        feature = to_json(_feature(to_dict(location, private=self.private)))
        self.stream.write(self._lead + feature)
        self.stream.flush()
        self._lead = ",\n"

    def finish(self) -> None:
        """Closes the collection."""
        opening = "" if self._lead == ",\n" else self._lead
        self.stream.write(f"{opening}\n]}}\n")
        self.stream.flush()


class Table(Writer):
    """A table for people, printed when all answers are known."""

    def __init__(self, stream: TextIO, *, crs: Crs, private: bool = False) -> None:
        super().__init__(stream, crs=crs, private=private)
        self._locations: list[Location] = []

    def write(self, location: Location) -> None:
        """Keeps the answer for the table."""
        self._locations.append(location)

    def finish(self) -> None:
        """Prints the table."""
        if self._locations:
            print_table(self._locations, self.stream, private=self.private)


_NO_PLANE = "GeoJSON knows only latitude and longitude, and this gallery has its own x and y; use --format jsonl"

FORMATS: dict[str, type[Writer]] = {"table": Table, "jsonl": JsonLines, "geojson": GeoJson}


def writer(format: str, stream: TextIO, *, crs: Crs, private: bool = False) -> Writer:
    """The writer of a format, to be used as a context manager.

    Raises:
        InputError: No such format, or one that cannot carry such positions.
    """
    if format not in FORMATS:
        near = difflib.get_close_matches(format, FORMATS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(FORMATS)}"
        raise InputError(f"no format named {format!r}; {hint}")
    return FORMATS[format](stream, crs=crs, private=private)


def _feature(answer: dict[str, Any]) -> dict[str, Any]:
    position = answer.pop("position")
    if position is not None and "lon" not in position:
        raise InputError(_NO_PLANE)
    geometry = position and {"type": "Point", "coordinates": [position["lon"], position["lat"]]}
    return {"type": "Feature", "geometry": geometry, "properties": answer}

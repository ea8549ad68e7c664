"""A table for people."""

from __future__ import annotations

from typing import IO, Any

from whence.present.formats.base import Writer
from whence.present.table import print_table
from whence.types import Crs, Image, Location


class Table(Writer):
    """A table for people, printed when all answers are known."""

    def __init__(self, stream: IO[Any], *, crs: Crs, private: bool = False) -> None:
        super().__init__(stream, crs=crs, private=private)
        self._locations: list[Location] = []

    def write(self, location: Location, pixels: Image | None = None) -> None:
        """Keeps the answer for the table."""
        self._locations.append(location)

    def finish(self) -> None:
        """Prints the table."""
        if self._locations:
            print_table(self._locations, self.stream, private=self.private)

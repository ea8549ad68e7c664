"""What all formats have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import TracebackType
from typing import IO, Any, ClassVar, Self

from whence.errors import InputError
from whence.present.answers import hide_paths, settled
from whence.types import Crs, Image, LatLon, Location


class Writer(ABC):
    """Writes answers to a stream, in the order they come; leaving the context completes the document.

    Args:
        stream: Open for writing; it is not closed.
        crs: What the positions of the answers mean.
        private: Hide the gallery's names, as ``to_dict`` does.

    Raises:
        InputError: The format cannot carry such positions; nothing has been written.
    """

    binary: ClassVar[bool] = False
    """Whether the stream takes bytes."""

    def __init__(self, stream: IO[Any], *, crs: Crs, private: bool = False) -> None:
        self.stream = stream
        self.crs = crs
        self.private = private

    @abstractmethod
    def write(self, location: Location, pixels: Image | None = None) -> None:
        """Takes the next answer; streaming formats put it out at once.

        Args:
            location: The answer.
            pixels: The photo that was located, for formats that show it.
        """

    def finish(self) -> None:  # noqa: B027 - formats without an end have nothing to do
        """Puts out what is still missing for a complete document."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Also after an error or Ctrl-C: the answers so far are worth a readable document.
        self.finish()


class EarthWriter(Writer):
    """A format that knows latitude and longitude and nothing else."""

    title: ClassVar[str]
    """What people call the format."""

    def __init__(self, stream: IO[Any], *, crs: Crs, private: bool = False) -> None:
        super().__init__(stream, crs=crs, private=private)
        if crs is not Crs.WGS84:
            raise InputError(self._no_plane())

    def told(self, location: Location) -> Location:
        """The answer as it may be told, with a latitude and longitude wherever it has a position.

        Raises:
            InputError: The position is on a plane.
        """
        location = settled(hide_paths(location) if self.private else location)
        if location.position is not None and not isinstance(location.position, LatLon):
            raise InputError(self._no_plane())
        return location

    def _no_plane(self) -> str:
        return (
            f"{self.title} knows only latitude and longitude, and these answers have x and y (of the gallery's plane, "
            "or of --crs); use --format jsonl or csv"
        )

"""JSON lines: the contract that programs rely on."""

from __future__ import annotations

from whence.present.answers import to_dict, to_json
from whence.present.formats.base import Writer
from whence.types import Image, Location


class JsonLines(Writer):
    """One object per line, each flushed at once, so that a reader in a pipe can follow."""

    def write(self, location: Location, pixels: Image | None = None) -> None:
        """Puts out one line."""
        self.stream.write(to_json(to_dict(location, private=self.private)) + "\n")
        self.stream.flush()

"""KMZ: a KML document and its pictures in one zip file, the form that Google Earth documents for pictures."""

from __future__ import annotations

import io
from typing import IO, Any
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from whence.errors import InputError
from whence.present import page
from whence.present.formats.kml import Kml
from whence.types import Crs, Image


class Kmz(Kml):
    """``doc.kml`` and ``files/*.jpg``. The pictures go out as they come, the document at the end."""

    binary = True
    title = "KMZ"

    def __init__(self, stream: IO[Any], *, crs: Crs, private: bool = False) -> None:
        if stream.isatty():
            raise InputError("KMZ is a zip file and nothing for a terminal; add --out FILE.kmz")
        super().__init__(stream, crs=crs, private=private)
        self._archive = ZipFile(stream, "w")
        self._pictures = 0

    def finish(self) -> None:
        """Adds the document and closes the archive."""
        with self._archive, self._archive.open(_entry("doc.kml", ZIP_DEFLATED), "w") as document:
            self._text = io.TextIOWrapper(document, encoding="ascii", newline="\n", write_through=True)
            super().finish()
            self._text.flush()
            self._text.detach()
        self.stream.flush()

    def _put(self, text: str) -> None:
        self._text.write(text)

    def _picture(self, pixels: Image) -> str:
        self._pictures += 1
        name = f"files/{self._pictures:06d}.jpg"
        self._archive.writestr(_entry(name, ZIP_STORED), page.jpeg(pixels))
        return f'<img src="{name}" alt="The photo" width="{pixels.shape[1]}" height="{pixels.shape[0]}">'


def _entry(name: str, compression: int) -> ZipInfo:
    """Always of the same date: the same answers make the same file."""
    entry = ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    entry.compress_type = compression
    entry.external_attr = 0o644 << 16
    return entry

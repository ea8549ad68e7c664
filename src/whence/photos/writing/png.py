"""The ``eXIf`` chunk of a PNG, exchanged or added before the pixels.

Source: Portable Network Graphics (PNG) Specification, third edition, W3C 2025, 11.3.4.6.
"""

from __future__ import annotations

import zlib

from whence.photos.writing.estimate import Estimate, UnwritableError
from whence.photos.writing.gpsblock import with_position
from whence.photos.writing.splices import Splice

_HEAD = 8
_TEXTS = (b"tEXt", b"zTXt", b"iTXt")
_OLD = (b"Raw profile type exif\0", b"Raw profile type APP1\0")


def splices(data: bytes, estimate: Estimate) -> list[Splice]:
    """What puts a position into a PNG.

    Raises:
        UnwritableError: It is damaged, or keeps its EXIF in a way that no standard knows.
    """
    found: tuple[int, int, bytes] | None = None
    pixels = None
    at = _HEAD
    while at + 12 <= len(data):
        size, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        end = at + 12 + size
        if end > len(data):
            raise UnwritableError("its chunks are damaged")
        body = data[at + 8 : end - 4]
        if kind in _TEXTS and body.startswith(_OLD):
            raise UnwritableError("it keeps its EXIF as text")
        if kind == b"IDAT" and pixels is None:
            pixels = at
        if kind == b"eXIf":
            if found is not None:
                raise UnwritableError("it has more than one EXIF block")
            found = at, end, body
        if kind == b"IEND":
            break
        at = end
    else:
        raise UnwritableError("its chunks are damaged")
    if pixels is None:
        raise UnwritableError("its chunks are damaged")
    start, end, block = found or (pixels, pixels, None)
    new = b"eXIf" + with_position(block, estimate)
    chunk = (len(new) - 4).to_bytes(4, "big") + new + zlib.crc32(new).to_bytes(4, "big")
    return [Splice(start, data[start:end], chunk)]

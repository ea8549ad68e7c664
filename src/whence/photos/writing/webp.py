"""The ``EXIF`` chunk of a WebP, exchanged or added; a simple file gets the header that one with metadata needs.

Source: RFC 9649, WebP Image Format, 2024, 2.5 to 2.7.
"""

from __future__ import annotations

from dataclasses import dataclass

from whence.photos.writing.estimate import Estimate, UnwritableError
from whence.photos.writing.gpsblock import with_position
from whence.photos.writing.splices import Splice

_HEAD = 12
_HAS_EXIF, _HAS_ALPHA = 0x08, 0x10
_PREFIX = b"Exif\0\0"
_MOST = 2**32 - 10


@dataclass(frozen=True, slots=True)
class _Chunk:
    kind: bytes
    start: int
    end: int
    body: bytes


def splices(data: bytes, estimate: Estimate) -> list[Splice]:
    """What puts a position into a WebP.

    Raises:
        UnwritableError: It is damaged.
    """
    size = int.from_bytes(data[4:8], "little")
    limit = 8 + size
    if limit > len(data) or size < 4:
        raise UnwritableError("its chunks are damaged")
    chunks = _chunks(data, limit)
    exif = [chunk for chunk in chunks if chunk.kind == b"EXIF"]
    if len(exif) > 1:
        raise UnwritableError("it has more than one EXIF block")
    changes = [_header(chunks)]
    if exif:
        start, end, body = exif[0].start, exif[0].end, exif[0].body
    else:
        start = next((chunk.start for chunk in chunks if chunk.kind == b"XMP "), chunks[-1].end)
        end, body = start, b""
    prefix = _PREFIX if body.startswith(_PREFIX) else b""
    new = prefix + with_position(body[len(prefix) :] or None, estimate)
    changes.append(Splice(start, data[start:end], _made(b"EXIF", new)))
    grown = size + sum(len(change.inserted) - len(change.removed) for change in changes)
    if grown > _MOST:
        raise UnwritableError("it has no room left")
    changes.append(Splice(4, data[4:8], grown.to_bytes(4, "little")))
    return [change for change in changes if change.removed != change.inserted]


def _chunks(data: bytes, limit: int) -> list[_Chunk]:
    chunks, at = [], _HEAD
    while at + 8 <= limit:
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        end = at + 8 + size + size % 2
        if end > limit:
            raise UnwritableError("its chunks are damaged")
        chunks.append(_Chunk(data[at : at + 4], at, end, data[at + 8 : at + 8 + size]))
        at = end
    if at != limit or not chunks or chunks[0].kind not in (b"VP8X", b"VP8 ", b"VP8L"):
        raise UnwritableError("its chunks are damaged")
    return chunks


def _header(chunks: list[_Chunk]) -> Splice:
    """The flag that there is EXIF, in the header that is there or a new one."""
    first = chunks[0]
    if first.kind == b"VP8X":
        if len(first.body) < 10:
            raise UnwritableError("its header is damaged")
        flags = first.body[:1]
        return Splice(first.start + 8, flags, bytes((flags[0] | _HAS_EXIF,)))
    width, height, alpha = _size(first)
    if not 0 < width <= 1 << 14 or not 0 < height <= 1 << 14:
        raise UnwritableError("its header is damaged")
    flags = bytes((_HAS_EXIF | (_HAS_ALPHA if alpha else 0), 0, 0, 0))
    body = flags + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return Splice(first.start, b"", _made(b"VP8X", body))


def _size(chunk: _Chunk) -> tuple[int, int, bool]:
    """Width, height and whether some of it is transparent, as the header of the pixels says."""
    body = chunk.body
    if chunk.kind == b"VP8 ":
        if len(body) < 10 or body[3:6] != b"\x9d\x01\x2a":
            raise UnwritableError("its header is damaged")
        width, height = (int.from_bytes(body[at : at + 2], "little") & 0x3FFF for at in (6, 8))
        return width, height, False
    if len(body) < 5 or body[0] != 0x2F:
        raise UnwritableError("its header is damaged")
    packed = int.from_bytes(body[1:5], "little")
    return (packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1, bool(packed >> 28 & 1)


def _made(kind: bytes, body: bytes) -> bytes:
    return kind + len(body).to_bytes(4, "little") + body + b"\0" * (len(body) % 2)

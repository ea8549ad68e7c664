"""The EXIF segment of a JPEG, exchanged or added; the picture's own bytes are not looked at."""

from __future__ import annotations

import struct

from whence.photos.writing.estimate import Estimate, UnwritableError
from whence.photos.writing.gpsblock import with_position
from whence.photos.writing.splices import Splice

_EXIF, _JFIF, _MULTI = b"Exif\0\0", b"JFIF\0", b"MPF\0"
_APP0, _APP1, _APP2, _SCAN, _END = 0xE0, 0xE1, 0xE2, 0xDA, 0xD9
_ALONE = frozenset({0x01, *range(0xD0, 0xD8)})
"""Markers without a length."""
_X_RESOLUTION, _Y_RESOLUTION, _RESOLUTION_UNIT, _CHROMA_PLACE = 0x011A, 0x011B, 0x0128, 0x0213
_UNITS = {1: 2, 2: 3}
"""JFIF's numbers of inch and centimetre, and EXIF's."""
_CENTRED = 1
_FAR = 8 + 2 + 4 * 12 + 4
"""Where the values lie that do not fit into the four entries of a new block."""
_LONGEST = 0xFFFF - 2 - len(_EXIF)


def splices(data: bytes, estimate: Estimate) -> list[Splice]:
    """What puts a position into a JPEG.

    Raises:
        UnwritableError: It is damaged, or has no room or no safe place for it.
    """
    found, after_jfif, density, panorama = None, 2, b"", None
    at = 2
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            raise UnwritableError("its segments are damaged")
        marker = data[at + 1]
        if marker == 0xFF:  # padding
            at += 1
            continue
        if marker in _ALONE:
            at += 2
            continue
        if marker in (_SCAN, _END):
            break
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if end > len(data) or end < at + 4:
            raise UnwritableError("its segments are damaged")
        body = data[at + 4 : end]
        if marker == _APP0 and at == after_jfif:
            after_jfif, density = end, body[7:12] if body.startswith(_JFIF) else density
        if marker == _APP2 and body.startswith(_MULTI) and panorama is None:
            panorama = at
        if marker == _APP1 and body.startswith(_EXIF):
            if found is not None:
                raise UnwritableError("it has more than one EXIF block")
            found = at, end, body[len(_EXIF) :]
        at = end
    else:
        raise UnwritableError("its segments are damaged")
    start, end, block = found or (after_jfif, after_jfif, None)
    if panorama is not None and panorama < start:  # it counts from its own place to the pictures behind the first
        raise UnwritableError("it holds several pictures, whose places would change")
    new = with_position(_fresh(density) if block is None else block, estimate)
    if len(new) > _LONGEST:
        raise UnwritableError("its EXIF block has no room left")
    segment = bytes((0xFF, _APP1)) + (len(new) + len(_EXIF) + 2).to_bytes(2, "big") + _EXIF + new
    return [Splice(start, data[start:end], segment)]


def _fresh(density: bytes) -> bytes:
    """A block with what the standard asks of every EXIF block of a JPEG: the resolution that JFIF tells, or 72 dpi."""
    units, across, down = struct.unpack(">BHH", density) if len(density) == 5 else (0, 0, 0)
    if units not in _UNITS or not across or not down:
        units, across, down = 1, 72, 72
    entries = (
        (_X_RESOLUTION, 5, _FAR),
        (_Y_RESOLUTION, 5, _FAR + 8),
        (_RESOLUTION_UNIT, 3, _UNITS[units] << 16),
        (_CHROMA_PLACE, 3, _CENTRED << 16),
    )
    directory = b"".join(struct.pack(">HHII", tag, kind, 1, value) for tag, kind, value in entries)
    head = b"MM\0*" + struct.pack(">IH", 8, len(entries))
    return head + directory + struct.pack(">5I", 0, across, 1, down, 1)

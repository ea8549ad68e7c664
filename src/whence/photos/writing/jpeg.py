"""The EXIF segment of a JPEG, exchanged or added; the picture's own bytes are not looked at."""

from __future__ import annotations

from whence.photos.writing.estimate import Estimate, UnwritableError
from whence.photos.writing.gpsblock import with_position
from whence.photos.writing.splices import Splice

_EXIF, _MULTI = b"Exif\0\0", b"MPF\0"
_APP0, _APP1, _APP2, _SCAN, _END = 0xE0, 0xE1, 0xE2, 0xDA, 0xD9
_ALONE = frozenset({0x01, *range(0xD0, 0xD8)})
"""Markers without a length."""
_LONGEST = 0xFFFF - 2 - len(_EXIF)


def splices(data: bytes, estimate: Estimate) -> list[Splice]:
    """What puts a position into a JPEG.

    Raises:
        UnwritableError: It is damaged, or has no room or no safe place for it.
    """
    found, after_jfif, panorama = None, 2, None
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
            after_jfif = end
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
    new = with_position(block, estimate)
    if len(new) > _LONGEST:
        raise UnwritableError("its EXIF block has no room left")
    segment = bytes((0xFF, _APP1)) + (len(new) + len(_EXIF) + 2).to_bytes(2, "big") + _EXIF + new
    return [Splice(start, data[start:end], segment)]

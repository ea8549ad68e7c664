"""Which way a photo takes a position: into the file itself, or a reason why not."""

from __future__ import annotations

from collections.abc import Callable

from whence.photos.decode import read_facts
from whence.photos.pillow import sniff
from whence.photos.writing import exiftool, jpeg, png, webp
from whence.photos.writing.estimate import Estimate, UnwritableError
from whence.photos.writing.splices import Splice, applied

Splicer = Callable[[bytes, Estimate], list[Splice]]
_SPLICED: dict[str, Splicer] = {
    "JPEG": jpeg.splices,
    "PNG": png.splices,
    "WebP": webp.splices,
}
_CLOSE_DEG = 1e-7
"""A centimetre."""


def with_position(data: bytes, suffix: str, estimate: Estimate) -> tuple[bytes, list[Splice] | None]:
    """A photo with a position in its metadata, read back to make sure; and the splices, if that is how it was done.

    Args:
        data: The whole file, decoded before without an error.
        suffix: Of its name.
        estimate: To write.

    Raises:
        UnwritableError: It has to go beside the photo instead; the message says why.
    """
    if sniff(data) in _SPLICED:
        changes = spliced(data, estimate)
        return applied(data, changes), changes
    new = exiftool.written(data, suffix, estimate)
    _check(new, estimate)
    return new, None


def spliced(data: bytes, estimate: Estimate) -> list[Splice]:
    """What puts a position into the metadata of a JPEG, PNG or WebP, whose picture data stay as they are; read back to
    make sure.

    Args:
        data: The whole file, decoded before without an error.
        estimate: To write.

    Raises:
        UnwritableError: It has to go beside the photo instead; the message says why.
    """
    splice = _SPLICED.get(sniff(data))
    if splice is None:
        raise UnwritableError(f"only {', '.join(_SPLICED)} are written to")
    changes = splice(data, estimate)
    _check(applied(data, changes), estimate)
    return changes


def _check(new: bytes, estimate: Estimate) -> None:
    found = read_facts(new).position
    if found is None or not _same(found.lat, estimate.position.lat) or not _same(found.lon, estimate.position.lon):
        raise UnwritableError("the position cannot be read back from it")


def _same(first: float, second: float) -> bool:
    off = abs(first - second)
    return min(off, abs(off - 360)) <= _CLOSE_DEG

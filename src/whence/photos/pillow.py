"""Opening pictures with Pillow: only the formats of photos, without its warnings, without touching its settings."""

from __future__ import annotations

import importlib
import io
import logging
import warnings
from contextlib import ExitStack
from typing import TYPE_CHECKING, cast

from whence.photos.shared import Shared

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

# Pillow's own Image.open would try every plugin that is loaded, and refuses photos above 179 million pixels unless
# a global setting is changed; opening with the one class that fits does neither.
_OPENERS = {
    "JPEG": "PIL.JpegImagePlugin:JpegImageFile",
    "PNG": "PIL.PngImagePlugin:PngImageFile",
    "WebP": "PIL.WebPImagePlugin:WebPImageFile",
    "TIFF": "PIL.TiffImagePlugin:TiffImageFile",
    "AVIF": "PIL.AvifImagePlugin:AvifImageFile",
    "HEIC": "pi_heif:HeifImageFile",
}
FORMATS = tuple(_OPENERS)


def sniff(data: bytes) -> str:
    """The format by the first bytes: one of ``FORMATS``, or empty for anything else."""
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WebP"
    if data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "TIFF"
    if data[4:8] == b"ftyp":
        return _sniff_ftyp(data)
    return ""


def _sniff_ftyp(data: bytes) -> str:
    """HEIC, AVIF and videos share a container; the brands at its start tell them apart."""
    size = min(int.from_bytes(data[:4], "big"), 256)
    brands = {data[8:12], *(data[at : at + 4] for at in range(16, size, 4))}
    if brands & {b"avif", b"avis"}:
        return "AVIF"
    if brands & {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}:
        return "HEIC"
    return ""


def open_image(data: bytes, kind: str) -> ImageFile:
    """The opened, not yet decoded image of a format in ``FORMATS``.

    Raises:
        Exception: Whatever Pillow raises for a damaged file, which is nearly anything.
        ModuleNotFoundError: This Pillow does not know the format, or the extra for HEIC is not installed.
    """
    module, name = _OPENERS[kind].split(":")
    opener = getattr(importlib.import_module(module), name)
    return cast("ImageFile", opener(io.BytesIO(data)))


_silence = logging.NullHandler()  # without any handler, Python prints errors that are logged


def _quieten(undo: ExitStack) -> None:
    undo.enter_context(warnings.catch_warnings())
    warnings.filterwarnings("ignore", module=r"(PIL|pi_heif)\.")
    logger = logging.getLogger("PIL")
    logger.addHandler(_silence)
    undo.callback(logger.removeHandler, _silence)


quiet = Shared(_quieten)
"""No warning of Pillow reaches the user, in whatever thread; nor its log, unless the program has set up logging."""

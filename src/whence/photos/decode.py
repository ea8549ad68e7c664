"""Bytes of a photo to upright RGB pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from whence.errors import MissingExtraError, PhotoError
from whence.photos.exif import ExifFacts, read_exif
from whence.photos.pillow import FORMATS, open_image, quiet, sniff
from whence.types import Image

if TYPE_CHECKING:
    from PIL.Image import Image as Picture
    from PIL.ImageFile import ImageFile

SUFFIXES = (".avif", ".heic", ".heif", ".jfif", ".jpe", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
"""What a folder scan takes for a photo. HEIC without its extra too: better named and refused than overlooked."""

MIN_SIDE = 16
"""Pixels. Icons and test dots; no place can be recognised in them."""

NOT_A_PHOTO = f"not a photo: expected {', '.join(FORMATS[:-1])} or {FORMATS[-1]}"

DRAFT_MARGIN = 1.75
"""A JPEG may be decoded at 1/2, 1/4 or 1/8, if that leaves this many times the pixels of the final side. Against the
full decode: 46 dB at 1.75, 40 dB at 1.25, and 2 to 3 times as fast."""


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """Pixels and facts of one photo.

    Attributes:
        pixels: ``(h, w, 3)`` RGB uint8, upright, reduced to the longest side asked for.
        width: Of the full-size upright photo, in pixels.
        height: Of the full-size upright photo, in pixels.
        exif: What the camera wrote.
    """

    pixels: Image
    width: int
    height: int
    exif: ExifFacts


def decode(data: bytes, *, max_side: int = 1024, max_pixels: int = 200_000_000) -> Decoded:
    """Decodes JPEG, PNG, WebP, TIFF, AVIF or HEIC; of several frames the first. Transparency is laid over white.

    HEIC needs the extra ``heic``; the ``PhotoError`` that says so has a ``MissingExtraError`` as its cause. Colour
    profiles are ignored. Safe to call from many threads.

    Args:
        data: The whole file.
        max_side: Longest side of ``pixels``; larger photos are reduced, smaller ones never enlarged.
        max_pixels: A photo whose header claims more is refused before anything is decoded.

    Raises:
        PhotoError: The only error: not a photo, damaged, too large or too small, with the reason in one line.
    """
    if not data:
        raise PhotoError("the file is empty")
    kind = sniff(data)
    if not kind:
        raise PhotoError(NOT_A_PHOTO)
    try:
        with quiet:
            return _decode(data, kind, max_side, max_pixels)
    except PhotoError:
        raise
    except MemoryError as error:
        raise PhotoError("not enough memory to decode the photo") from error
    except ModuleNotFoundError as error:
        if kind != "HEIC":
            raise PhotoError(f"{kind} photos need a newer Pillow: pip install --upgrade pillow") from error
        missing = MissingExtraError("HEIC photos", "heic")
        raise PhotoError(str(missing)) from missing
    except Exception as error:  # a damaged file makes Pillow raise nearly anything, AssertionError included
        raise PhotoError(_failure(error, data, kind)) from error


def _decode(data: bytes, kind: str, max_side: int, max_pixels: int) -> Decoded:
    image = open_image(data, kind)
    _check_size(*image.size, max_pixels)
    if kind == "PNG":
        image.load()  # PNG may keep its EXIF behind the pixels
    facts = read_exif(image)
    # Pillow turns TIFF itself, and libheif HEIC; of AVIF Pillow hands on what the container says, as EXIF.
    turn = 1 if kind in ("TIFF", "HEIC") else facts.orientation
    size = image.size
    if kind == "JPEG":
        _draft(image, max_side)
    image.load()
    if kind in ("TIFF", "HEIC"):
        size = image.size
    small = _resize(_plain(image), size, max_side)
    pixels = np.array(_on_white(_upright(small, turn)))
    width, height = size if turn < 5 else size[::-1]
    return Decoded(pixels, width, height, facts)


def read_facts(data: bytes) -> ExifFacts:
    """What the camera wrote, without decoding the pixels. Never raises: of a damaged file nothing is known."""
    kind = sniff(data)
    try:
        with quiet:
            image = open_image(data, kind)
            if kind == "PNG":
                image.load()  # PNG may keep its EXIF behind the pixels
            return read_exif(image)
    except Exception:  # noqa: BLE001 -- as in decode; the photo was readable when it was stored
        return ExifFacts()


def _check_size(width: int, height: int, max_pixels: int) -> None:
    if width * height > max_pixels:
        allowed = f"{max_pixels / 1e6:.0f} million" if max_pixels >= 1e6 else str(max_pixels)
        raise PhotoError(f"{width} x {height} pixels, more than the {allowed} allowed")
    if min(width, height) < MIN_SIDE:
        raise PhotoError(f"{width} x {height} pixels, too small: each side needs {MIN_SIDE}")


def _draft(image: ImageFile, max_side: int) -> None:
    """Lets the JPEG decoder skip detail that the final size cannot show."""
    width, height = image.size
    for reduction in (8, 4, 2):
        if max(width, height) >= reduction * DRAFT_MARGIN * max_side:
            image.draft(None, (max(1, width // reduction), max(1, height // reduction)))
            return


def _plain(image: Picture) -> Picture:
    """The same picture in mode L, RGB or RGBA."""
    if image.mode.startswith("I"):
        return _eight_bits(image)
    if image.mode == "F":
        raise PhotoError("pixels are floating point numbers, expected 8 or 16 bits")
    if image.has_transparency_data:
        return image.convert("RGBA")
    return image if image.mode in ("L", "RGB") else image.convert("RGB")


def _eight_bits(image: Picture) -> Picture:
    """Grey values of more than 8 bits. Cameras put 10, 12 or 14 bits into 16; the largest value shows how many."""
    from PIL import Image as PilImage

    values = np.clip(np.array(image), 0, 65535).astype(np.uint16)
    bits = max(8, int(values.max()).bit_length())
    return PilImage.fromarray((values >> (bits - 8)).astype(np.uint8))


def _resize(image: Picture, size: tuple[int, int], max_side: int) -> Picture:
    """Reduces to the final size; ``size`` is that of the full photo, which a drafted image no longer has."""
    from PIL.Image import Resampling

    scale = min(1.0, max_side / max(size))
    width, height = (max(1, round(side * scale)) for side in size)
    return image if image.size == (width, height) else image.resize((width, height), Resampling.LANCZOS)


def _upright(image: Picture, orientation: int) -> Picture:
    from PIL.Image import Transpose

    if orientation == 1:
        return image
    turns = (
        Transpose.FLIP_LEFT_RIGHT,
        Transpose.ROTATE_180,
        Transpose.FLIP_TOP_BOTTOM,
        Transpose.TRANSPOSE,
        Transpose.ROTATE_270,
        Transpose.TRANSVERSE,
        Transpose.ROTATE_90,
    )
    return image.transpose(turns[orientation - 2])


def _on_white(image: Picture) -> Picture:
    from PIL import Image as PilImage

    if image.mode != "RGBA":
        return image if image.mode == "RGB" else image.convert("RGB")
    white = PilImage.new("RGB", image.size, "white")
    white.paste(image, mask=image.getchannel("A"))
    return white


def _failure(error: Exception, data: bytes, kind: str) -> str:
    """A reason for the user; Pillow's own words name its internals, and stay in the chained error."""
    from PIL.Image import DecompressionBombError

    if isinstance(error, DecompressionBombError):
        return f"the photo has more pixels than Pillow decodes from {kind}"
    if _cut_short(data, kind) or "truncated" in str(error).lower():
        return f"the {kind} file is cut short (truncated)"
    return f"the {kind} file is damaged"


def _cut_short(data: bytes, kind: str) -> bool:
    """Whether the mark is missing that ends a file of this format, or the end that it announces."""
    if kind == "JPEG":
        return not data.rstrip(b"\0").endswith(b"\xff\xd9")
    if kind == "PNG":
        return b"IEND" not in data[-64:]
    if kind in ("AVIF", "HEIC"):
        return _boxes_end(data) > len(data)
    return kind == "WebP" and int.from_bytes(data[4:8], "little") + 8 > len(data)


def _boxes_end(data: bytes) -> int:
    """Where the last box of an ISO media file ends by its own account."""
    end = 0
    while end + 8 <= len(data):
        size = int.from_bytes(data[end : end + 4], "big")
        if size == 1:  # the size follows in 64 bits
            size = int.from_bytes(data[end + 8 : end + 16], "big")
        if size < 8:  # 0: up to the end of the file, whatever that is; else damaged
            break
        end += size
    return end

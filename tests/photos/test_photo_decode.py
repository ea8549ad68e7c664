"""Pixels: upright, RGB, reduced; and one clear line for every file that is no photo."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import threading
import time
import warnings
import zlib
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFile

from whence.errors import PhotoError
from whence.photos.decode import SUFFIXES, decode
from whence.photos.pillow import quiet

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "AVIF")
# The corners of the upright test picture, clockwise from the top left.
CORNERS = [(220, 30, 30), (30, 200, 30), (30, 30, 220), (230, 230, 40)]


def corners(width: int = 96, height: int = 64) -> NDArray[np.uint8]:
    picture = np.zeros((height, width, 3), np.uint8)
    top, left = slice(0, height // 2), slice(0, width // 2)
    bottom, right = slice(height // 2, None), slice(width // 2, None)
    picture[top, left], picture[top, right], picture[bottom, right], picture[bottom, left] = CORNERS
    return picture


def encode(pixels: Any, kind: str = "JPEG", **options: Any) -> bytes:
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def smooth(width: int, height: int) -> NDArray[np.uint8]:
    """A picture with detail at many scales."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    waves = [np.sin(x / size) + np.cos(y / (size * 1.3)) for size in (3, 17, 90)]
    return np.stack([127 + 60 * wave for wave in waves], axis=-1).clip(0, 255).astype(np.uint8)


def assert_corners(pixels: NDArray[np.uint8], tolerance: int = 12) -> None:
    height, width = pixels.shape[:2]
    y, x = height // 4, width // 4
    seen = [pixels[y, x], pixels[y, -x], pixels[-y, -x], pixels[-y, x]]
    np.testing.assert_allclose(np.array(seen, int), CORNERS, atol=tolerance)


def reason(data: bytes, **options: Any) -> str:
    with pytest.raises(PhotoError) as caught:
        decode(data, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# What is stored for an upright picture, by the standard's words: which visual side row 0 and column 0 are.
STORED = {
    1: lambda up: up,
    2: lambda up: up[:, ::-1],  # top, right
    3: lambda up: up[::-1, ::-1],  # bottom, right
    4: lambda up: up[::-1],  # bottom, left
    5: lambda up: up.transpose(1, 0, 2),  # left, top
    6: lambda up: up.transpose(1, 0, 2)[::-1],  # right, top
    7: lambda up: up.transpose(1, 0, 2)[::-1, ::-1],  # right, bottom
    8: lambda up: up.transpose(1, 0, 2)[:, ::-1],  # left, bottom
}


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", [*FORMATS, "TIFF LZW"])
@pytest.mark.parametrize("max_side", [1024, 48])
def test_every_orientation_in_every_format(kind: str, orientation: int, max_side: int) -> None:
    stored = np.ascontiguousarray(STORED[orientation](corners()))
    options: dict[str, Any] = {"compression": "tiff_lzw"} if kind == "TIFF LZW" else {}
    if kind.startswith("TIFF"):
        options["tiffinfo"] = {0x0112: orientation}
    else:
        exif = Image.Exif()
        exif[0x0112] = orientation
        options["exif"] = exif
    found = decode(encode(stored, kind.split()[0], **options), max_side=max_side)
    assert (found.width, found.height) == (96, 64)
    assert found.pixels.shape == ((64, 96, 3) if max_side == 1024 else (32, 48, 3))
    assert_corners(found.pixels, tolerance=30 if kind == "AVIF" else 12)


@pytest.mark.parametrize("kind", FORMATS)
def test_pixels_are_contiguous_writable_rgb(kind: str) -> None:
    pixels = decode(encode(corners(), kind)).pixels
    assert pixels.dtype == np.uint8
    assert pixels.flags.c_contiguous
    assert pixels.flags.writeable
    assert_corners(pixels, tolerance=30 if kind == "AVIF" else 12)


@pytest.mark.parametrize(
    ("size", "max_side", "expected"),
    [
        ((200, 100), 100, (100, 50)),
        ((100, 200), 100, (50, 100)),
        ((200, 100), 200, (200, 100)),
        ((200, 100), 1024, (200, 100)),
        ((333, 100), 100, (100, 30)),
        ((1600, 16), 64, (64, 1)),
    ],
)
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_sizes(kind: str, size: tuple[int, int], max_side: int, expected: tuple[int, int]) -> None:
    found = decode(encode(Image.new("RGB", size), kind), max_side=max_side)
    assert found.pixels.shape == (expected[1], expected[0], 3)
    assert (found.width, found.height) == size


@pytest.mark.parametrize("options", [{}, {"progressive": True}])
def test_drafted_jpeg_looks_like_the_full_decode(options: dict[str, Any]) -> None:
    data = encode(smooth(1000, 700), quality=95, **options)
    full = np.asarray(Image.open(io.BytesIO(data)).resize((250, 175), Image.Resampling.LANCZOS), int)
    found = decode(data, max_side=250)
    assert (found.width, found.height) == (1000, 700)
    assert np.abs(found.pixels - full).mean() < 1.5


@pytest.mark.parametrize(("side", "drafted"), [(349, None), (350, (175, 87)), (700, (175, 87)), (1416, (177, 88))])
def test_draft_keeps_enough_detail(monkeypatch: pytest.MonkeyPatch, side: int, drafted: tuple[int, int] | None) -> None:
    from PIL.JpegImagePlugin import JpegImageFile

    asked: list[tuple[int, int]] = []
    original = JpegImageFile.draft

    def spy(image: JpegImageFile, mode: str | None, size: tuple[int, int] | None) -> Any:
        assert size
        asked.append(size)
        return original(image, mode, size)

    monkeypatch.setattr(JpegImageFile, "draft", spy)
    found = decode(encode(Image.new("RGB", (side, side // 2))), max_side=100)
    assert found.pixels.shape == (50, 100, 3)
    assert asked == ([drafted] if drafted else [])


def test_palette_bilevel_and_grey() -> None:
    flat = Image.fromarray(corners())
    assert_corners(decode(encode(flat.quantize(8), "PNG")).pixels)
    grey = decode(encode(flat.convert("L"), "JPEG")).pixels
    assert grey.shape == (64, 96, 3)
    assert (np.ptp(grey, axis=2) == 0).all()
    assert set(np.unique(decode(encode(flat.convert("1"), "PNG")).pixels)) <= {0, 255}


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk(kind: str) -> None:
    assert_corners(decode(encode(Image.fromarray(corners()).convert("CMYK"), kind)).pixels, tolerance=16)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
@pytest.mark.parametrize(("bits", "top"), [(16, 65535), (12, 4095), (8, 255)])
def test_sixteen_bit_grey(kind: str, bits: int, top: int) -> None:
    ramp = np.tile(np.linspace(0, top, 256).astype(np.uint16), (32, 1))
    pixels = decode(encode(ramp, kind)).pixels
    np.testing.assert_allclose(pixels[0, :, 0], np.arange(256), atol=1)


def test_floating_point_is_refused() -> None:
    assert "floating point" in reason(encode(np.ones((32, 32), np.float32), "TIFF"))


@pytest.mark.parametrize("mode", ["LAB", "YCbCr"])
def test_other_colour_spaces(mode: str) -> None:
    assert decode(encode(Image.new(mode, (32, 32)), "TIFF")).pixels.shape == (32, 32, 3)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("max_side", [1024, 48])
def test_transparency_is_white(kind: str, max_side: int) -> None:
    rgba = np.dstack([corners(), np.full((64, 96), 255, np.uint8)])
    rgba[:, 48:, 3] = 0
    options: dict[str, Any] = {"lossless": True} if kind == "WEBP" else {}
    pixels = decode(encode(rgba, kind, **options), max_side=max_side).pixels
    np.testing.assert_allclose(pixels[8, 8], CORNERS[0], atol=2)
    np.testing.assert_allclose(pixels[8, -8], 255, atol=2)


def test_transparent_palette_and_grey_are_white() -> None:
    palette = Image.fromarray(corners()).quantize(4)
    clear = decode(encode(palette, "PNG", transparency=bytes([0] * 4))).pixels
    assert (clear == 255).all()
    grey = Image.new("L", (32, 32), 7)
    assert (decode(encode(grey, "PNG", transparency=7)).pixels == 255).all()


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "AVIF", "MPO"])
def test_the_first_frame_of_several(kind: str) -> None:
    first, second = Image.fromarray(corners()), Image.new("RGB", (96, 64))
    data = encode(first, kind, save_all=True, append_images=[second])
    assert_corners(decode(data).pixels, tolerance=30 if kind == "AVIF" else 12)


def test_exif_comes_along() -> None:
    exif = Image.Exif()
    exif[0x0132] = "2024:05:31 14:05:09"
    found = decode(encode(corners(), exif=exif)).exif
    assert found.time is not None
    assert found.position_problem == "no GPS position"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize(
    "raw", [b"garbage", b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\xff\xff", b"II*\0\x08\0\0\0\x01\0"]
)
def test_broken_exif_costs_no_pixels(kind: str, raw: bytes) -> None:
    data = encode(corners(), kind, exif=b"Exif\0\0" + b"#" * len(raw))
    assert b"#" * len(raw) in data
    data = data.replace(b"#" * len(raw), raw)
    if kind == "PNG":
        data = fix_png_checksums(data)
    found = decode(data)
    assert_corners(found.pixels)
    assert found.exif.position is None


def fix_png_checksums(data: bytes) -> bytes:
    fixed, at = data[:8], 8
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        body = data[at + 4 : at + 8 + size]
        fixed += data[at : at + 4] + body + struct.pack(">I", zlib.crc32(body))
        at += size + 12
    return fixed


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "the file is empty"),
        (b"this is not a photo\n", "not a photo: expected JPEG, PNG, WebP, TIFF, AVIF or HEIC"),
        (b"GIF89a" + bytes(100), "not a photo: expected JPEG, PNG, WebP, TIFF, AVIF or HEIC"),
        (
            b"\0\0\0\x20ftypisom\0\0\0\0isomiso2" + bytes(99),
            "not a photo: expected JPEG, PNG, WebP, TIFF, AVIF or HEIC",
        ),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(99), "the HEIC file is damaged"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic" + bytes(99), "the HEIC file is damaged"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif" + bytes(99), "the AVIF file is damaged"),
        (b"\xff\xd8\xff", "the JPEG file is cut short (truncated)"),
        (b"\xff\xd8\xff\xe0" + bytes(50) + b"\xff\xd9", "the JPEG file is damaged"),
        (b"\x89PNG\r\n\x1a\n", "the PNG file is cut short (truncated)"),
        (b"II*\0\x08\0\0\0\0\0\0\0\0\0", "the TIFF file is damaged"),
        (b"MM\0*\xff\xff\xff\xff", "the TIFF file is damaged"),
        (b"RIFF\x08\0\0\0WEBPVP8 ", "the WebP file is damaged"),
    ],
)
def test_bad_bytes(data: bytes, words: str) -> None:
    assert reason(data) == words


@pytest.mark.parametrize("share", [0.05, 0.5, 0.95])
@pytest.mark.parametrize(("kind", "name"), [("JPEG", "JPEG"), ("PNG", "PNG"), ("WEBP", "WebP")])
def test_truncated(kind: str, name: str, share: float) -> None:
    data = encode(smooth(160, 120), kind)
    assert reason(data[: int(len(data) * share)]) == f"the {name} file is cut short (truncated)"


@pytest.mark.parametrize("kind", ["TIFF", "AVIF"])
def test_truncated_without_an_end_mark(kind: str) -> None:
    data = encode(smooth(160, 120), kind)
    assert reason(data[: len(data) // 2]).startswith(f"the {kind} file is ")


def png_header(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(1000)))]
    packed = [struct.pack(">I", len(b)) + n + b + struct.pack(">I", zlib.crc32(n + b)) for n, b in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


def test_too_many_pixels_by_the_header_alone() -> None:
    start = time.monotonic()
    assert reason(png_header(30_000, 30_000)) == "30000 x 30000 pixels, more than the 200 million allowed"
    assert time.monotonic() - start < 0.5
    assert reason(encode(corners()), max_pixels=6143) == "96 x 64 pixels, more than the 6143 allowed"
    assert decode(encode(corners()), max_pixels=6144).width == 96


@pytest.mark.parametrize("size", [(15, 400), (400, 15), (1, 1)])
def test_too_small(size: tuple[int, int]) -> None:
    assert reason(encode(Image.new("RGB", size))) == f"{size[0]} x {size[1]} pixels, too small: each side needs 16"


def test_pillows_own_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pillow warns above its limit and refuses above twice that; our limit counts wherever it lets us."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 6000)
    for kind in FORMATS:
        assert decode(encode(corners(), kind)).width == 96
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 3000)
    for kind in ("JPEG", "PNG", "AVIF"):
        assert decode(encode(corners(), kind)).width == 96
    assert reason(encode(corners(), "TIFF")) == "the photo has more pixels than Pillow decodes from TIFF"


def test_a_text_bomb_in_a_png() -> None:
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("Comment", "a" * 3_000_000, zip=True)
    assert reason(encode(corners(), "PNG", pnginfo=info)) == "the PNG file is damaged"


def test_out_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(ImageFile.ImageFile, "load", full)
    assert reason(encode(corners())) == "not enough memory to decode the photo"


def test_many_threads_leave_nothing_behind() -> None:
    photos = [encode(corners(), kind) for kind in FORMATS]
    photos += [encode(corners(), "TIFF", compression="tiff_lzw")[:-40], b"II*\0\x08\0\0\0\x01\0"]
    before = (list(warnings.filters), Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES)
    decoded: list[int] = []

    def work() -> None:
        for _ in range(10):
            for data in photos:
                try:
                    decoded.append(decode(data).width)
                except PhotoError:
                    decoded.append(0)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert decoded.count(96) == 4 * 10 * 5
    assert decoded.count(0) == 4 * 10 * 2
    assert before == (list(warnings.filters), Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES)


def test_quiet_silences_pillow_alone() -> None:
    with quiet, quiet:
        warnings.warn_explicit("corrupt", UserWarning, "x.py", 1, module="PIL.TiffImagePlugin")
        with pytest.raises(UserWarning):
            warnings.warn_explicit("ours", UserWarning, "x.py", 1, module="whence.photos")
    with pytest.raises(UserWarning):
        warnings.warn_explicit("corrupt", UserWarning, "x.py", 1, module="PIL.TiffImagePlugin")


def test_suffixes_are_lower_case() -> None:
    assert all(suffix == suffix.lower() and suffix.startswith(".") for suffix in SUFFIXES)
    assert {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".avif", ".heic"} <= set(SUFFIXES)


def test_importing_is_cheap() -> None:
    code = (
        "import sys, whence.photos.sources, whence.photos.folder, whence.photos.table, whence.photos.decode; "
        "print([name for name in ('PIL', 'cv2', 'torch') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

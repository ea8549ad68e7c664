"""Damaged files of every format: pixels or PhotoError, nothing else, and never a warning."""

from __future__ import annotations

import io
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from whence.errors import PhotoError
from whence.photos.decode import decode

WIDTH, HEIGHT = 40, 30


def originals() -> dict[str, bytes]:
    rng = np.random.default_rng(7)
    image = Image.fromarray(rng.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6
    exif.get_ifd(0x8825).update({1: "N", 2: (43.0, 28.0, 2.8), 3: "E", 4: (11.0, 53.0, 6.4)})
    found = {}
    variants: dict[str, tuple[str, Image.Image, dict[str, object]]] = {
        "jpeg": ("JPEG", image, {"quality": 60}),
        "progressive": ("JPEG", image, {"quality": 60, "progressive": True}),
        "png": ("PNG", image, {}),
        "palette": ("PNG", image.quantize(16), {"transparency": 3}),
        "webp": ("WEBP", image, {"quality": 40}),
        "tiff": ("TIFF", image, {}),
        "lzw": ("TIFF", image, {"compression": "tiff_lzw"}),
        "avif": ("AVIF", image, {"quality": 40}),
    }
    for name, (kind, picture, options) in variants.items():
        buffer = io.BytesIO()
        meta = {"tiffinfo": {0x0112: 6}} if name == "lzw" else {"exif": exif.tobytes()}  # libtiff writes no GPS
        picture.save(buffer, kind, **meta, **options)
        found[name] = buffer.getvalue()
    return found


ORIGINALS = originals()

edits = st.lists(
    st.tuples(
        st.sampled_from(["set", "flip", "cut", "insert", "delete"]),
        st.floats(0, 1),
        st.binary(min_size=1, max_size=6),
    ),
    min_size=1,
    max_size=4,
)


def mutate(data: bytes, changes: list[tuple[str, float, bytes]]) -> bytes:
    out = bytearray(data)
    for change, where, new in changes:
        # Squared, since the headers in front break in more ways than the pixels behind.
        at = int(where**2 * max(0, len(out) - 1))
        if change == "set":
            out[at : at + len(new)] = new
        elif change == "flip" and at < len(out):
            out[at] ^= new[0]
        elif change == "cut":
            del out[max(at, 1) :]
        elif change == "insert":
            out[at:at] = new
        else:
            del out[at : at + len(new)]
    return bytes(out)


@pytest.mark.parametrize("name", ORIGINALS)
@settings(max_examples=200, deadline=None)
@given(changes=edits)
def test_pixels_or_photo_error(name: str, changes: list[tuple[str, float, bytes]]) -> None:
    data = mutate(ORIGINALS[name], changes)
    with warnings.catch_warnings(record=True) as leaked:
        warnings.simplefilter("always")
        try:
            found = decode(data, max_side=32, max_pixels=1_000_000)
        except PhotoError as error:
            reason = str(error)
        else:
            reason = "none"
            assert max(found.pixels.shape[:2]) <= 32
            assert found.pixels.dtype == np.uint8
            assert found.width * found.height <= 1_000_000
    assert reason
    assert "\n" not in reason
    assert not [str(item.message) for item in leaked]


@pytest.mark.parametrize("name", ORIGINALS)
def test_every_original_decodes(name: str) -> None:
    found = decode(ORIGINALS[name])
    assert (found.width, found.height) == (HEIGHT, WIDTH)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from([b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\xff\0\0\0WEBP", b"II*\0", b"MM\0*"]), st.binary())
def test_noise_behind_a_true_beginning(start: bytes, noise: bytes) -> None:
    with pytest.raises(PhotoError):
        decode(start + noise, max_pixels=1_000_000)

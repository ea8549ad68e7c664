"""Corner cases from real cameras, outside this repository: the folder named by WHENCE_DATA."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from whence.errors import PhotoError
from whence.photos.decode import SUFFIXES, decode
from whence.photos.files import read
from whence.photos.folder import FolderSource
from whence.types import LatLon, Photo

DATA = os.environ.get("WHENCE_DATA", "")
pytestmark = [
    pytest.mark.photos,
    pytest.mark.skipif(not DATA, reason="WHENCE_DATA does not name the folder with the real photos"),
]
EXIF = Path(DATA) / "exif"


def test_positions() -> None:
    paths = sorted((EXIF / "gps").glob("*.jpg"))
    assert paths
    for path in paths:
        facts = decode(read(path)).exif
        assert facts.position is not None, path.name
        assert facts.position.lat == pytest.approx(43.467, abs=0.005)
        assert facts.position.lon == pytest.approx(11.882, abs=0.005)
        assert facts.position_problem == ""
        assert facts.time is not None
        assert facts.time.year == 2008


@pytest.mark.parametrize("shape", ["landscape", "portrait"])
def test_orientations_show_the_same_picture(shape: str) -> None:
    upright = decode(read(EXIF / "orientation" / f"{shape}_1.jpg"))
    for orientation in range(2, 9):
        turned = decode(read(EXIF / "orientation" / f"{shape}_{orientation}.jpg"))
        assert turned.exif.orientation == orientation
        assert (turned.width, turned.height) == (upright.width, upright.height)
        # The pictures carry their number, and were compressed one by one.
        alike = np.corrcoef(turned.pixels.ravel(), upright.pixels.ravel())[0, 1]
        assert alike > 0.95


def test_invalid_exif_costs_no_photo() -> None:
    paths = sorted((EXIF / "invalid").glob("*.jpg"))
    assert paths
    for path in paths:
        found = decode(read(path))
        assert found.exif.position is None
        assert found.exif.position_problem


def test_others() -> None:
    other = EXIF / "other"
    avif = decode(read(other / "mountains.avif"))
    assert (avif.width, avif.height) == (1920, 1080)
    placed = decode(read(other / "67-0_length_string.jpg")).exif
    assert placed.position is not None
    assert placed.position.lat == pytest.approx(51.025)
    assert placed.heading_deg == pytest.approx(291.39)
    assert placed.altitude_m == 340
    for name in ("33-type_error.jpg", "45-gps_ifd.jpg", "BlueSquare.jpg", "Canon_40D.jpg", "corrupted.jpg"):
        assert decode(read(other / name)).exif.position_problem == "no GPS position"


@pytest.mark.parametrize(
    ("name", "size"),
    [("spring_1440x960.heic", (1440, 960)), ("samplefilehub.heif", (640, 426)), ("mountains.avif", (1920, 1080))],
)
def test_heic_and_avif(name: str, size: tuple[int, int]) -> None:
    if not name.endswith("avif"):
        pytest.importorskip("pi_heif", reason="the extra heic is not installed")
    data = read(EXIF / "other" / name)
    found = decode(data, max_side=320)
    assert (found.width, found.height) == size
    assert max(found.pixels.shape) == 320
    assert found.pixels.std() > 20
    for kept in (100, len(data) // 2, len(data) - 10):
        with pytest.raises(PhotoError, match=r"file is cut short \(truncated\)"):
            decode(data[:kept])
    with pytest.raises(PhotoError, match=f"{size[0]} x {size[1]} pixels, more than the 1000 allowed"):
        decode(data, max_pixels=1000)


def with_metadata(data: bytes, item: int, payload: bytes) -> bytes:
    """The sample with another EXIF (item 2) or XMP (item 3), which lies in a box of its own at the end."""
    made = bytearray(data)
    entry = made.index(b"iloc") + 12 + 18 * (item - 1)  # number, base, how many extents, offset and length of the first
    made[entry + 4 : entry + 8] = (len(data) + 8).to_bytes(4, "big")
    made[entry + 10 : entry + 18] = bytes(4) + len(payload).to_bytes(4, "big")
    return bytes(made) + (len(payload) + 8).to_bytes(4, "big") + b"free" + payload


def test_positions_in_heic() -> None:
    pytest.importorskip("pi_heif", reason="the extra heic is not installed")
    data = read(EXIF / "other" / "samplefilehub.heif")
    exif = Image.Exif()
    exif[0x0112] = 6  # to be ignored: in this container only irot and imir turn
    exif[0x8825] = {1: "N", 2: (50.0, 30.0, 0.0), 3: "W", 4: (10.0, 0.0, 0.0)}
    found = decode(with_metadata(data, 2, b"\0\0\0\6" + exif.tobytes()))
    assert (found.exif.position, found.exif.position_source) == (LatLon(50.5, -10.0), "exif")
    assert (found.width, found.height) == (640, 426)
    rdf = 'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:exif="http://ns.adobe.com/exif/1.0/"'
    said = f'<rdf:RDF {rdf}><rdf:Description exif:GPSLatitude="50,30N" exif:GPSLongitude="10,0W"/></rdf:RDF>'
    found = decode(with_metadata(data, 3, said.encode()))
    assert (found.exif.position, found.exif.position_source) == (LatLon(50.5, -10.0), "xmp")


def turned_heic(data: bytes) -> bytes:
    """The sample with an irot box (90 degrees anticlockwise) among its properties, and EXIF that says 8 as well."""
    box, made = b"\0\0\0\x09irot\x01", bytearray(data)
    orientation = made.index(b"\x01\x12\0\x03\0\0\0\x01")
    made[orientation + 8 : orientation + 10] = (8).to_bytes(2, "big")
    offsets = made.index(b"iloc") + 12  # of three items, each with a base of 4 bytes behind 4 others
    for at in range(offsets + 4, offsets + 4 + 3 * 18, 18):
        made[at : at + 4] = (int.from_bytes(made[at : at + 4], "big") + len(box) + 1).to_bytes(4, "big")
    for name, more in ((b"meta", len(box) + 1), (b"iprp", len(box) + 1), (b"ipco", len(box)), (b"ipma", 1)):
        at = made.index(name) - 4
        made[at : at + 4] = (int.from_bytes(made[at : at + 4], "big") + more).to_bytes(4, "big")
    ends = made.index(b"ipma") - 4  # the end of ipco
    links = made.index(b"ipma") + 14  # how many properties the item has, and which
    assert made[links] == 2
    made[links : links + 3] = bytes([3, *made[links + 1 : links + 3], 0x83])
    made[ends:ends] = box
    return bytes(made)


def test_heic_turned_by_its_container_is_turned_once() -> None:
    """The same picture, told to be turned by 90 degrees: by an irot box in place of a free one, and by EXIF as well."""
    pytest.importorskip("pi_heif", reason="the extra heic is not installed")
    data = read(EXIF / "other" / "samplefilehub.heif")
    upright, turned = decode(data), decode(turned_heic(data))
    assert (turned.width, turned.height) == (upright.height, upright.width)
    alike = np.corrcoef(np.rot90(upright.pixels).ravel(), turned.pixels.ravel())[0, 1]
    assert alike > 0.99


def test_every_photo_decodes_or_says_why() -> None:
    """A sample of all folders, in every format there is."""
    photos = [item for item in FolderSource(Path(DATA)).photos() if isinstance(item, Photo)]
    assert {photo.path.suffix.lower() for photo in photos} <= set(SUFFIXES)
    with warnings.catch_warnings(record=True) as leaked:
        warnings.simplefilter("always")
        for photo in photos[:: max(1, len(photos) // 150)]:
            try:
                found = decode(read(photo.path))
            except PhotoError as error:
                reason = str(error)
                assert reason
                continue
            assert max(found.pixels.shape) <= 1024
    assert not leaked

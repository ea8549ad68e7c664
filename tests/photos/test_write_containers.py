"""Positions spliced into JPEG, PNG and WebP: read back by others too, and the picture's bytes are what they were."""

from __future__ import annotations

import io
import json
import shutil
import struct
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags
from PIL import Image as Pillow

from samples import textured
from whence.errors import PhotoError
from whence.photos.decode import decode, read_facts
from whence.photos.writing import inside, jpeg, png, webp
from whence.photos.writing.estimate import Estimate, UnwritableError
from whence.photos.writing.gpsblock import with_position
from whence.photos.writing.splices import Splice, applied, inverse
from whence.types import LatLon

MADE = datetime(2026, 11, 30, 12, 0, 0, tzinfo=UTC)
PLACE = Estimate(LatLon(45.4339123, -12.3391234), 24.6, 0.93, 271.25, "whence 1.0", MADE)
KINDS = ("JPEG", "PNG", "WebP", "WebP lossless", "WebP transparent", "JPEG progressive")
positions = st.builds(LatLon, st.floats(-90, 90), st.floats(-180, 180))


def photo(kind: str, exif: bytes = b"", **more: Any) -> bytes:
    image = Pillow.fromarray(textured(7, 64, 48))
    if kind == "WebP transparent":
        image.putalpha(Pillow.fromarray(np.linspace(0, 255, 64 * 48).reshape(48, 64).astype(np.uint8)))
    stream = io.BytesIO()
    options: dict[str, Any] = {"exif": exif} if exif else {}
    options |= {"lossless": True} if "lossless" in kind else {}
    options |= {"progressive": True} if "progressive" in kind else {}
    image.save(stream, kind.split()[0], **options, **more)
    return stream.getvalue()


def camera_exif(**gps: Any) -> bytes:
    """As a camera writes it: its make, a time, an orientation, notes of the maker, perhaps a GPS block."""
    exif = Pillow.Exif()
    exif[ExifTags.Base.Make] = "Camera"
    exif[ExifTags.Base.Orientation] = 6
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "2020:05:06 07:08:09"
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.MakerNote] = b"secret notes" * 5
    if gps:
        exif.get_ifd(ExifTags.IFD.GPSInfo).update({ExifTags.GPS[name]: value for name, value in gps.items()})
    return exif.tobytes()


def pixels(data: bytes) -> Any:
    return decode(data, max_side=4096).pixels


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("exif", [b"", camera_exif()], ids=["bare", "of a camera"])
def test_a_position_is_read_back_and_the_picture_stays(kind: str, exif: bytes) -> None:
    before = photo(kind, exif)
    after, splices = inside.with_position(before, ".x", PLACE)
    assert splices is not None
    facts = read_facts(after)
    assert facts.position is not None
    assert facts.position.lat == pytest.approx(PLACE.position.lat, abs=1e-8)
    assert facts.position.lon == pytest.approx(PLACE.position.lon, abs=1e-8)
    assert facts.heading_deg == pytest.approx(271.25)
    assert facts.accuracy_m == pytest.approx(24.6)
    assert np.array_equal(pixels(after), pixels(before))
    assert picture_bytes(after) == picture_bytes(before)
    assert applied(after, inverse(splices)) == before
    known = read_facts(before)
    assert (facts.time, facts.orientation) == (known.time, known.orientation)


def picture_bytes(data: bytes) -> bytes:
    """All that is not metadata: the parts of the container that hold pixels, byte for byte."""
    if data.startswith(b"\xff\xd8"):
        at = 2
        kept = []
        while data[at + 1] != 0xDA:
            end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
            if data[at + 1] != 0xE1:
                kept.append(data[at:end])
            at = end
        return b"".join(kept) + data[at:]
    if data.startswith(b"\x89PNG"):
        return b"".join(data[at:end] for kind, at, end in png_chunks(data) if kind != b"eXIf")
    kept, at = [], 12
    while at < len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        if data[at : at + 4] in (b"VP8 ", b"VP8L", b"ALPH", b"ICCP"):
            kept.append(data[at : at + 8 + size])
        at += 8 + size + size % 2
    return b"".join(kept)


def png_chunks(data: bytes) -> list[tuple[bytes, int, int]]:
    at, found = 8, []
    while at < len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        found.append((data[at + 4 : at + 8], at, end))
        at = end
    return found


@given(positions, st.floats(0.01, 1e9), st.none() | st.floats(-720, 720), st.sampled_from([b"", camera_exif()]))
@settings(max_examples=60, deadline=None)
def test_every_position_comes_back(where: LatLon, radius_m: float, heading: float | None, exif: bytes) -> None:
    estimate = Estimate(where, radius_m, 0.5, heading, "whence", MADE)
    if abs(where.lat) < 1e-6 and abs(where.lon) < 1e-6:
        return  # 0,0 is no position to any reader of ours
    after, _ = inside.with_position(photo("JPEG", exif), ".jpg", estimate)
    facts = read_facts(after)
    assert facts.position is not None
    assert facts.position.lat == pytest.approx(where.lat, abs=1e-8)
    assert facts.position.lon == pytest.approx(where.lon, abs=1e-8)
    assert (facts.heading_deg is None) == (heading is None)


def test_what_a_camera_wrote_stays_where_it_is() -> None:
    block = camera_exif(GPSTimeStamp=(7.0, 8.0, 9.0), GPSDateStamp="2020:05:06", GPSAltitude=3.0)[6:]
    after = with_position(block, PLACE)
    assert after[8 : len(block)] == block[8:]  # makers' notes point at places in it
    exif = Pillow.Exif()
    exif.load(b"Exif\0\0" + after)
    gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
    assert gps[ExifTags.GPS.GPSTimeStamp] == (7.0, 8.0, 9.0)
    assert gps[ExifTags.GPS.GPSDateStamp] == "2020:05:06"  # the receiver's, and not ours
    assert ExifTags.GPS.GPSAltitude not in gps  # of a fix that was not there
    assert exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.MakerNote] == b"secret notes" * 5
    assert b"not measured" in gps[ExifTags.GPS.GPSProcessingMethod]
    alone = Pillow.Exif()
    alone.load(b"Exif\0\0" + with_position(None, PLACE))
    assert alone.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSDateStamp] == "2026:11:30"


def test_little_and_big_ends_come_first() -> None:
    for order, mark in (("<", b"II"), (">", b"MM")):
        block = struct.pack(f"{order}2sHIHHHIHHI", mark, 42, 8, 1, 0x0112, 3, 1, 6, 0, 0)
        exif = Pillow.Exif()
        exif.load(b"Exif\0\0" + with_position(block, PLACE))
        assert exif[ExifTags.Base.Orientation] == 6
        assert exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] == "N"


@pytest.mark.parametrize(
    "block", [b"", b"II", b"XX*\0\0\0\0\x08", b"II*\0\xff\xff\xff\xff", b"II*\0\x08\0\0\0\xff\xff"]
)
def test_a_broken_block_is_not_added_to(block: bytes) -> None:
    with pytest.raises(UnwritableError, match="EXIF block"):
        with_position(block, PLACE)


def test_a_broken_gps_block_gives_way() -> None:
    block = struct.pack("<2sHIHHHIII", b"II", 42, 8, 1, 0x8825, 4, 1, 0xFFFF, 0)
    exif = Pillow.Exif()
    exif.load(b"Exif\0\0" + with_position(block, PLACE))
    assert exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLongitudeRef] == "W"


def segment(marker: int, body: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(body) + 2).to_bytes(2, "big") + body


def test_a_jpeg_that_cannot_take_it() -> None:
    plain = photo("JPEG")
    exif = segment(0xE1, b"Exif\0\0" + with_position(None, PLACE))
    several = plain[:2] + segment(0xE2, b"MPF\0" + bytes(40)) + exif + plain[2:]
    with pytest.raises(UnwritableError, match="several pictures"):
        jpeg.splices(several, PLACE)
    twice = plain[:2] + 2 * exif + plain[2:]
    with pytest.raises(UnwritableError, match="more than one EXIF"):
        jpeg.splices(twice, PLACE)
    full = b"II*\0\x08\0\0\0\0\0\0\0\0\0" + bytes(65_500)
    with pytest.raises(UnwritableError, match="no room"):
        jpeg.splices(plain[:2] + segment(0xE1, b"Exif\0\0" + full) + plain[2:], PLACE)
    for damaged in (plain[:30], plain[:2] + b"\0\0" + plain[2:], plain[:2] + b"\xff\xe5\0\0" + plain[2:]):
        with pytest.raises(UnwritableError, match="damaged"):
            jpeg.splices(damaged, PLACE)


def test_several_pictures_behind_the_exif_keep_their_places() -> None:
    """Places in a multi-picture JPEG count from its index, which moves with the pictures behind it."""
    plain = photo("JPEG", camera_exif())
    first = plain.index(b"\xff\xe1")
    end = first + 2 + int.from_bytes(plain[first + 2 : first + 4], "big")
    several = plain[:end] + segment(0xE2, b"MPF\0" + b"index" * 8) + plain[end:] + b"second picture"
    after, _ = inside.with_position(several, ".jpg", PLACE)
    assert after[after.index(b"MPF\0") :] == several[several.index(b"MPF\0") :]


def test_a_png_that_keeps_its_exif_as_text_is_left_alone() -> None:
    plain = photo("PNG")
    body = b"Raw profile type exif\0\0x"
    chunk = len(body).to_bytes(4, "big") + b"zTXt" + body + bytes(4)
    with pytest.raises(UnwritableError, match="as text"):
        png.splices(plain[:33] + chunk + plain[33:], PLACE)


SPLICERS: dict[str, Callable[[bytes, Estimate], list[Splice]]] = {
    "JPEG": jpeg.splices,
    "PNG": png.splices,
    "WebP": webp.splices,
}


@pytest.mark.parametrize("kind", SPLICERS)
@given(data=st.data())
@settings(max_examples=250, deadline=None)
def test_whatever_the_bytes_the_picture_stays_or_nothing_is_done(kind: str, data: st.DataObject) -> None:
    whole = bytearray(
        photo(kind, data.draw(st.sampled_from([b"", camera_exif(), camera_exif(GPSLatitude=(1.0, 2.0, 3.0))])))
    )
    for _ in range(data.draw(st.integers(0, 6))):
        at = data.draw(st.integers(0, len(whole) - 1))
        how = data.draw(st.sampled_from(["flip", "cut", "insert"]))
        if how == "flip":
            whole[at] = data.draw(st.integers(0, 255))
        elif how == "cut":
            del whole[at : at + data.draw(st.integers(1, 40))]
        else:
            whole[at:at] = data.draw(st.binary(max_size=20))
        if not whole:
            return
    before = bytes(whole)
    try:
        splices = SPLICERS[kind](before, PLACE)
    except UnwritableError:
        return
    after = applied(before, splices)
    assert applied(after, inverse(splices)) == before
    try:
        expected = pixels(before)
    except PhotoError:
        return
    orientation = read_facts(before).orientation, read_facts(after).orientation
    if orientation[0] == orientation[1]:  # of a block that only some readers can read
        assert np.array_equal(pixels(after), expected)


def test_splices_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        applied(b"abc", [Splice(1, b"x", b"y")])
    with pytest.raises(ValueError, match="does not fit"):
        applied(b"abc", [Splice(0, b"ab", b""), Splice(1, b"b", b"y")])


@given(st.binary(max_size=60), st.data())
def test_splices_can_be_taken_back(before: bytes, data: st.DataObject) -> None:
    at, splices = 0, []
    while at < len(before) and data.draw(st.booleans()):
        start = data.draw(st.integers(at, len(before)))
        end = data.draw(st.integers(start, len(before)))
        splices.append(Splice(start, before[start:end], data.draw(st.binary(max_size=9))))
        at = end + 1
    assert applied(applied(before, splices), inverse(splices)) == before


needs_exiftool = pytest.mark.skipif(
    shutil.which("exiftool") is None, reason="exiftool (Debian: libimage-exiftool-perl)"
)


def exiftool_values(path: Path) -> dict[str, Any]:
    done = subprocess.run(["exiftool", "-n", "-j", "-G1", str(path)], capture_output=True, text=True, check=True)
    values: dict[str, Any] = json.loads(done.stdout)[0]
    return values


@needs_exiftool
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("exif", [b"", camera_exif(GPSTimeStamp=(7.0, 8.0, 9.0))], ids=["bare", "of a camera"])
def test_exiftool_reads_back_what_was_written(kind: str, exif: bytes, tmp_path: Path) -> None:
    path = tmp_path / f"photo.{kind.split()[0].lower()}"
    path.write_bytes(inside.with_position(photo(kind, exif), ".x", PLACE)[0])
    said = exiftool_values(path)
    assert float(said["GPS:GPSLatitude"]) == pytest.approx(45.4339123, abs=1e-8)
    assert said["GPS:GPSLatitudeRef"] == "N"
    assert float(said["GPS:GPSLongitude"]) == pytest.approx(12.3391234, abs=1e-8)
    assert said["GPS:GPSLongitudeRef"] == "W"
    assert said["GPS:GPSMapDatum"] == "WGS-84"
    assert float(said["GPS:GPSHPositioningError"]) == pytest.approx(24.6)
    assert float(said["GPS:GPSImgDirection"]) == pytest.approx(271.25)
    assert "estimated from the picture on 2026-11-30, not measured" in said["GPS:GPSProcessingMethod"]
    assert "ExifTool:Warning" not in said
    assert ("IFD0:Make" in said) == bool(exif)


@needs_exiftool
def test_a_tiff_is_written_by_exiftool_and_its_picture_stays() -> None:
    before = photo("TIFF")
    after, splices = inside.with_position(before, ".tif", PLACE)
    assert splices is None
    facts = read_facts(after)
    assert facts.position is not None
    assert facts.position.lon == pytest.approx(PLACE.position.lon, abs=1e-7)
    assert np.array_equal(pixels(after), pixels(before))


def test_without_exiftool_a_tiff_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UnwritableError, match="exiftool, which is not installed"):
        inside.with_position(photo("TIFF"), ".tif", PLACE)


def test_a_new_block_of_a_jpeg_tells_its_resolution() -> None:
    for dpi, unit, expected in ((300, 2, 300), (0, 2, 72)):
        plain = photo("JPEG", dpi=(dpi, dpi))
        exif = Pillow.open(io.BytesIO(applied(plain, jpeg.splices(plain, PLACE)))).getexif()
        assert exif[ExifTags.Base.XResolution] == exif[ExifTags.Base.YResolution] == expected
        assert exif[ExifTags.Base.ResolutionUnit] == unit
    plain = photo("JPEG", dpi=(300, 300))
    metric = plain.replace(b"JFIF\0\x01\x01\x01\x01\x2c\x01\x2c", b"JFIF\0\x01\x01\x02\0\x76\0\x76")
    assert metric != plain
    exif = Pillow.open(io.BytesIO(applied(metric, jpeg.splices(metric, PLACE)))).getexif()
    assert (exif[ExifTags.Base.XResolution], exif[ExifTags.Base.ResolutionUnit]) == (118, 3)


@needs_exiftool
@pytest.mark.parametrize("kind", KINDS)
def test_exiftool_minds_the_processing_method_alone(kind: str, tmp_path: Path) -> None:
    """The standard knows four methods, and none of them is ours."""
    path = tmp_path / f"photo.{kind.split()[0].lower()}"
    path.write_bytes(inside.with_position(photo(kind), ".x", PLACE)[0])
    asked = ["exiftool", "-warning", "-a", "-s3", "-validate", str(path)]
    said = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.splitlines()
    of_ours = "Invalid value for GPS tag 0x001b GPSProcessingMethod"
    assert [line for line in said if line not in (of_ours, "OK", "1 Warning")] == []

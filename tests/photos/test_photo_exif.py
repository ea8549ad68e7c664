"""Facts from EXIF that Pillow wrote, and from EXIF that nobody should have written."""

from __future__ import annotations

import io
import warnings
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from whence.photos.exif import ExifFacts, read_exif
from whence.types import LatLon

GPS, CAMERA = 0x8825, 0x8769
FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "AVIF")


def exif_of(main: dict[int, Any] | None = None, camera: Any = None, gps: Any = None) -> Image.Exif:
    exif = Image.Exif()
    for tag, value in (main or {}).items():
        exif[tag] = value
    exif.get_ifd(CAMERA).update(camera or {})
    exif.get_ifd(GPS).update(gps or {})
    return exif


def picture(exif: Image.Exif | bytes, kind: str = "JPEG") -> Image.Image:
    buffer = io.BytesIO()
    Image.new("RGB", (32, 24)).save(buffer, kind, exif=exif)
    return Image.open(buffer, formats=[kind])


def facts(main: dict[int, Any] | None = None, camera: Any = None, gps: Any = None) -> ExifFacts:
    return read_exif(picture(exif_of(main, camera, gps)))


PLACE = {1: "S", 2: (33.0, 51.0, 30.0), 3: "E", 4: (151.0, 12.0, 36.0), 5: b"\1", 6: 2.5, 16: "T", 17: 270.5, 31: 4.0}


@pytest.mark.parametrize("kind", FORMATS)
def test_all_facts_from_every_format(kind: str) -> None:
    camera = {0x9003: "2024:05:31 14:05:09", 0x9011: "+02:00", 0xA405: 28}
    found = read_exif(picture(exif_of({0x0112: 1}, camera, PLACE).tobytes(), kind))
    assert found.position is not None
    assert (found.position.lat, found.position.lon) == pytest.approx((-33.858333333, 151.21))
    assert found.position_problem == ""
    assert found.altitude_m == -2.5
    assert found.heading_deg == 270.5
    assert found.accuracy_m == 4.0
    assert found.focal_35mm == 28
    assert found.time == datetime(2024, 5, 31, 14, 5, 9, tzinfo=timezone(timedelta(hours=2)))
    assert found.orientation == 1


def test_no_exif() -> None:
    assert read_exif(Image.new("RGB", (8, 8))) == ExifFacts()
    assert ExifFacts().position_problem == "no GPS position"


def test_unset_seconds_in_a_file() -> None:
    lat = (IFDRational(33), IFDRational(515, 10), IFDRational(0, 0))
    found = facts(gps={**PLACE, 2: lat})
    assert found.position == LatLon(-33 - 51.5 / 60, 151 + 12 / 60 + 36 / 3600)


ORIGINAL, OFFSET_ORIGINAL, OFFSET_DIGITIZED, OFFSET, CHANGED = 0x9003, 0x9011, 0x9012, 0x9010, 0x0132
WITH_GPS = {29: "2008:10:23", 7: (14.0, 27.0, 7.0)}


@pytest.mark.parametrize(
    ("main", "camera", "gps", "expected"),
    [
        ({}, {ORIGINAL: "2024:05:31 14:05:09"}, {}, datetime(2024, 5, 31, 14, 5, 9)),
        ({}, {ORIGINAL: "2024-05-31T14:05:09"}, {}, datetime(2024, 5, 31, 14, 5, 9)),
        ({}, {ORIGINAL: "2024:05:31 14:05:09", OFFSET_ORIGINAL: "Z"}, {}, datetime(2024, 5, 31, 14, 5, 9, 0, UTC)),
        (
            {},
            {ORIGINAL: "2024:05:31 14:05:09", OFFSET_ORIGINAL: "-03:30"},
            {},
            datetime(2024, 5, 31, 17, 35, 9, tzinfo=UTC),
        ),
        ({}, {ORIGINAL: "2024:05:31 14:05:09", OFFSET_ORIGINAL: "   :  "}, {}, datetime(2024, 5, 31, 14, 5, 9)),
        ({}, {ORIGINAL: "2024:05:31 14:05:09", OFFSET_ORIGINAL: "+99:00"}, {}, datetime(2024, 5, 31, 14, 5, 9)),
        ({}, {ORIGINAL: "2024:05:31 14:05:09"}, WITH_GPS, datetime(2024, 5, 31, 14, 5, 9)),
        ({}, {ORIGINAL: "0000:00:00 00:00:00"}, WITH_GPS, datetime(2008, 10, 23, 14, 27, 7, 0, UTC)),
        ({CHANGED: "2024:05:31 14:05:09"}, {}, WITH_GPS, datetime(2008, 10, 23, 14, 27, 7, 0, UTC)),
        ({CHANGED: "2024:05:31 14:05:09"}, {ORIGINAL: "    :  :     :  :  "}, {}, datetime(2024, 5, 31, 14, 5, 9)),
        ({CHANGED: "2024:05:31 14:05:09"}, {OFFSET: "+0100"}, {}, datetime(2024, 5, 31, 13, 5, 9, 0, UTC)),
        ({CHANGED: "2024:02:31 14:05:09"}, {}, {}, None),
        ({CHANGED: "yesterday"}, {}, {}, None),
        ({}, {}, {29: "2008:10:23"}, None),
    ],
)
def test_time(main: Any, camera: Any, gps: Any, expected: datetime | None) -> None:
    found = facts(main, camera, gps).time
    assert found == expected
    assert (found is None) == (expected is None) or (
        found and expected and (found.tzinfo is None) == (expected.tzinfo is None)
    )


TAKEN = "2024:05:31 14:05:09"


@pytest.mark.parametrize(
    ("offsets", "utc", "minutes"),
    [
        ({OFFSET: "+02:00"}, None, 120),
        ({OFFSET_DIGITIZED: "+02:00"}, None, 120),
        ({OFFSET_DIGITIZED: "+02:00", OFFSET: "-07:00"}, None, 120),  # the last is of the program that changed it
        ({OFFSET_ORIGINAL: "-03:30", OFFSET_DIGITIZED: "+02:00", OFFSET: "+02:00"}, None, -210),
        ({OFFSET_ORIGINAL: "   :  ", OFFSET: "+02:00"}, None, 120),
        ({OFFSET: "+02:00"}, (31, 11, 5, 9), 120),  # what is written counts
        ({}, (31, 12, 5, 9), 120),
        ({}, (31, 14, 5, 9), 0),
        ({}, (31, 8, 20, 9), 345),  # Nepal
        ({}, (31, 17, 35, 39), -210),  # the clocks are 30 s apart
        ({}, (31, 17, 35, 40), None),
        ({}, (31, 12, 4, 38), None),
        ({}, (31, 0, 5, 9), 840),
        ({}, (30, 23, 5, 9), 900),
        ({}, (30, 22, 50, 9), None),
    ],
)
def test_a_zone_from_the_other_clocks(offsets: Any, utc: tuple[int, ...] | None, minutes: int | None) -> None:
    place = {} if utc is None else {29: f"2024:05:{utc[0]:02}", 7: tuple(map(float, utc[1:]))}
    found = facts(camera={ORIGINAL: TAKEN, **offsets}, gps=place).time
    assert found is not None
    assert found.replace(tzinfo=None) == datetime(2024, 5, 31, 14, 5, 9)
    assert found.utcoffset() == (None if minutes is None else timedelta(minutes=minutes))


@pytest.mark.parametrize(("written", "read"), [(0, None), (1, 1.0), (65535, None), (24, 24.0)])
def test_focal_length(written: int, read: float | None) -> None:
    assert facts(camera={0xA405: written}).focal_35mm == read


class Stub(Image.Image):
    """An image with EXIF of our choice, as no file could carry it through Pillow's writer."""

    def __init__(self, answer: Image.Exif | Exception) -> None:
        super().__init__()
        self.answer = answer

    def getexif(self) -> Image.Exif:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.mark.parametrize(
    ("written", "read"),
    [(1, 1), (6, 6), (8, 8), (6.0, 6), ((6,), 6), (0, 1), (9, 1), (-3, 1), (2.5, 1), ((6, 6), 1), ("6", 1), (b"6", 1)],
)
def test_orientation(written: Any, read: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = written
    assert read_exif(Stub(exif)).orientation == read


def test_broken_gps_costs_no_other_fact() -> None:
    exif = exif_of({0x0132: "2024:05:31 14:05:09", 0x0112: 6})
    exif[GPS] = 4_000_000  # beyond the end
    found = read_exif(picture(exif.tobytes()))
    assert found.position is None
    assert found.position_problem
    assert found.time == datetime(2024, 5, 31, 14, 5, 9)
    assert found.orientation == 6


@pytest.mark.parametrize(
    "raw", [b"", b"garbage", b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\xff\xff", b"MM\0*\0\0\0\x08\0\x01\x87\x69"]
)
def test_broken_exif_is_no_facts(raw: bytes) -> None:
    image = Image.new("RGB", (8, 8))
    image.info["exif"] = b"Exif\0\0" + raw
    found = read_exif(image)
    assert found == ExifFacts(position_problem=found.position_problem)
    assert found.position_problem in ("no GPS position", "EXIF is broken")


@pytest.mark.parametrize("error", [OSError(), AssertionError(), KeyError(1), RecursionError(), UserWarning("corrupt")])
def test_never_raises(error: Exception) -> None:
    assert read_exif(Stub(error)) == ExifFacts(position_problem="EXIF is broken")


@settings(max_examples=150)
@given(st.binary(max_size=40), st.integers(0, 10_000), st.booleans())
def test_mutated_exif_is_quiet(noise: bytes, at: int, cut: bool) -> None:
    camera = {0x9003: "2024:05:31 14:05:09", 0x9011: "+02:00", 0xA405: 28}
    raw = exif_of({0x0112: 6, 0x0132: "2024:05:31 14:05:09"}, camera, PLACE).tobytes()
    at %= len(raw)
    mutated = raw[:at] + noise + (b"" if cut else raw[at + len(noise) :])
    image = Image.new("RGB", (8, 8))
    image.info["exif"] = b"Exif\0\0" + mutated.removeprefix(b"Exif\0\0")
    with warnings.catch_warnings(record=True) as leaked:
        warnings.simplefilter("always")
        found = read_exif(image)
    assert not leaked
    assert (found.position is None) == bool(found.position_problem)
    assert found.orientation in range(1, 9)

"""XMP: every way in which it says where and when, in every format that carries it; and nothing that breaks it."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from samples import textured
from whence.photos.decode import decode
from whence.photos.xmp import MAX_BYTES, read_xmp
from whence.types import Fix, LatLon

NAMESPACES = (
    'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:exif="http://ns.adobe.com/exif/1.0/" '
    'xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" xmlns:xmp="http://ns.adobe.com/xap/1.0/" '
    'xmlns:xmpMM="http://ns.adobe.com/xap/1.0/mm/" xmlns:drone-dji="http://www.dji.com/drone-dji/1.0/" '
    'xmlns:GPano="http://ns.google.com/photos/1.0/panorama/"'
)


def packet(attributes: str = "", elements: str = "") -> bytes:
    return (
        f'<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        f'<rdf:RDF {NAMESPACES}><rdf:Description rdf:about="" {attributes}>{elements}</rdf:Description></rdf:RDF>'
        f'</x:xmpmeta>{" " * 2000}\n<?xpacket end="w"?>'
    ).encode()


def position(lat: str, lon: str) -> tuple[LatLon | None, str]:
    fix, problem = read_xmp(packet(f'exif:GPSLatitude="{lat}" exif:GPSLongitude="{lon}"'))
    return fix.position, problem


@pytest.mark.parametrize(
    ("lat", "lon", "expected"),
    [
        ("45,26.1234N", "12,20.5E", LatLon(45.43539, 12.3416667)),
        ("45,26,7.4N", "12,20,30E", LatLon(45.4353889, 12.3416667)),
        ("33,52.0S", "151,12.5E", LatLon(-33.8666667, 151.2083333)),
        ("40,26.0N", "79,58.5w", LatLon(40.4333333, -79.975)),
        ("45.4354", "12.3417", LatLon(45.4354, 12.3417)),
        ("-33.8667", "+151.2083", LatLon(-33.8667, 151.2083)),
        ("33.8667 S", "151.2083 E", LatLon(-33.8667, 151.2083)),
        ("45, 26, 7.4 N", "12, 20, 30 E", LatLon(45.4353889, 12.3416667)),
        ("0,0.0N", "6,30.0W", LatLon(0.0, -6.5)),
        ("45,60.0N", "12,59,60E", LatLon(46.0, 13.0)),
    ],
)
def test_positions(lat: str, lon: str, expected: LatLon) -> None:
    found, problem = position(lat, lon)
    assert problem == ""
    assert found is not None
    assert (found.lat, found.lon) == pytest.approx((expected.lat, expected.lon), abs=1e-6)


@pytest.mark.parametrize(
    ("lat", "lon", "words"),
    [
        ("0,0N", "0,0E", "GPS position is 0,0"),
        ("91.5", "10", "GPS latitude 91.5 is out of range (-90 to 90)"),
        ("45,61N", "12,20E", "GPS latitude is broken: 61 minutes, 0 seconds"),
        ("45,26", "12,20E", "GPS latitude does not say whether it is N or S"),
        ("45,26E", "12,20E", "GPS latitude is broken: marked 'E', expected N or S"),
        ("north", "12,20E", "GPS latitude is broken: it is not a number"),
        ("-45,26N", "12,20E", "GPS latitude is broken: negative, but marked N"),
    ],
)
def test_broken_positions(lat: str, lon: str, words: str) -> None:
    assert position(lat, lon) == (None, words)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-16"])
@pytest.mark.parametrize("begin", ["\ufeff", ""])
@pytest.mark.parametrize(("before", "after"), [("", ""), ("\n ", "\0\0"), ("\0", " \n")])
def test_packets_in_utf_16_with_and_without_a_mark(encoding: str, begin: str, before: str, after: str) -> None:
    text = packet('exif:GPSLatitude="45.5" exif:GPSLongitude="12.5"').decode().replace("\ufeff", begin)
    data = (before + text + after).encode(encoding)
    for whole in (data, data + b"\0"):
        assert read_xmp(whole) == (Fix(LatLon(45.5, 12.5), "xmp"), "")


def test_one_coordinate_is_no_position() -> None:
    assert read_xmp(packet('exif:GPSLatitude="45,26.1N"'))[1] == "GPS position has no longitude"


@pytest.mark.parametrize("as_elements", [False, True])
def test_all_facts_as_attributes_and_as_elements(as_elements: bool) -> None:
    said = {
        "exif:GPSLatitude": "45,26.0N",
        "exif:GPSLongitude": "12,20.0E",
        "exif:GPSAltitude": "1255/10",
        "exif:GPSAltitudeRef": "1",
        "exif:GPSImgDirection": "275/2",
        "exif:GPSHPositioningError": "4.5",
        "exif:DateTimeOriginal": "2024-05-01T14:05:00.25+02:00",
    }
    if as_elements:
        data = packet(elements="".join(f"<{name}>\n {value} </{name}>" for name, value in said.items()))
    else:
        data = packet(" ".join(f'{name}="{value}"' for name, value in said.items()))
    fix, problem = read_xmp(data, "sidecar")
    when = datetime(2024, 5, 1, 14, 5, 0, 250_000, timezone(timedelta(hours=2)))
    assert problem == ""
    assert fix == Fix(LatLon(45 + 26 / 60, 12 + 20 / 60), "sidecar", when, 137.5, -125.5, 4.5)


def test_what_is_nested_tells_of_other_photos() -> None:
    other = '<rdf:Description exif:GPSLatitude="1,0N" exif:GPSLongitude="1,0E" xmp:CreateDate="2001-01-01T00:00:00"/>'
    fix, problem = read_xmp(
        packet(elements=f"<xmpMM:Pantry><rdf:Bag><rdf:li>{other}</rdf:li></rdf:Bag></xmpMM:Pantry>")
    )
    assert (fix, problem) == (Fix(None, "xmp"), "no GPS position")


@pytest.mark.parametrize("longitude", ["GpsLongitude", "GpsLongtitude"])
def test_drones(longitude: str) -> None:
    said = f'drone-dji:GpsLatitude="+46.1" drone-dji:{longitude}="-7.5" drone-dji:AbsoluteAltitude="+1200.50"'
    fix, _ = read_xmp(packet(said))
    assert fix == Fix(LatLon(46.1, -7.5), "xmp", altitude_m=1200.5)


def test_panoramas_say_where_their_middle_looks() -> None:
    assert read_xmp(packet('GPano:PoseHeadingDegrees="123.5"'))[0].heading_deg == 123.5
    both = packet('GPano:PoseHeadingDegrees="123.5" exif:GPSImgDirection="10/1"')
    assert read_xmp(both)[0].heading_deg == 10


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ('photoshop:DateCreated="2024-05-01T14:05:00"', datetime(2024, 5, 1, 14, 5)),
        ('xmp:CreateDate="2024-05-01T14:05Z"', datetime(2024, 5, 1, 14, 5, tzinfo=UTC)),
        ('exif:GPSTimeStamp="2024-05-01T12:05:00Z"', datetime(2024, 5, 1, 12, 5, tzinfo=UTC)),
        ('photoshop:DateCreated="2024-05-01" xmp:CreateDate="2024-05-02T01:02:03"', datetime(2024, 5, 2, 1, 2, 3)),
        ('xmp:CreateDate="2024-13-01T14:05:00"', None),
        ('xmp:CreateDate="2024"', None),
    ],
)
def test_times(said: str, expected: datetime | None) -> None:
    assert read_xmp(packet(said))[0].time == expected


BOMB = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "XMP is broken: it is not well-formed XML (line 1)"),
        (b"not XML at all", "XMP is broken: it is not well-formed XML (line 1)"),
        (packet()[:-300].rstrip(), "no GPS position"),  # only the wrapper's end is missing
        (packet()[:200], "XMP is broken: it is not well-formed XML (line 1)"),
        (BOMB + b"<x>&b;</x>", "XMP is broken: it has a document type (DOCTYPE), which is not read for safety"),
        (
            BOMB.decode().encode("utf-16"),
            "XMP is broken: it has a document type (DOCTYPE), which is not read for safety",
        ),
        (b'<?xml version="1.0" encoding="klingon"?><x/>', "XMP is broken: it is not text in an encoding that is known"),
        (b" " * (MAX_BYTES + 1), f"XMP is broken: {MAX_BYTES + 1:,} bytes, more than the {MAX_BYTES:,} allowed"),
        (b"<x>" * 200_000, "XMP is broken: it is not well-formed XML (line 1)"),
        (b"<kml/>", "no GPS position"),
    ],
)
def test_broken_packets(data: bytes, words: str) -> None:
    assert read_xmp(data) == (Fix(None, "xmp"), words)


def test_utf_16() -> None:
    said = packet('exif:GPSLatitude="45,26.0N" exif:GPSLongitude="12,20.0E"').decode()
    assert read_xmp(said.encode("utf-16"))[0].position == LatLon(45 + 26 / 60, 12 + 20 / 60)


@given(st.binary(max_size=300), st.integers(0, 700), st.integers(0, 200))
def test_never_raises(noise: bytes, at: int, length: int) -> None:
    whole = packet('exif:GPSLatitude="45,26.0N" exif:GPSLongitude="12,20.0E"')
    fix, problem = read_xmp(whole[:at] + noise + whole[at + length :])
    assert (fix.position is None) == bool(problem)


@given(st.floats(-90, 90), st.floats(-180, 180))
def test_degrees_and_decimal_minutes_give_back_what_was_written(lat: float, lon: float) -> None:
    def words(value: float, letters: str) -> str:
        degrees, rest = divmod(abs(value), 1)
        return f"{degrees:.0f},{min(rest * 60, 59.99999999):.8f}{letters[value < 0]}"

    found, problem = position(words(lat, "NS"), words(lon, "EW"))
    if found is None:
        assert problem == "GPS position is 0,0"
    else:
        assert (found.lat, found.lon) == pytest.approx((lat, lon), abs=1e-9)


HERE = packet('exif:GPSLatitude="45,26.0N" exif:GPSLongitude="12,20.0E" exif:GPSHPositioningError="5"')


def photo(kind: str, xmp: bytes, exif: Image.Exif | None = None) -> bytes:
    options: dict[str, Any] = {"xmp": xmp}
    if kind == "PNG":
        options = {"pnginfo": PngInfo()}
        options["pnginfo"].add_itxt("XML:com.adobe.xmp", xmp.decode())
    elif kind == "TIFF":
        options = {"tiffinfo": {700: xmp}}
    if exif is not None:
        options["exif"] = exif
    stream = io.BytesIO()
    Image.fromarray(textured(0, 64, 48)).save(stream, kind, **options)
    return stream.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_every_format_carries_it(kind: str) -> None:
    facts = decode(photo(kind, HERE)).exif
    assert facts.position == LatLon(45 + 26 / 60, 12 + 20 / 60)
    assert (facts.position_source, facts.position_problem, facts.accuracy_m) == ("xmp", "", 5)


def gps(**more: Any) -> Image.Exif:
    exif = Image.Exif()
    exif[0x8825] = {1: "N", 2: (50.0, 0.0, 0.0), 3: "E", 4: (10.0, 0.0, 0.0)} | {int(k[1:]): v for k, v in more.items()}
    return exif


def test_exif_wins_field_by_field() -> None:
    said = HERE.replace(b"rdf:about", b'exif:GPSImgDirection="90" exif:GPSAltitude="7" rdf:about')
    facts = decode(photo("JPEG", said, gps(_5=b"\0", _6=250.0))).exif
    assert (facts.position, facts.position_source) == (LatLon(50.0, 10.0), "exif")
    assert (facts.altitude_m, facts.heading_deg) == (250.0, 90.0)
    assert facts.accuracy_m is None  # XMP's is that of another position


def test_accuracy_in_exif_is_kept() -> None:
    assert decode(photo("JPEG", b"", gps(_31=3.5))).exif.accuracy_m == 3.5


def test_xmp_stands_in_for_a_broken_gps_block_and_is_silent_when_broken_itself() -> None:
    broken = Image.Exif()
    broken[0x8825] = {2: (50.0, 0.0, 0.0), 4: (10.0, 0.0, 0.0)}
    assert decode(photo("JPEG", HERE, broken)).exif.position_source == "xmp"
    facts = decode(photo("JPEG", b"<broken", broken)).exif
    assert facts.position_problem == "GPS latitude does not say whether it is N or S"
    assert decode(photo("JPEG", b"<broken")).exif.position_problem.startswith("XMP is broken")
    assert decode(photo("JPEG", b"<broken", gps())).exif.position == LatLon(50.0, 10.0)


def test_xmp_lends_its_zone_to_the_same_time() -> None:
    exif = gps()
    exif[0x8769] = {0x9003: "2024:05:01 14:05:00"}
    same = decode(photo("JPEG", packet('exif:DateTimeOriginal="2024-05-01T14:05:00+02:00"'), exif)).exif
    assert same.time == datetime(2024, 5, 1, 12, 5, tzinfo=UTC)
    other = decode(photo("JPEG", packet('exif:DateTimeOriginal="2024-05-01T15:05:00+02:00"'), exif)).exif
    assert other.time == datetime(2024, 5, 1, 14, 5)

"""Sidecars with a position: new ones, and those that other programs wrote before."""

from __future__ import annotations

import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whence.photos.writing import sidecar
from whence.photos.writing.estimate import Estimate, UnwritableError
from whence.photos.writing.splices import applied
from whence.photos.xmp import read_xmp
from whence.types import LatLon

PLACE = Estimate(LatLon(-33.8567844, 151.2152967), 40.0, 0.85, 12.5, 'w "1" <&>', datetime(2026, 11, 30, tzinfo=UTC))
OTHERS = b"""<?xml version="1.0"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<r:Description r:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="5"><xmp:Label>red</xmp:Label>
</r:Description></r:RDF></x:xmpmeta>"""


@given(st.floats(-90, 90), st.floats(-180, 180), st.none() | st.floats(0, 360))
def test_every_position_comes_back(lat: float, lon: float, heading: float | None) -> None:
    if abs(lat) < 1e-6 and abs(lon) < 1e-6:
        return
    fix, problem = read_xmp(sidecar.new(Estimate(LatLon(lat, lon), 9.0, 0.9, heading, "whence", PLACE.made)))
    assert not problem
    assert fix.position is not None
    assert fix.position.lat == pytest.approx(lat, abs=1e-8)
    assert fix.position.lon == pytest.approx(lon, abs=1e-8)
    assert fix.accuracy_m == pytest.approx(9.0)
    assert (fix.heading_deg is None) == (heading is None)


def test_what_others_wrote_stays() -> None:
    after = applied(OTHERS, sidecar.splices(OTHERS, PLACE))
    fix, problem = read_xmp(after)
    assert not problem
    assert fix.position is not None
    assert (fix.position.lat, fix.position.lon) == pytest.approx((-33.8567844, 151.2152967))
    assert b'xmp:Rating="5"' in after
    assert b"<xmp:Label>red</xmp:Label>" in after


def packet(attributes: str, about: str = "") -> bytes:
    return f"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="{about}" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:exif="http://ns.adobe.com/exif/1.0/"
 {attributes}><exif:GPSVersionID>2.2.0.0</exif:GPSVersionID></rdf:Description></rdf:RDF></x:xmpmeta>""".encode()


DATED = packet('xmp:MetadataDate="2020-01-01T00:00:00Z" exif:GPSMapDatum="WGS-84" exif:GPSImgDirection="7/1"', "uuid:1")


def test_no_property_is_said_twice() -> None:
    after = applied(DATED, sidecar.splices(DATED, PLACE))
    for name in (b"xmp:MetadataDate=", b"exif:GPSVersionID>2.2", b"exif:GPSMapDatum", b"GPSImgDirection"):
        assert after.count(name) == 1
    assert b"exif:GPSVersionID=" not in after
    assert after.count(b'rdf:about="uuid:1"') == 2
    fix, problem = read_xmp(after + bytes(9))
    assert not problem
    assert fix.position is not None
    assert fix.heading_deg == pytest.approx(7.0)


@pytest.mark.parametrize("said", ['exif:GPSMapDatum="TOKYO"', 'exif:GPSProcessingMethod="GPS"'])
def test_what_was_said_of_another_position_is_no_place_for_ours(said: str) -> None:
    name = said[5 : said.index("=")]
    with pytest.raises(UnwritableError, match=f"its sidecar has {name} of another position"):
        sidecar.splices(packet(said), PLACE)


def test_what_speaks_of_a_position_or_is_broken_is_left_alone() -> None:
    with pytest.raises(UnwritableError, match="a position"):
        sidecar.splices(sidecar.new(PLACE), PLACE)
    with pytest.raises(UnwritableError, match="not well-formed"):
        sidecar.splices(OTHERS[:-9], PLACE)
    with pytest.raises(UnwritableError, match="added to"):
        sidecar.splices(b"<a/>", PLACE)


@pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool (Debian: libimage-exiftool-perl)")
@pytest.mark.parametrize("packet", [sidecar.new(PLACE), applied(OTHERS, sidecar.splices(OTHERS, PLACE))])
def test_exiftool_reads_them(packet: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.xmp"
    path.write_bytes(packet)
    asked = ["exiftool", "-n", "-s3", "-GPSLatitude", "-GPSLongitude", "-GPSImgDirection", str(path)]
    said = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split()
    assert [float(value) for value in said] == pytest.approx([-33.8567844, 151.2152967, 12.5], abs=1e-8)


@pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool (Debian: libimage-exiftool-perl)")
@pytest.mark.parametrize("before", [None, OTHERS, DATED], ids=["new", "of others", "dated"])
def test_exiftool_finds_nothing_wrong(before: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "a.xmp"
    path.write_bytes(sidecar.new(PLACE) if before is None else applied(before, sidecar.splices(before, PLACE)))
    asked = ["exiftool", "-validate", "-warning", "-a", "-s3", str(path)]
    assert subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split() == ["OK"]

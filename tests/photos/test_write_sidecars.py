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

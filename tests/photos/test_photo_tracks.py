"""GPX tracks: where they were at a time, and no more than they know."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from whence.errors import InputError
from whence.geo.distance import distances_m
from whence.photos.tracks import Tracks, parse_offset
from whence.types import Fix, LatLon, Skipped

START = datetime(2024, 5, 1, 12, 0, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def tracks(*segments: list[tuple[float, float, float]], height: float = math.nan, **options: Any) -> Tracks:
    rows = [[(START.timestamp() + s, lat, lon, height) for s, lat, lon in points] for points in segments]
    return Tracks([np.array(row, dtype=np.float64).reshape(-1, 4) for row in rows], **options)


def near(found: Fix | None, lat: float, lon: float) -> bool:
    assert found is not None
    assert found.position is not None
    return (found.position.lat, found.position.lon) == pytest.approx((lat, lon), abs=1e-7)


def point(seconds: float, lat: object, lon: object, more: str = "") -> str:
    time = after(seconds).strftime("%Y-%m-%dT%H:%M:%SZ")
    return f'<trkpt lat="{lat}" lon="{lon}">{more}<time>{time}</time></trkpt>'


def gpx(path: Path, *segments: str, head: str = "") -> Path:
    inside = "".join(f"<trk><trkseg>{segment}</trkseg></trk>" for segment in segments)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        f'<?xml version="1.0"?>{head}<gpx xmlns="http://www.topografix.com/GPX/1/1" version="1.1">'
        f"<metadata><time>2001-01-01T00:00:00Z</time></metadata>{inside}</gpx>"
    )
    return path


def test_between_two_points() -> None:
    found = tracks([(0, 50, 10), (100, 50.001, 10)], height=30).at(after(25))
    assert near(found, 50.00025, 10)
    assert found is not None
    assert found == Fix(found.position, "gpx", altitude_m=30)


def test_on_a_point_it_is_exactly_that_point() -> None:
    path = tracks([(0, 50.1, 10.1), (100, 50.2, 10.2), (1000, 50.3, 10.3)])
    for seconds, lat in ((0, 50.1), (100, 50.2), (1000, 50.3)):
        assert near(path.at(after(seconds)), lat, lat - 40)


@pytest.mark.parametrize(
    ("seconds", "lat"),
    [(-31, None), (-30, 50.0), (130, 50.1), (131, None), (400, None), (471, 51.0), (531, 51.1), (532, None)],
)
def test_nothing_is_extrapolated_beyond_30_seconds(seconds: float, lat: float | None) -> None:
    found = tracks([(0, 50, 10), (100, 50.1, 10)], [(500, 51, 10), (501, 51.1, 10)]).at(after(seconds))
    assert (found and found.position and found.position.lat) == lat


def test_a_long_gap_is_no_way() -> None:
    path = [(0.0, 50.0, 10.0), (301.0, 50.1, 10.0)]
    assert tracks(path).at(after(150)) is None
    assert tracks(path, max_gap_s=301).at(after(150.5)) is not None


def test_two_segments_are_not_joined() -> None:
    assert tracks([(0, 50, 10)], [(100, 50.1, 10)]).at(after(50)) is None


def test_across_the_antimeridian() -> None:
    found = tracks([(0, -17, 179.99), (100, -17, -179.97)]).at(after(50))
    assert found is not None
    assert found.position is not None
    assert found.position.lon == pytest.approx(-179.99)
    assert found.position.lat == pytest.approx(-17, abs=1e-5)


def test_the_order_of_points_and_files_does_not_matter() -> None:
    rows = [(float(s), 50 + s / 1e4, 10.0) for s in range(0, 200, 10)]
    ordered, shuffled = tracks(rows), tracks([rows[i] for i in np.random.default_rng(1).permutation(len(rows))])
    assert [ordered.at(after(s)) for s in range(200)] == [shuffled.at(after(s)) for s in range(200)]
    one, other = rows[:9], rows[12:]
    assert tracks(one, other).fingerprint == tracks(other, one).fingerprint != ordered.fingerprint


def test_of_overlapping_tracks_the_denser_counts() -> None:
    coarse = [(0.0, 50.0, 10.0), (240.0, 50.24, 10.0)]
    dense = [(100.0, 51.0, 11.0), (102.0, 51.0, 11.0), (104.0, 51.0, 11.0)]
    both = tracks(coarse, dense)
    assert near(both.at(after(101)), 51, 11)
    assert near(both.at(after(200)), 50.2, 10)


def distance_m(a: LatLon, b: LatLon) -> float:
    return float(distances_m(a, [b])[0])


spots = st.tuples(st.floats(-89, 89), st.floats(-180, 180))


@given(spots, spots, st.floats(0.01, 0.99))
def test_a_point_between_lies_on_the_way(first: tuple[float, float], second: tuple[float, float], share: float) -> None:
    a, b = LatLon(*first), LatLon(*second)
    whole = distance_m(a, b)
    assume(whole < 15e6)  # between antipodes there are many ways
    assume(min(max(map(abs, first)), max(map(abs, second))) > 1e-6)  # 0,0 is no point
    found = tracks([(0, *first), (100, *second)]).at(after(100 * share))
    assert found is not None
    assert found.position is not None
    assert distance_m(a, found.position) + distance_m(found.position, b) == pytest.approx(whole, rel=2e-3, abs=0.5)
    assert distance_m(a, found.position) == pytest.approx(share * whole, rel=1e-2, abs=0.5)


def test_clocks() -> None:
    path = tracks([(0, 50, 10), (100, 50.1, 10)])
    at = path.at(after(50))
    assert at is not None
    assert path.at(after(50).replace(tzinfo=None)) == at  # a clock without a zone is taken as UTC
    assert path.at(after(50).astimezone(timezone(timedelta(hours=9)))) == at
    shifted = tracks([(0, 50, 10), (100, 50.1, 10)], offset_s=7200)
    assert shifted.at(after(50 + 7200).replace(tzinfo=None)) == at
    assert shifted.at(after(50)) == at  # a zone needs no offset
    assert shifted.fingerprint != path.fingerprint
    assert path.at(datetime.min.replace(tzinfo=timezone(timedelta(hours=14)))) is None


def test_reasons() -> None:
    path = tracks([(0, 50, 10), (100, 50.1, 10), (600, 50.1, 10)])
    assert path.problem(datetime(2024, 5, 1, 14, 5)) == (
        "no GPS position, and no track point within 5 minutes of 2024-05-01 14:05:00 UTC "
        "(tracks cover 2024-05-01 12:00:00 to 2024-05-01 12:10:00); see --gpx-offset"
    )
    assert path.problem(after(350)) == (
        "no GPS position, and a gap in the tracks at 2024-05-01 12:05:50 UTC (nearest point 250 s away)"
    )
    assert "--gpx-offset" not in path.problem(after(9000))
    assert path.problem(None) == "no GPS position, and no time to look up in the GPX tracks"


def test_reading_files(tmp_path: Path) -> None:
    gpx(tmp_path / "a" / "one.gpx", point(0, 50, 10, "<ele>200</ele>") + point(100, 50.1, 10, "<ele>300</ele>"))
    gpx(tmp_path / "a" / "sub" / "two.GPX", point(1000, 51, 11), point(2000, 52, 12))
    (tmp_path / "a" / "notes.txt").write_text("no track")
    found = Tracks.read([tmp_path / "a", tmp_path / "a" / "one.gpx"])
    assert len(found) == 4
    half = found.at(after(50))
    assert half is not None
    assert half.altitude_m == pytest.approx(250)
    assert found.at(after(1500)) is None


def test_a_broken_point_costs_no_other(tmp_path: Path) -> None:
    bad = [
        '<trkpt lat="50" lon="10"/>',
        '<trkpt lat="50" lon="10"><time>yesterday</time></trkpt>',
        point(10, "x", 10),
        point(20, 95, 10),
        point(30, 0, 0),
        point(40, "nan", 10),
        '<trkpt lat="51" lon="10"><extensions><time>2024-05-01T12:00:50Z</time></extensions></trkpt>',
    ]
    found = Tracks.read([gpx(tmp_path / "a.gpx", point(0, 50, 10) + "".join(bad) + point(100, 50.1, 10))])
    assert len(found) == 2
    assert near(found.at(after(50)), 50.05, 10)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "a.gpx: the file is empty"),
        ("<gpx>", "a.gpx: not a GPX file that can be read: it is not well-formed XML"),
        ("<kml></kml>", "a.gpx: not a GPX file that can be read: it begins with <kml>, expected <gpx>"),
        ("<gpx></gpx>", "a.gpx: no track points with position and time"),
        ('<gpx><wpt lat="1" lon="2"><time>2024-05-01T12:00:00Z</time></wpt></gpx>', "a.gpx: no track points"),
        ('<!DOCTYPE gpx [<!ENTITY a "aaaa">]><gpx>&a;</gpx>', r"it has a document type \(DOCTYPE\)"),
        ("\0\1\2", "a.gpx: not a GPX file that can be read"),
    ],
)
def test_refused(tmp_path: Path, content: str, words: str) -> None:
    (tmp_path / "a.gpx").write_text(content)
    with pytest.raises(InputError, match=words):
        Tracks.read([tmp_path / "a.gpx"])


def test_a_useless_file_of_a_folder_costs_no_other(tmp_path: Path) -> None:
    good = gpx(tmp_path / "good.gpx", point(0, 50, 10) + point(100, 50.1, 10))
    (tmp_path / "cut.gpx").write_bytes(good.read_bytes()[:-30])
    (tmp_path / "empty.gpx").touch()
    (tmp_path / "photo.gpx").write_bytes(b"\xff\xd8\xff\xe0\0\x10JFIF")
    (tmp_path / "plan.gpx").write_text('<gpx><rte><rtept lat="1" lon="2"/></rte></gpx>')
    (tmp_path / "._good.gpx").write_bytes(b"\0\5\x16\7")  # as macOS leaves them
    found = Tracks.read([tmp_path])
    broken = "not a GPX file that can be read: it is not well-formed XML (line 1)"
    reasons = {"cut": broken, "empty": "the file is empty", "photo": broken}
    reasons["plan"] = "no track points with position and time"
    assert found.problems == tuple(Skipped(str(tmp_path / f"{name}.gpx"), why) for name, why in reasons.items())
    assert found.fingerprint == Tracks.read(good).fingerprint
    assert Tracks.read([good]).problems == ()
    for order in ([tmp_path, tmp_path / "plan.gpx"], [tmp_path / "plan.gpx", tmp_path]):
        with pytest.raises(InputError, match=r"plan\.gpx: no track points with position and time"):
            Tracks.read(order)  # what is named has to be of use
    good.unlink()
    with pytest.raises(InputError, match=r"no GPX file gives a position; .*cut\.gpx: not a GPX.* \(and 3 more"):
        Tracks.read([tmp_path])
    for name in ("cut", "empty", "photo", "plan"):
        (tmp_path / f"{name}.gpx").unlink()
    with pytest.raises(InputError, match="no GPX files in"):
        Tracks.read([tmp_path])


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"missing\.gpx: no such file or folder"):
        Tracks.read([tmp_path / "missing.gpx"])
    with pytest.raises(InputError, match=r"no GPX files in .*; looked for \.gpx"):
        Tracks.read([tmp_path])


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        *(("0", 0), ("-3600", -3600), ("+02:00", 7200), ("-05:30", -19800), ("00:00:12.5", 12.5), (" 90.5 ", 90.5)),
        *(("+0530", 19800), ("-0330", -12600), ("+05", 18000), ("-09", -32400), ("+00", 0), ("-0000", 0)),
        *(("-7200", -7200), ("+1600", 1600), ("+1090", 1090), ("+90", 90), ("-5", -5), ("-12.0", -12)),
        *(("1200", 1200), ("12", 12), ("0530", 530), ("-10800", -10800), ("-1.5e3", -1500)),
    ],
)
def test_offsets(text: str, seconds: float) -> None:
    assert parse_offset(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "two hours", "nan", "inf", "02:60", "1:2:3:4", "+2h", "+053000", "-0560", "+05 30"]
)
def test_bad_offsets(text: str) -> None:
    with pytest.raises(InputError, match="expected seconds such as -3600, or hours and minutes such as"):
        parse_offset(text)


@pytest.mark.parametrize(
    ("text", "hours", "seconds"),
    [("-1200", "-12:00", "-00:20:00"), ("+1030", "+10:30", "+00:17:10"), ("-12", "-12:00", "-00:00:12")],
)
def test_offsets_that_could_be_two(text: str, hours: str, seconds: str) -> None:
    with pytest.raises(InputError) as told:
        parse_offset(text)
    assert str(told.value) == (
        f"--gpx-offset {text} could be hours or seconds; expected {hours} for hours, {seconds} for seconds"
    )
    assert parse_offset(hours) != parse_offset(seconds) == float(text)


@pytest.mark.parametrize("offset", [None, "3600", math.nan, math.inf])
def test_offsets_that_are_no_numbers(offset: Any) -> None:
    with pytest.raises(InputError, match=r"GPX offset .*: expected seconds, such as 3600"):
        tracks([(0, 50, 10)], offset_s=offset)

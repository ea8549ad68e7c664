"""The formats of the command line: what reaches the stream, in which order, and when."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from xml.etree import ElementTree
from zipfile import ZipFile

import pytest

from whence.errors import InputError
from whence.present.formats import FORMATS, format_of, is_binary, writer
from whence.present.formats.csv import usual_columns
from whence.types import XY, Candidate, Crs, LatLon, Location, Status

BEST = Candidate("a/very/long/way/down/to/the/photo/that/matches/best.jpg", LatLon(45.0, 12.0), 0.8, 83, 4)
ANSWERS = [
    Location("long/way/to/the/folder/of/photos/one.jpg", Status.LOCATED, LatLon(45.434, 12.339), 12.0, 0.87, (BEST,)),
    Location("[red]two\x1b[2J\udcff.jpg", Status.UNSURE, LatLon(-33.85678, -151.2), 2345.0, 0.004, (BEST,)),
    Location("three.jpg", Status.FAILED, error="not an image"),
]


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FORCE_COLOR", "NO_COLOR", "COLUMNS", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


def written(format: str, answers: Iterable[Location] = ANSWERS, stream: io.StringIO | None = None) -> str:
    stream = stream or io.StringIO()
    with writer(format, stream, crs=Crs.WGS84) as out:
        for answer in answers:
            out.write(answer)
    return stream.getvalue()


def whole(format: str, answers: Iterable[Location] = ANSWERS, *, private: bool = False) -> str:
    """The document, that of a KMZ unpacked."""
    text, data = io.StringIO(), io.BytesIO()
    with writer(format, data if is_binary(format) else text, crs=Crs.WGS84, private=private) as out:
        for answer in answers:
            out.write(answer)
    return ZipFile(data).read("doc.kml").decode() if is_binary(format) else text.getvalue()


def test_unknown_format_names_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean 'geojson'"):
        writer("gejson", io.StringIO(), crs=Crs.WGS84)
    with pytest.raises(InputError, match="known: table, jsonl, geojson"):
        writer("xlsx", io.StringIO(), crs=Crs.WGS84)


@pytest.mark.parametrize("format", FORMATS)
def test_no_answers_are_no_error(format: str) -> None:
    text = whole(format, [])
    if format == "geojson":
        assert json.loads(text) == {"type": "FeatureCollection", "features": []}
    elif format == "csv":
        assert text.splitlines() == [",".join(usual_columns(Crs.WGS84))]
    elif format in ("gpx", "kml", "kmz"):
        assert "<wpt" not in text
        assert "<Placemark" not in text
        ElementTree.fromstring(text)
    else:
        assert text == ""


def test_json_lines_come_one_by_one_in_order() -> None:
    stream = io.StringIO()
    with writer("jsonl", stream, crs=Crs.LOCAL) as out:
        for number, answer in enumerate(ANSWERS, 1):
            out.write(answer)
            assert stream.getvalue().count("\n") == number
    assert [json.loads(line)["path"] for line in stream.getvalue().splitlines()] == [a.path for a in ANSWERS]


def test_geojson_says_longitude_first() -> None:
    collection = json.loads(written("geojson"))
    assert collection["type"] == "FeatureCollection"
    first, _, failed = collection["features"]
    assert first["geometry"] == {"type": "Point", "coordinates": [12.339, 45.434]}
    assert first["properties"]["radius_m"] == 12.0
    assert first["properties"]["candidates"][0]["position"] == {"lat": 45.0, "lon": 12.0}
    assert "position" not in first["properties"]
    assert (failed["type"], failed["geometry"]) == ("Feature", None)
    assert failed["properties"]["error"] == "not an image"


def test_geojson_is_closed_after_an_error() -> None:
    stream = io.StringIO()

    def interrupted() -> Iterator[Location]:
        yield ANSWERS[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        written("geojson", interrupted(), stream)
    assert len(json.loads(stream.getvalue())["features"]) == 1


def test_geojson_refuses_a_plane_before_it_writes() -> None:
    stream = io.StringIO()
    with pytest.raises(InputError, match="jsonl"):
        writer("geojson", stream, crs=Crs.LOCAL)
    assert stream.getvalue() == ""
    with pytest.raises(InputError), writer("geojson", stream, crs=Crs.WGS84) as out:
        out.write(Location("q.jpg", Status.LOCATED, XY(1.0, 2.0)))
    assert json.loads(stream.getvalue())["features"] == []


def test_private_reaches_every_format() -> None:
    for format in FORMATS:
        assert "best.jpg" in whole(format)
        text = whole(format, private=True)
        assert "best.jpg" not in text
        assert "one.jpg" in text


def test_formats_of_the_earth_refuse_a_plane() -> None:
    for format in ("geojson", "gpx", "kml", "kmz"):
        with pytest.raises(InputError, match=r"only latitude and longitude.*use --format jsonl or csv"):
            writer(format, io.BytesIO() if is_binary(format) else io.StringIO(), crs=Crs.LOCAL)


def test_suffixes_say_the_format() -> None:
    assert {format_of(Path(f"a.{name.upper()}")) for name in FORMATS if name != "table"} == {*FORMATS} - {"table"}
    for name in ("a.xlsx", "a", "a.table", ".csv"):
        with pytest.raises(InputError, match="no format goes with that suffix"):
            format_of(Path(name))


def test_table_in_a_pipe_is_plain_and_whole() -> None:
    text = written("table")
    assert "\x1b" not in text
    lines = text.splitlines()
    assert lines[0].split() == ["photo", "status", "position", "radius", "conf.", "best", "match", "inliers"]
    fields = [ANSWERS[0].path, "located", "45.43400, 12.33900", "12 m", "87 %", BEST.path, "83"]
    assert re.split(" {2,}", lines[1]) == fields
    assert r"[red]two\x1b[2J\udcff.jpg" in lines[2]
    assert "<1 %" in lines[2]
    assert lines[3].split() == ["three.jpg", "failed", "-", "-", "-", "-", "-"]
    assert lines[4:] == ["three.jpg: not an image"]


def test_table_on_a_terminal_fits_eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = re.sub("\x1b[^m]*m", "", written("table", stream=Terminal())).splitlines()
    row = next(line for line in lines if "located" in line)
    assert all(len(line) <= 80 for line in lines)
    assert "/one.jpg" in row.split()[0]
    assert row.split()[0].startswith("…")
    assert "45.43400, 12.33900" in row
    assert "best.jpg" in row


def test_table_on_a_terminal_has_colours() -> None:
    assert "\x1b[32mlocated" in written("table", stream=Terminal())


def test_table_survives_an_old_encoding() -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii", newline="\n")
    with writer("table", stream, crs=Crs.WGS84) as out:
        out.write(Location("Straße.jpg", Status.UNSURE, LatLon(1.0, 2.0), 30.0, 0.2))
    stream.flush()
    stream.seek(0)
    assert r"Stra\xdfe.jpg" in stream.read()


def test_table_names_duplicates() -> None:
    twin = Location("q.jpg", Status.UNSURE, LatLon(1.0, 2.0), 30.0, 0.2, duplicate_of=("same.jpg",))
    assert "q.jpg: has the same content as same.jpg, which was left out" in written("table", [twin])

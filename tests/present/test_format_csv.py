"""CSV: read back by Python's reader and by GDAL."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import pyogrio.raw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from whence.errors import InputError
from whence.present.formats import writer
from whence.present.formats.csv import COLUMNS, usual_columns
from whence.types import XY, Candidate, Crs, LatLon, Location, Status

BEST = Candidate("gallery/best.jpg", LatLon(45.0, 12.0), 0.8, 83, 4, "square")
SURE = Location("in/one.two.jpg", Status.LOCATED, LatLon(45.43, -12.3), 12.0, 0.87, (BEST,), {"a": 0.5, "b": 0.25})


def table(answers: Sequence[Location], columns: Sequence[str] | None = None, crs: Crs = Crs.WGS84) -> list[list[str]]:
    stream = io.StringIO()
    with writer("csv", stream, crs=crs, columns=columns) as out:
        for answer in answers:
            out.write(answer)
    assert stream.getvalue().endswith("\n")
    assert not stream.getvalue().endswith("\r\n")
    return list(csv.reader(io.StringIO(stream.getvalue(), newline="")))


def test_usual_columns() -> None:
    failed = Location("bad.jpg", Status.FAILED, error="not an image")
    header, sure, bad = table([SURE, failed])
    assert header == list(usual_columns(Crs.WGS84))
    assert dict(zip(header, sure, strict=True)) == {
        "path": "in/one.two.jpg",
        "status": "located",
        "lat": "45.43",
        "lon": "-12.3",
        "radius_m": "12.0",
        "confidence": "0.87",
        "heading_deg": "",
        "place": "",
        "best_match": "gallery/best.jpg",
        "inliers": "83",
        "seconds": "0.75",
        "error": "",
    }
    assert bad[:5] == ["bad.jpg", "failed", "", "", ""]
    assert bad[-5:] == ["", "", "", "", "not an image"]
    assert table([], crs=Crs.LOCAL)[0][2:4] == ["x", "y"]


def test_columns_are_picked_and_ordered() -> None:
    plan = Location("in/-0A.jpg", Status.LOCATED, XY(1.5, -2.0), 12.0, 0.87, (BEST,))
    assert table([plan], ["id", "y", "x"], Crs.LOCAL) == [["id", "y", "x"], ["-0A", "-2.0", "1.5"]]
    assert table([SURE], ["name", "similarity", "group"])[1] == ["one.two.jpg", "0.8", "square"]
    for crs, pair in ((Crs.WGS84, ("x", "y")), (Crs.LOCAL, ("lat", "lon"))):
        names = [column for column in COLUMNS if column not in pair]
        assert table([], names, crs) == [names]


def test_columns_that_are_not_there() -> None:
    for columns, crs, words in (
        (["latt"], Crs.WGS84, "no column named 'latt'; did you mean 'lat'"),
        (["colour"], Crs.WGS84, "known: path, status"),
        (["id", "x"], Crs.WGS84, "use lat and lon, or add --crs"),
        (["lon"], Crs.LOCAL, "use the columns x and y"),
        ([], Crs.WGS84, "no columns"),
    ):
        with pytest.raises(InputError, match=words):
            writer("csv", io.StringIO(), crs=crs, columns=columns)
    with pytest.raises(InputError, match="csv only, not for jsonl"):
        writer("jsonl", io.StringIO(), crs=Crs.WGS84, columns=["id"])


def test_no_number_is_an_empty_cell() -> None:
    odd = Location("a.jpg", Status.UNSURE, LatLon(1.0, 2.0), float("inf"), float("nan"), heading_deg=float("nan"))
    assert table([odd], ["radius_m", "confidence", "heading_deg", "inliers"])[1] == [""] * 4


@given(st.text(st.characters(exclude_characters="/\\\0", exclude_categories=["Cs"])).map(lambda name: f"d/{name}.jpg"))
def test_names_come_back(name: str) -> None:
    assert table([Location(name, Status.FAILED)], ["path", "error"])[1] == [name, ""]
    assert table([Location(name, Status.FAILED)], ["error"]) == [["error"], [""]]


@pytest.mark.parametrize("name", ["=LINK(1).jpg", "+1|x.jpg", "-2+cmd|' /C calc'!A0", "@SUM(1)", "\t=f(1)", "＝f(1)"])
def test_formulas_are_made_text(name: str) -> None:
    assert table([Location(name, Status.FAILED)], ["path", "name"])[1][0] == f"'{name}"


@pytest.mark.parametrize("name", ["-0Ab_9.jpg", "=.jpg", "+49.jpg", "@me.jpg", "a (1).jpg", "d/=f(1).jpg"])
def test_harmless_names_stay_as_they_are(name: str) -> None:
    assert table([Location(name, Status.FAILED)], ["path"])[1][0] == name


def test_the_file_is_utf8_whatever_the_stream_was() -> None:
    data = io.BytesIO()
    stream = io.TextIOWrapper(data, encoding="ascii", newline="\r\n")
    with writer("csv", stream, crs=Crs.WGS84, columns=["path"]) as out:
        out.write(Location("é🗼\udcff.jpg", Status.FAILED))
    assert data.getvalue().decode("utf-8") == "path\né🗼\\udcff.jpg\n"


def test_rows_come_one_by_one() -> None:
    stream = io.StringIO()
    with writer("csv", stream, crs=Crs.WGS84) as out:
        for number in range(1, 4):
            out.write(SURE)
            assert stream.getvalue().count("\n") == number + 1


def test_gdal_reads_it(tmp_path: Path) -> None:
    file = tmp_path / "answers.csv"
    with file.open("w", encoding="utf-8") as stream, writer("csv", stream, crs=Crs.WGS84) as out:
        out.write(Location('a,"b"\n🗼.jpg', Status.LOCATED, LatLon(-45.1234567, 179.9999999), 1.0, 0.9))
    meta, _, _, fields = pyogrio.raw.read(file)
    row = dict(zip(meta["fields"], (field[0] for field in fields), strict=True))
    assert row["path"] == 'a,"b"\n🗼.jpg'
    assert (float(row["lat"]), float(row["lon"])) == (-45.1234567, 179.9999999)

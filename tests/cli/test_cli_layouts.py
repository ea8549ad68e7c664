"""Every data set layout in miniature, indexed and located as a user would."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

import whence
from miniatures import MINIATURES, Miniature, line_name, utm_name, write_utm
from samples import Run
from whence.geo.distance import offset
from whence.photos.datasets import known
from whence.types import XY, LatLon, Position

LAYOUTS = sorted(MINIATURES.keys() - {"folder", "csv"})
NEAR_M = {"gardens": 0.5}
"""Their metres are frames."""


@dataclass(frozen=True, slots=True)
class Indexed:
    """A miniature and its gallery."""

    written: Miniature
    gallery: Path


def check(run: Run, indexed: Indexed, layout: str) -> None:
    """Locates the queries and compares with the truth."""
    written, gallery = indexed.written, indexed.gallery
    # a miniature is so small that 2 % of its extent, the default, are centimetres, which nobody can promise
    tolerance = ("--tolerance", "1") if any(isinstance(truth, XY) for truth in written.truth.values()) else ()
    options = ("--layout", layout, "--gallery", gallery, "--format", "jsonl", *tolerance)
    done = run("locate", written.root, *options, *(("--part", written.queries) if written.queries else ()))
    assert (done.code, done.err) == (0, "")
    answers = {Path(answer["path"]).relative_to(written.root).as_posix(): answer for answer in done.answers}
    assert answers.keys() == written.truth.keys()
    for name, truth in written.truth.items():
        found: Position = (XY if isinstance(truth, XY) else LatLon)(**answers[name]["position"])
        assert answers[name]["status"] == "located"
        assert offset(found, truth)[0] < NEAR_M.get(layout, 10)


def index(run: Run, written: Miniature, gallery: Path, layout: str) -> Indexed:
    part = ("--part", written.database) if written.database else ()
    done = run("index", written.root, "--layout", layout, *part, "--gallery", gallery)
    assert done.code == 0, done.err
    return Indexed(written, gallery)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_from_end_to_end(run: Run, tmp_path: Path, layout: str) -> None:
    written = MINIATURES[layout](tmp_path / "data")
    check(run, index(run, written, tmp_path / "gallery", layout), layout)
    if written.known and layout != "classes":
        photos = whence.Gallery.open(tmp_path / "gallery").photos
        assert Counter(photo.position for photo in photos) == Counter(written.known)


def test_names_without_a_zone_from_end_to_end(run: Run, tmp_path: Path) -> None:
    written = write_utm(tmp_path / "data", line_name, "gallery")
    indexed = index(run, written, tmp_path / "gallery", "utm")
    check(run, indexed, "utm")
    assert json.loads(run("info", indexed.gallery, "--format", "json").out)["coordinates"] == "local"


def test_queries_never_get_into_a_database(run: Run, tmp_path: Path) -> None:
    write_utm(tmp_path / "data")
    done = run("index", tmp_path / "data", "--gallery", tmp_path / "gallery")
    assert (done.code, done.out, len(done.lines)) == (2, "", 1)
    assert "has the parts test/database, test/queries, test/queries_night, train/database; name one" in done.err
    assert not (tmp_path / "gallery").exists()


def test_photos_of_a_part_are_what_they_are_in_its_folder(run: Run, tmp_path: Path) -> None:
    """Named by the part or pointed at, the same files are the same photos."""
    written = write_utm(tmp_path / "data")
    index(run, written, tmp_path / "gallery", "utm")
    done = run("index", written.root / "images" / "test" / "database", "--gallery", tmp_path / "gallery")
    assert "0 added; 3 unchanged" in done.err
    photo = next(photo for photo in whence.Gallery.open(tmp_path / "gallery").photos if photo.group == "pano1")
    assert photo.path == f"images/test/database/{utm_name(1)}"


def test_from_python(tmp_path: Path) -> None:
    written = MINIATURES["classes"](tmp_path / "data")
    report = whence.index(written.root, tmp_path / "gallery", layout="classes", part="train")
    assert (report.added, report.skipped) == (3, [])
    facts = {photo.path: photo for photo in whence.Gallery.open(tmp_path / "gallery").photos}
    assert facts["train/Paris/0.jpg"].position == LatLon(48.85, 2.35)
    own = facts["train/Paris/old/1.jpg"].position  # its own GPS outdoes its class
    assert isinstance(own, LatLon)
    assert own.lat == pytest.approx(50.001)


def test_datasets(run: Run) -> None:
    plain = run("datasets")
    assert (plain.code, plain.err) == (0, "")
    listed = json.loads(run("datasets", "--format", "json").out)
    assert [row["name"] for row in listed] == [dataset.name for dataset in known()]
    for row in listed:
        assert row["title"] in plain.out
        assert row["where"][0] in plain.out
        assert row["example"].startswith(f"whence index {row['name']} --layout {row['layout']}")
    refused = run("datasets", "--format", "xml")
    assert (refused.code, len(refused.lines)) == (2, 1)


def test_a_data_set_that_is_not_there(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for words in (("index", "pitts30k"), ("locate", "pitts30k")):
        done = run(*words, "--gallery", tmp_path / "gallery")
        assert (done.code, len(done.lines)) == (2, 1)
        assert "pitts30k: no such file or folder. Pittsburgh 30k must be obtained from http" in done.err
        assert "images/{train,val,test}/{database,queries}/" in done.err

"""What cannot be meant is told in one line, before any work is done."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from samples import Run, write_photos, write_table
from scenes import Scene
from whence.evaluate.answers import Answered
from whence.evaluate.judging import judge
from whence.evaluate.model import Question
from whence.metrics.summary import summarise
from whence.types import XY, Crs, Location, Status

Case = tuple[Callable[[Scene, Path], list[object]], str]


def table(folder: Path, rows: list[tuple[str, ...]], header: tuple[str, ...] = ("path", "x", "y")) -> Path:
    return write_table(folder / "made.csv", rows, header)


CASES: dict[str, Case] = {
    "no queries": (lambda s, f: [s.gallery], "needs queries with known positions, or --leave-one-out, or --hold-out"),
    "two ways": (lambda s, f: [s.gallery, s.queries, "--hold-out", "group"], "several of them"),
    "a way that is none": (lambda s, f: [s.gallery, "--leave-one-out", "grop"], "expected photo or group"),
    "no such database": (lambda s, f: [f / "nowhere", s.queries], "no such file"),
    "no such queries": (lambda s, f: [s.gallery, f / "nowhere.csv"], "no such file"),
    "threshold 0": (
        lambda s, f: [s.gallery, s.queries, "--threshold", 0],
        "--threshold 0: expected a distance",
    ),
    "tolerance nan": (lambda s, f: [s.gallery, s.queries, "--tolerance", "nan"], "expected a distance above 0"),
    "share 1": (lambda s, f: [s.table, "--hold-out", "group", "--share", 1], "between 0 and 1"),
    "limit 0": (lambda s, f: [s.gallery, s.queries, "--limit", 0], "expected at least 1"),
    "unknown option swept": (
        lambda s, f: [s.gallery, s.queries, "--sweep", "retrieve.topk=3"],
        "[retrieve] has no option 'topk'; did you mean 'top_k'?",
    ),
    "value of another type swept": (
        lambda s, f: [s.gallery, s.queries, "--sweep", "retrieve.top_k=many"],
        "expected int",
    ),
    "no such recipe": (lambda s, f: [s.gallery, s.queries, "--recipe", "defualt"], "did you mean 'default'"),
    "recipe twice": (
        lambda s, f: [s.gallery, s.queries, "--recipe", "default", "--recipe", "default"],
        "recipe default is named twice",
    ),
    "degrees against metres": (
        lambda s, f: [s.gallery, table(f, [("a.jpg", "50", "10")], ("path", "lat", "lon"))],
        "they cannot be compared",
    ),
    "NaN": (
        lambda s, f: [s.gallery, table(f, [("a.jpg", "1", "2"), ("b.jpg", "nan", "2")])],
        "b.jpg, line 3: x 'nan' is not a number",
    ),
    "half a position": (
        lambda s, f: [s.gallery, table(f, [("a.jpg", "1", "")])],
        "a.jpg, line 2: no position: y is empty",
    ),
    "no columns": (lambda s, f: [s.gallery, table(f, [("a.jpg",)], ("path",))], "expected lat and lon, or x and y"),
    "photos without positions": (lambda s, f: [s.table, s.folder / "asked"], "no queries with a known position"),
    "groups that are none": (
        lambda s, f: [
            table(f, [(str(s.folder / "db" / f"{n}-0.jpg"), str(n), "0") for n in range(4)]),
            "--hold-out",
            "group",
        ],
        "has a group; add a column group, or use --hold-out random",
    ),
    "frames in degrees": (
        lambda s, f: [write_photos(f / "exif", 2), "--hold-out", "random", "--frames", 2],
        "has latitude and longitude",
    ),
    "part of a gallery": (lambda s, f: [s.gallery, s.queries, "--part", "test"], "--part test"),
}


@pytest.mark.parametrize("name", CASES)
def test_one_line_and_nothing_else(scene: Scene, run: Run, tmp_path: Path, name: str) -> None:
    words, told = CASES[name]
    out = tmp_path / "out"
    done = run("evaluate", *words(scene, tmp_path), "--out", out, "--no-report")
    assert done.code == 2
    assert done.out == ""
    (line,) = done.lines
    assert told in line
    assert not out.exists() or not any(entry.is_dir() for entry in out.iterdir())


def test_a_folder_with_other_things_is_left_alone(scene: Scene, run: Run, tmp_path: Path) -> None:
    (tmp_path / "results.csv").write_text("mine")
    done = run("evaluate", scene.gallery, scene.queries, "--out", tmp_path, "--no-report")
    assert (done.code, len(done.lines)) == (2, 1)
    assert "not empty" in done.err
    assert [entry.name for entry in tmp_path.iterdir()] == ["results.csv"]
    done = run("evaluate", scene.gallery, scene.queries, "--out", scene.gallery, "--no-report")
    assert (done.code, len(done.lines)) == (2, 1)
    assert "is a gallery" in done.err


def test_a_report_without_its_extra_is_refused_at_the_start(
    scene: Scene, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    done = run("evaluate", scene.gallery, scene.queries, "--out", tmp_path / "out")
    assert (done.code, len(done.lines)) == (2, 1)
    assert "whence[report]" in done.err
    assert not (tmp_path / "out").exists()


def test_photos_that_cannot_be_read_are_told_and_count(scene: Scene, run: Run, tmp_path: Path) -> None:
    rows = scene.queries.read_text().splitlines()[:4]
    table = scene.queries.with_name("partly-missing.csv")
    table.write_text("\n".join([*rows, rows[1].replace(rows[1].split(",")[0], "none.jpg")]) + "\n")
    out = tmp_path / "out"
    try:
        done = run("evaluate", scene.gallery, table, "--out", out, "--draws", 50)
    finally:
        table.unlink()
    assert done.code == 1
    assert "no answer: none.jpg: no such file or folder" in done.err
    assert "1 photo without an answer, which counts as wrong, the first none.jpg" in done.out
    assert "| answered at all | 0.750" in done.out
    assert json.loads((out / "results.json").read_text())["failed"] == [
        {"path": "none.jpg", "reason": "no such file or folder"}
    ]
    assert "Not all could be read." in (out / "report.html").read_text()


def test_a_miss_costs_nothing_less_than_it_should() -> None:
    """The extent of truths at one place is nothing, and a missing answer must not pass for a perfect one."""
    asked = [Question(str(number), Path("x"), XY(3, 4)) for number in range(2)]
    said = [Answered(Location("0", Status.LOCATED, XY(3, 4)), ()), Answered(Location("1", Status.FAILED), ())]
    found = judge(asked, said, Crs.LOCAL, {}, np.arange(2))
    figures = summarise(found, tolerance_m=1, thresholds_m=[1], draws=10)
    assert np.isnan(figures["manhattan.mean"].value)


@pytest.mark.parametrize(
    ("sweeps", "words"),
    [
        (["retrieve.top_k=1", "retrieve.top_k=2"], "--sweep retrieve.top_k is given twice"),
        (["match.method=2020-01-01"], "no matcher named '2020-01-01'"),
    ],
)
def test_sweeps_that_cannot_be_meant(scene: Scene, run: Run, tmp_path: Path, sweeps: list[str], words: str) -> None:
    options = [word for sweep in sweeps for word in ("--sweep", sweep)]
    done = run("evaluate", scene.gallery, scene.queries, "--out", tmp_path / "out", *options)
    assert done.code == 2
    assert words in done.err


@pytest.mark.parametrize(("name", "is_folder"), [("results.json", True), ("answers", False)])
def test_what_stands_in_the_way_is_told_before_the_work(
    scene: Scene, run: Run, tmp_path: Path, name: str, is_folder: bool
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / ".evaluation.lock").touch()
    (out / name).mkdir() if is_folder else (out / name).touch()
    done = run("evaluate", scene.gallery, scene.queries, "--out", out)
    assert done.code == 2
    assert f"{out / name} is to become a {'file' if is_folder else 'folder'}" in done.err
    assert sorted(path.name for path in out.iterdir()) == sorted([".evaluation.lock", name])


def test_held_out_of_nothing(run: Run, tmp_path: Path) -> None:
    for photo in write_photos(tmp_path / "photos", 3).iterdir():
        Image.open(photo).copy().save(photo)  # without what the file said of its position
    done = run("evaluate", tmp_path / "photos", "--hold-out", "random", "--out", tmp_path / "out")
    assert done.code == 2
    assert "no photo with a known position (00.jpg: " in done.err


def test_a_crs_of_another_kind_is_named(scene: Scene, run: Run, tmp_path: Path) -> None:
    done = run("evaluate", scene.gallery, scene.queries, "--crs", "EPSG:32633", "--out", tmp_path / "out")
    assert done.code == 2
    assert "--crs EPSG:32633" in done.err

"""Audit and contributions from the command line, on a gallery whose pins are known to be right or wrong."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import whence
from samples import Run, textured, write_table
from whence.audit.contributing import contribute, review, waiting
from whence.gallery.gallery import Gallery
from whence.gallery.quarantine import Contribution, Verdict, put
from whence.gallery.store import Store, lock

PLACES, VIEWS = 12, 4
STEP_DEG = 0.001
HEADER = ("path", "lat", "lon")
MOVED = "3-1"


def view(path: Path, place: int, number: int) -> None:
    """A wall, photographed from a little farther along."""
    wall = textured(place, 420, 260)
    left, top = 30 * number, 12 * number
    Image.fromarray(wall[top : top + 190, left : left + 260]).save(path, quality=90)


def pin(place: int, number: int) -> tuple[str, str]:
    return f"{45.4 + STEP_DEG * place:.6f}", f"{12.3 + 0.00004 * number:.6f}"


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Walls 110 m apart, four views of each; the pin of one view lies at another wall, one is swapped."""
    folder = tmp_path_factory.mktemp("street")
    rows = []
    for place in range(PLACES):
        for number in range(VIEWS):
            name = f"{place}-{number}.jpg"
            view(folder / name, place, number)
            rows.append((name, *pin(9 if name.startswith(MOVED) else place, number)))
    name, lat, lon = rows[5 * VIEWS]
    rows[5 * VIEWS] = (name, lon, lat)
    whence.index(write_table(folder / "t.csv", rows, HEADER), folder / "g")
    return folder


def test_wrong_pins_are_found_shown_and_put_right(street: Path, tmp_path: Path, run: Run) -> None:
    fixed, out = street / "fixed.csv", tmp_path / "audit"
    before = {photo.path: photo.position for photo in Gallery.open(street / "g").photos}
    done = run("audit", street / "g", "--format", "jsonl", "--out", out, "--fix", fixed)
    assert done.code == 0, done.err
    told = {line["path"]: line for line in map(json.loads, done.out.splitlines())}
    wrong = {path for path, line in told.items() if line["probability"] >= 0.5}
    assert wrong == {f"{MOVED}.jpg", "5-0.jpg"}
    assert "swapped" in {clue["kind"] for clue in told["5-0.jpg"]["clues"]}
    assert {witness["path"][0] for witness in told[f"{MOVED}.jpg"]["witnesses"]} == {"3"}
    after = {photo.path: photo.position for photo in Gallery.open(street / "g").photos}
    assert before == after
    page = (out / "audit.html").read_text(encoding="utf-8")
    assert f"{MOVED}.jpg" in page
    assert page.count("<img") >= 2
    assert "<script" not in page
    assert json.loads((out / "audit.geojson").read_text())["type"] == "FeatureCollection"
    with fixed.open(newline="") as stream:
        rows = {row["path"]: row for row in csv.DictReader(stream)}
    assert float(rows["5-0.jpg"]["lat"]) == pytest.approx(45.405, abs=1e-3)
    shutil.copytree(street / "g", tmp_path / "g")
    assert whence.index(fixed, tmp_path / "g").moved == len(rows)
    view(tmp_path / "one.jpg", 7, 5)
    whence.index(brought(tmp_path, ("one.jpg", *pin(7, 5))), tmp_path / "small")
    none = run("audit", tmp_path / "small", "--fix", tmp_path / "none.csv")
    assert none.err.splitlines()[-1] == f"no position to correct: {tmp_path / 'none.csv'} is not written"
    assert not (tmp_path / "none.csv").exists()
    again = run("audit", street / "g", "--fix", fixed)
    assert (again.code, again.out) == (2, "")
    assert "nothing is ever overwritten" in again.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--format", "pdf"), "expected one of table, jsonl, geojson, csv"),
        (("--least", "2"), "expected a probability between 0 and 1"),
        (("--fix", "nowhere/f.csv"), "does not exist"),
    ],
)
def test_wrong_use_is_one_line(street: Path, run: Run, words: tuple[str, ...], said: str) -> None:
    done = run("audit", street / "g", *words)
    assert done.code == 2
    assert said in done.err
    assert done.err.count("\n") == 1


def brought(folder: Path, *rows: tuple[str, str, str]) -> Path:
    return write_table(folder / "brought.csv", rows, HEADER)


@pytest.fixture
def gallery(street: Path, tmp_path: Path) -> Path:
    shutil.copytree(street / "g", tmp_path / "g")
    return tmp_path / "g"


def test_contributions_are_admitted_refused_or_reviewed(gallery: Path, street: Path, tmp_path: Path, run: Run) -> None:
    view(tmp_path / "fits.jpg", 7, 5)
    view(tmp_path / "swapped.jpg", 8, 5)
    view(tmp_path / "unknown.jpg", 77, 0)
    Image.open(street / "2-2.jpg").save(tmp_path / "again.jpg", quality=40)
    shutil.copy(street / "1-1.jpg", tmp_path / "same.jpg")
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing")
    lat, lon = pin(8, 5)
    table = brought(
        tmp_path,
        ("fits.jpg", *pin(7, 5)),
        ("swapped.jpg", lon, lat),
        ("unknown.jpg", *pin(6, 0)),
        ("again.jpg", *pin(2, 2)),
        ("same.jpg", *pin(1, 1)),
        ("broken.jpg", *pin(1, 1)),
    )
    count = len(Gallery.open(gallery))
    done = run("contribute", table, "--gallery", gallery, "--format", "jsonl")
    told = {Path(line["path"]).stem: line for line in map(json.loads, done.out.splitlines())}
    verdicts = {name: line["verdict"] for name, line in told.items()}
    assert verdicts == {
        "fits": "admitted" if verdicts["fits"] == "admitted" else "review",
        "swapped": "refused",
        "unknown": "review",
        "again": "refused",
        "same": "refused",
        "broken": "refused",
    }
    assert "swapped" in told["swapped"]["reason"]
    assert told["again"]["reason"] == "near duplicate of 2-2.jpg"
    assert told["same"]["reason"] == "same content as 1-1.jpg"
    assert len(Gallery.open(gallery)) == count + (verdicts["fits"] == "admitted")
    listed = run("contribute", "--review", "--gallery", gallery)
    (line,) = (line for line in listed.out.splitlines() if "unknown.jpg" in line)
    unknown = told["unknown"]["id"]
    name = line.split()[1]
    assert name.startswith(f"{unknown[:12]}@")
    run("contribute", brought(tmp_path, ("unknown.jpg", *pin(6, 1))), "--gallery", gallery)
    stale = run("contribute", "--review", "--admit", name, "--gallery", gallery)  # on a position that was never seen
    assert (stale.code, stale.out) == (2, "")
    assert f"what waits now is {unknown[:12]}@" in stale.err
    listed = run("contribute", "--review", "--gallery", gallery)
    (line,) = (line for line in listed.out.splitlines() if unknown[:12] in line)
    twice = ("--admit", unknown[:10], "--admit", line.split()[1])
    taken = run("contribute", "--review", *twice, "--gallery", gallery)
    assert taken.code == 0, taken.err
    assert Gallery.open(gallery).row_of(unknown) is not None
    assert run("contribute", "--review", "--admit", unknown[:10], "--gallery", gallery).code == 2


def test_what_a_killed_run_left_is_finished_by_the_next(gallery: Path, tmp_path: Path) -> None:
    view(tmp_path / "new.jpg", 90, 0)
    contribute([brought(tmp_path, ("new.jpg", *pin(4, 4)))], gallery)
    (one,) = waiting(gallery)
    for verdict in (Verdict.WAITING, Verdict.ADMIT):  # killed before it was judged, and before it was indexed
        left = Contribution(one.id, one.path, verdict, facts=one.facts)
        with lock(gallery, create=False):
            put(Store.open(gallery), [left])
        view(tmp_path / f"{verdict}.jpg", 91 + len(verdict), 0)
        contribute([brought(tmp_path, (f"{verdict}.jpg", *pin(4, 4)))], gallery)
    assert Gallery.open(gallery).row_of(one.id) is not None
    refused = review(gallery, refuse=[waits.id for waits in waiting(gallery)])
    assert {found.verdict for found in refused} == {Verdict.REFUSED}
    assert waiting(gallery) == []


def test_what_is_said_anew_is_judged_anew(gallery: Path, tmp_path: Path) -> None:
    view(tmp_path / "late.jpg", 93, 0)
    (refused,) = contribute([brought(tmp_path, ("late.jpg", "12.3", "45.404"))], gallery)
    assert refused.verdict is Verdict.REFUSED
    (same,) = contribute([brought(tmp_path, ("late.jpg", "12.3", "45.404"))], gallery)
    assert same == refused
    (corrected,) = contribute([brought(tmp_path, ("late.jpg", "45.404", "12.3"))], gallery)
    assert corrected.verdict is Verdict.REVIEW
    review(gallery, admit=[corrected.id])
    whence.remove(gallery, str(tmp_path / "late.jpg"))
    (again,) = contribute([brought(tmp_path, ("late.jpg", "45.404", "12.3"))], gallery)
    assert again.verdict is Verdict.REVIEW


@pytest.mark.slow
def test_what_was_refused_is_no_reason_to_refuse_its_copy(gallery: Path, tmp_path: Path) -> None:
    view(tmp_path / "a-null.jpg", 7, 5)
    Image.open(tmp_path / "a-null.jpg").save(tmp_path / "b-right.jpg", quality=60)
    table = brought(tmp_path, ("a-null.jpg", "0.0001", "0.0001"), ("b-right.jpg", *pin(7, 5)))
    null, right = contribute([table], gallery)
    assert null.verdict is Verdict.REFUSED
    assert right.verdict in (Verdict.ADMITTED, Verdict.REVIEW)
    (again, _) = contribute([brought(tmp_path, ("a-null.jpg", *pin(7, 5)), ("b-right.jpg", *pin(6, 5)))], gallery)
    assert again.verdict is Verdict.REFUSED or right.verdict is Verdict.REVIEW
    (kept,) = contribute([brought(tmp_path, ("b-right.jpg", *pin(6, 5)))], gallery)
    if right.verdict is Verdict.ADMITTED:  # what is in the gallery stays as it is
        assert kept == right


def test_two_at_once_wait_for_each_other(gallery: Path, tmp_path: Path) -> None:
    for number in range(2):
        (tmp_path / f"{number}").mkdir()
        view(tmp_path / f"{number}" / "new.jpg", 95 + number, 0)
        brought(tmp_path / f"{number}", ("new.jpg", *pin(4, 4)))
    words = [sys.executable, "-m", "whence", "contribute"]
    running = [
        subprocess.Popen([*words, tmp_path / f"{number}" / "brought.csv", "--gallery", gallery, "--workers", "1"])
        for number in range(2)
    ]
    assert [process.wait(120) for process in running] == [0, 0]
    assert len(waiting(gallery)) == 2


def test_wrong_contributions_are_one_line(gallery: Path, tmp_path: Path, run: Run) -> None:
    table = write_table(tmp_path / "xy.csv", [("a.jpg", "1", "2")], ("path", "x", "y"))
    for words, said in (
        ((table,), "they do not go together"),
        ((), "name photos to bring"),
        (("--review", "--admit", "ff"), "no contribution with this id waits"),
        (("--admit", "ff"), "add --review"),
    ):
        done = run("contribute", *words, "--gallery", gallery)
        assert done.code == 2
        assert said in done.err
        assert done.err.count("\n") == 1
    (tmp_path / "note.jpg").write_text("hello")
    assert "not a photo: expected JPEG" in run("contribute", tmp_path / "note.jpg", "--gallery", gallery).out
    assert not np.any([photo.path.endswith("a.jpg") for photo in Gallery.open(gallery).photos])

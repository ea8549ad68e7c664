"""`whence tag`: positions into photos that have none, and out again."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from samples import Run, World, write_photos
from whence.geo.distance import distances_m
from whence.photos.decode import decode, read_facts
from whence.photos.writing import journal


@pytest.fixture
def folder(world: World, tmp_path: Path) -> Path:
    """Photos without positions: of the town, of elsewhere, and one that is broken; and one with a position."""
    found = tmp_path / "mine"
    shutil.copytree(world.queries, found)
    shutil.copy(min(world.strangers.glob("*.jpg")), found / "zz-elsewhere.jpg")
    shutil.copy(min(world.photos.glob("*.jpg")), found / "placed.jpg")
    (found / "broken.jpg").write_bytes(b"\xff\xd8\xff broken")
    return found


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "state"
    monkeypatch.setattr(journal, "folder", lambda: place)
    return place


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_it_says_writes_and_takes_back(world: World, folder: Path, run: Run, own_state: Path) -> None:
    before, times = contents(folder), {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    said = run("tag", folder, "--gallery", world.gallery, "--format", "jsonl", "--min-confidence", "0.5")
    assert said.code == 1  # one is broken
    assert contents(folder) == before
    assert "nothing was written: add --write" in said.err
    outcomes = {Path(answer["path"]).name: answer for answer in said.answers}
    assert list(outcomes) == sorted(before)
    assert outcomes["placed.jpg"]["outcome"] == "has a position"
    assert outcomes["broken.jpg"]["outcome"] == "failed"
    assert outcomes["zz-elsewhere.jpg"]["outcome"] == "unsure"
    wanted = [name for name, answer in outcomes.items() if answer["outcome"] == "written"]
    assert len(wanted) >= 3
    assert all(answer["dry_run"] for answer in said.answers)

    done = run("tag", folder, "--gallery", world.gallery, "--write", "--min-confidence", "0.5")
    assert done.code == 1
    assert f"{len(wanted)} photos got a position" in done.err
    assert "whence tag --undo" in done.err
    now = contents(folder)
    assert sorted(name for name in before if now[name] != before[name]) == sorted(wanted)
    for name in wanted:
        position = read_facts(now[name]).position
        assert position is not None
        assert distances_m(position, [world.truth[name]])[0] < 25
        assert np.array_equal(decode(now[name]).pixels, decode(before[name]).pixels)
        assert (folder / name).stat().st_mtime_ns == times[name]
    again = run("tag", folder, "--gallery", world.gallery, "--format", "jsonl", "--write", "--min-confidence", "0.5")
    assert sum(answer["outcome"] == "has a position" for answer in again.answers) == len(wanted) + 1

    back = run("tag", "--undo")
    assert back.code == 0
    assert f"{len(wanted)} files as before" in back.err
    assert contents(folder) == before
    assert run("tag", "--undo").code == 2


def test_sidecars_in_the_place_of_changes_and_for_raw_files(world: World, folder: Path, run: Run) -> None:
    name = sorted(world.truth)[0]
    only = folder.parent / "few"
    only.mkdir()
    shutil.copy(folder / name, only / "IMG_1.jpg")
    (only / "IMG_1.CR3").write_bytes(b"raw data of a camera")
    Pillow.fromarray(decode((folder / name).read_bytes()).pixels).save(only / "b.avif", quality=95)
    before = contents(only)
    options = ("--gallery", world.gallery, "--write", "--min-confidence", "0.5")
    beside = run("tag", only / "IMG_1.jpg", *options, "--sidecars", "--format", "jsonl")
    assert beside.code == 0
    assert beside.answers[0]["into"] == ["IMG_1.jpg.xmp", "IMG_1.xmp"]
    assert {key: data for key, data in contents(only).items() if not key.endswith(".xmp")} == before
    assert run("tag", only / "IMG_1.jpg", *options, "--format", "jsonl").answers[0]["outcome"] == "has a position"
    assert run("tag", "--undo").code == 0
    assert contents(only) == before
    both = run("tag", only / "IMG_1.jpg", *options, "--format", "jsonl")
    assert both.answers[0]["into"] == ["IMG_1.jpg", "IMG_1.xmp"]


def test_without_exiftool_what_is_not_spliced_gets_a_sidecar(
    world: World, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = sorted(world.truth)[0]
    path = tmp_path / "scan.tif"
    Pillow.open(world.queries / name).save(path)
    monkeypatch.setenv("PATH", os.fspath(tmp_path))
    done = run("tag", path, "--gallery", world.gallery, "--write", "--min-confidence", "0.5", "--format", "jsonl")
    assert done.answers[0]["into"] == ["scan.tif.xmp"]
    assert "exiftool, which is not installed" in done.answers[0]["reason"]


def test_wrong_usage(world: World, folder: Path, run: Run, tmp_path: Path) -> None:
    plan = run("tag", folder, "--gallery", world.plan)
    assert plan.code == 2
    assert "a plane of its own" in plan.err
    assert run("tag", folder).code == 2
    assert run("tag", "--undo", folder).code == 2
    assert run("tag", "--undo", "--journal", tmp_path / "none.jsonl").code == 2
    assert run("tag", folder, "--gallery", world.gallery, "--min-confidence", "7").code == 2
    assert run("tag", folder, "--gallery", world.gallery, "--format", "xml").code == 2
    (tmp_path / "there.jsonl").write_text("x")
    there = run("tag", folder, "--gallery", world.gallery, "--write", "--journal", tmp_path / "there.jsonl")
    assert there.code == 2
    assert "there already" in there.err


def test_a_folder_where_nothing_may_be_written(
    world: World, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = sorted(world.truth)[0]
    shutil.copy(world.queries / name, tmp_path / "a.jpg")

    def refused(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(journal, "_flushed", refused)
    done = run(
        "tag", tmp_path / "a.jpg", "--gallery", world.gallery, "--write", "--min-confidence", "0.5", "--format", "jsonl"
    )
    assert done.code == 1
    assert json.loads(done.out)["outcome"] == "failed"
    assert "Permission denied" in json.loads(done.out)["reason"]


def test_blank_photos_are_no_reason_to_write(world: World, tmp_path: Path, run: Run) -> None:
    write_photos(tmp_path / "others", 2)
    done = run("tag", tmp_path / "others", "--gallery", world.gallery, "--write", "--format", "jsonl")
    assert {answer["outcome"] for answer in done.answers} <= {"unsure", "has a position"}

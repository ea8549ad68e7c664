"""`whence tag`: positions into photos that have none, and out again."""

from __future__ import annotations

import json
import os
import shutil
import stat
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from samples import Run, World, write_photos
from whence.gallery.gallery import Gallery
from whence.geo.distance import distances_m
from whence.locate.locator import Locator
from whence.locate.tagging import Outcome, Tagger
from whence.photos.decode import decode, read_facts
from whence.photos.writing import exchange, journal, sidecar
from whence.photos.writing.estimate import Estimate
from whence.photos.writing.journal import Journal, undo
from whence.types import LatLon, Location, Photo, Status


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

    monkeypatch.setattr(exchange, "_flushed", refused)
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


SURE = Location("IMG_1", Status.LOCATED, LatLon(45.4339, 12.3391), 20.0, 0.9)
OTHER = Estimate(LatLon(1.0, 2.0), 5.0, 0.9, None, "another", datetime(2026, 11, 30, tzinfo=UTC))


@pytest.fixture
def only(world: World, tmp_path: Path) -> Path:
    """A photo in a folder of its own."""
    path = tmp_path / "only" / "IMG_1.jpg"
    path.parent.mkdir()
    shutil.copy(world.queries / sorted(world.truth)[0], path)
    return path


def tagger(world: World, path: Path, *, beside: bool = False) -> Tagger:
    return Tagger(Locator(Gallery.open(world.gallery)), beside=beside, journal=Journal(path))


@pytest.mark.parametrize("suffix", [".dng", ".NEF"])
def test_raw_files_are_never_changed(world: World, only: Path, tmp_path: Path, suffix: str) -> None:
    raw = only.with_suffix(suffix)
    Pillow.open(only).save(raw, "TIFF")
    only.unlink()
    before = raw.read_bytes()
    done = tagger(world, tmp_path / "undo.jsonl").settle(Photo(raw, raw.name), SURE)
    assert (done.outcome, done.into, done.reason) == (Outcome.WRITTEN, ("IMG_1.xmp",), "raw files are not changed")
    assert contents(only.parent).keys() == {raw.name, "IMG_1.xmp"}
    assert raw.read_bytes() == before


@pytest.mark.parametrize("beside", [False, True])
def test_a_photo_is_written_to_by_one_run_alone(world: World, only: Path, tmp_path: Path, beside: bool) -> None:
    """Both asked it before either wrote."""
    (only.parent / "IMG_1.CR3").write_bytes(b"raw")
    before = contents(only.parent)
    photo = Photo(only, only.name)
    runs = [tagger(world, tmp_path / f"{number}.jsonl", beside=beside) for number in (1, 2)]
    assert all(run._known(photo) is None for run in runs)
    first, second = (run.settle(photo, SURE) for run in runs)
    assert first.outcome is Outcome.WRITTEN
    assert (second.outcome, second.into, second.reason) == (Outcome.PLACED, (), "since it was asked")
    assert not (tmp_path / "2.jsonl").exists()
    assert not [found.problem for found in undo(tmp_path / "1.jsonl") if found.problem]
    assert contents(only.parent) == before


def test_a_position_that_came_meanwhile_stays(world: World, only: Path, tmp_path: Path) -> None:
    run, photo = tagger(world, tmp_path / "undo.jsonl"), Photo(only, only.name)
    assert run._known(photo) is None
    (only.parent / "IMG_1.jpg.xmp").write_bytes(sidecar.new(OTHER))
    before = contents(only.parent)
    assert run.settle(photo, SURE).outcome is Outcome.PLACED
    assert contents(only.parent) == before


def test_a_raw_file_that_has_a_position_keeps_it(world: World, only: Path, tmp_path: Path) -> None:
    (only.parent / "IMG_1.CR3").write_bytes(b"raw")
    (only.parent / "IMG_1.CR3.xmp").write_bytes(sidecar.new(OTHER))
    done = tagger(world, tmp_path / "undo.jsonl").settle(Photo(only, only.name), SURE)
    assert (done.outcome, done.into) == (Outcome.WRITTEN, ("IMG_1.jpg",))
    assert done.reason == "nothing for IMG_1.CR3: IMG_1.CR3.xmp: its sidecar says: a position"
    assert (only.parent / "IMG_1.CR3.xmp").read_bytes() == sidecar.new(OTHER)


def test_what_was_written_before_it_failed_is_told(
    world: World, only: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (only.parent / "IMG_1.CR3").write_bytes(b"raw")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(journal, "create", full)
    done = tagger(world, tmp_path / "undo.jsonl").settle(Photo(only, only.name), SURE)
    assert (done.outcome, done.into) == (Outcome.FAILED, ("IMG_1.jpg",))
    assert done.reason == "written into IMG_1.jpg alone: IMG_1.xmp cannot be written (No space left on device)"
    assert read_facts(only.read_bytes()).position is not None


def test_a_write_protected_photo_gets_a_sidecar(world: World, only: Path, tmp_path: Path) -> None:
    before = only.read_bytes()
    only.chmod(0o444)
    done = tagger(world, tmp_path / "undo.jsonl").settle(Photo(only, only.name), SURE)
    assert (done.outcome, done.into, done.reason) == (Outcome.WRITTEN, ("IMG_1.jpg.xmp",), "it is write-protected")
    assert (only.read_bytes(), stat.S_IMODE(only.stat().st_mode)) == (before, 0o444)


def test_a_sidecar_that_cannot_be_one(world: World, only: Path, tmp_path: Path) -> None:
    run, xmp = tagger(world, tmp_path / "undo.jsonl", beside=True), only.parent / "IMG_1.jpg.xmp"
    xmp.symlink_to(tmp_path / "none")
    done = run.settle(Photo(only, only.name), SURE)
    assert (done.outcome, done.reason) == (Outcome.FAILED, "IMG_1.jpg.xmp is a link that leads nowhere")
    assert xmp.is_symlink()
    xmp.unlink()
    xmp.write_bytes(sidecar.new(OTHER).replace(b"exif:GPSL", b"exif:PSL"))
    xmp.chmod(0o444)
    done = run.settle(Photo(only, only.name), SURE)
    assert (done.outcome, done.reason) == (Outcome.FAILED, "IMG_1.jpg.xmp is write-protected")


def test_a_name_as_long_as_can_be_ends_no_batch(world: World, only: Path, run: Run) -> None:
    only.rename(only.with_name("a" * 250 + ".jpg"))
    shutil.copy(world.queries / sorted(world.truth)[0], only.with_name("b.jpg"))
    options = ("--gallery", world.gallery, "--write", "--min-confidence", "0.5", "--format", "jsonl")
    done = run("tag", only.parent, *options, "--sidecars")
    assert done.code == 1
    assert [answer["outcome"] for answer in done.answers] == ["failed", "written"]
    assert "File name too long" in done.answers[0]["reason"]
    inside = run("tag", only.parent, *options)
    assert [answer["outcome"] for answer in inside.answers] == ["written", "has a position"]


def test_undo_names_its_run_and_how_to_go_on(only: Path, run: Run, own_state: Path) -> None:
    own_state.mkdir()
    Journal(own_state / "1.jsonl").create(only.parent / "a.xmp", b"a")
    Journal(own_state / "2.jsonl").create(only.parent / "b.xmp", b"b")
    (own_state / "3.jsonl").write_bytes(b"")
    (only.parent / "b.xmp").write_bytes(b"edited")
    stuck = run("tag", "--undo")
    assert stuck.code == 1
    assert f"taking back what {own_state / '2.jsonl'} tells, of {datetime.now():%Y-}" in stuck.err.replace("\n", " ")
    assert "rename it to 2.jsonl.kept" in stuck.err.replace("\n", " ")
    (own_state / "2.jsonl").rename(own_state / "2.jsonl.kept")
    assert "1 file as before" in run("tag", "--undo").err
    assert not (only.parent / "a.xmp").exists()
    assert run("tag", "--undo").code == 2

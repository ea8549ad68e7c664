"""Full disks and galleries that cannot be written: one clear line, and nothing broken."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
from children import BATCHES_OF_FOUR, check_whole, command, disk

import whence
from samples import Run, write_photos
from whence.errors import GalleryError
from whence.gallery.store import lock
from whence.gallery.trouble import told

linux = pytest.mark.skipif(sys.platform != "linux", reason="needs mount or /dev/full")


def state(folder: Path) -> dict[str, tuple[int, int]]:
    """Size and time of change of every file."""
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in sorted(folder.rglob("*"))}


@linux
@pytest.mark.parametrize("room_kb", [64, *(pytest.param(kb, marks=pytest.mark.slow) for kb in (16, 150, 400))])
def test_a_disk_that_fills_up(tmp_path: Path, room_kb: int) -> None:
    photos, room = write_photos(tmp_path / "photos", 24), tmp_path / "disk"
    with disk(room, "-t", "tmpfs", "-o", f"size={room_kb}k", "tmpfs"):
        gallery = room / "g"
        done = command("index", photos, "--gallery", gallery, code=BATCHES_OF_FOUR)
        assert (done.code, done.out, len(done.lines)) == (2, "", 1), done.err
        assert f"no space left on the disk of {gallery}" in done.err
        kept: set[str] = set()
        if (gallery / "photos.lance").exists():
            kept = check_whole(gallery)
            assert len(kept) < 24
        subprocess.run(["mount", "-o", "remount,size=20m", str(room)], check=True)
        again = command("index", photos, "--gallery", gallery, code=BATCHES_OF_FOUR)
        assert again.code == 0, again.err
        assert kept < check_whole(gallery)
        assert len(check_whole(gallery)) == 24


@linux
@pytest.mark.slow
def test_removing_and_repairing_on_a_full_disk(tmp_path: Path) -> None:
    photos, room = write_photos(tmp_path / "photos", 8), tmp_path / "disk"
    with disk(room, "-t", "tmpfs", "-o", "size=20m", "tmpfs"):
        gallery = room / "g"
        whence.index(photos, gallery)
        for path in (gallery / "descriptors.lance" / "data").iterdir():
            path.write_bytes(path.read_bytes()[:-40])
        subprocess.run(["dd", "if=/dev/zero", f"of={room / 'filler'}", "bs=4k"], capture_output=True, check=False)
        with pytest.raises(OSError, match="No space left"):
            (room / "more").write_bytes(bytes(4096))
        for words in (["repair", gallery], ["remove", "03.jpg", "--gallery", gallery, "--purge"]):
            done = command(*words)
            assert (done.code, done.out) == (2, ""), (words, done)
            assert f"no space left on the disk of {gallery}" in done.lines[-1], (words, done.err)
        (room / "filler").unlink()
        (room / "more").unlink()
        assert command("repair", gallery).code == 0  # descriptors are made anew: nothing is lost
        kept = check_whole(gallery)
        assert {f"{number:02d}.jpg" for number in range(8)} - kept <= {"03.jpg"}
        assert command("index", photos, "--gallery", gallery).code == 0
        assert len(check_whole(gallery)) == 8


@linux
def test_reports_and_pages_on_a_full_disk(run: Run, tmp_path: Path) -> None:
    photos, gallery, room = write_photos(tmp_path / "photos", 2), tmp_path / "g", tmp_path / "disk"
    with disk(room, "-t", "tmpfs", "-o", "size=8k", "tmpfs"):
        (room / "old.json").write_text("old")
        (room / "filler").write_bytes(bytes(4096))
        done = run("index", photos, "--gallery", gallery, "--report", room / "r.json")
        assert (done.code, done.out) == (2, "")
        assert done.lines[0].startswith("2 added.")  # which is true, and said first
        assert done.lines[1:] == [f"whence: --report {room}/r.json cannot be written: No space left on device"]
        done = run("index", photos, "--gallery", gallery, "--report", room / "old.json")
        assert done.code == 2
        assert (room / "old.json").read_text() == "old"
        explained = run(
            "locate", photos / "00.jpg", "--gallery", gallery, "--format", "jsonl", "--explain", room / "why.html"
        )
        assert (explained.code, len(explained.answers)) == (2, 1)
        assert explained.lines == [f"whence: cannot write {room}/why.html: No space left on device"]
        assert sorted(path.name for path in room.iterdir()) == ["filler", "old.json"]
    assert check_whole(gallery) == {"00.jpg", "01.jpg"}


@linux
@pytest.mark.parametrize(
    "format", ["jsonl", *(pytest.param(name, marks=pytest.mark.slow) for name in ("table", "geojson"))]
)
def test_results_on_a_full_disk(tmp_path: Path, format: str) -> None:
    photos, gallery = write_photos(tmp_path / "photos", 2), tmp_path / "g"
    whence.index(photos, gallery)
    words = ["locate", str(photos / "00.jpg"), "--gallery", str(gallery), "--format", format]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "whence", *words], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 1
    assert done.stderr == "whence: results cannot be written: No space left on device\n"


@linux
def test_a_gallery_that_cannot_be_written(run: Run, tmp_path: Path) -> None:
    photos, gallery, view = write_photos(tmp_path / "photos", 3), tmp_path / "g", tmp_path / "view"
    whence.index(photos, gallery)
    before = state(gallery)
    with disk(view, "--bind", str(gallery)):
        made = subprocess.run(["mount", "-o", "remount,bind,ro", str(view)], capture_output=True, check=False)
        if made.returncode:
            pytest.skip("a folder cannot be mounted for reading only")
        with pytest.raises(OSError, match="Read-only"):
            (view / "test").touch()
        (answer,) = run("locate", photos / "00.jpg", "--gallery", view, "--format", "jsonl").answers
        assert answer["duplicate_of"] == ["00.jpg"]
        assert run("info", view, "--format", "json").code == 0
        for _ in range(2):
            write_photos(photos, 1, first=9)
            done = run("index", photos, "--gallery", view)
            assert (done.code, done.out, len(done.lines)) == (2, "", 1)
            assert f"the gallery {view} cannot be written: Read-only file system" in done.err
    assert state(gallery) == before


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), RuntimeError(f"lance: x (os error {errno.ENOSPC})")])
@pytest.mark.skipif(os.name == "nt", reason="Windows has other numbers")
def test_a_full_disk_in_either_spelling(tmp_path: Path, error: Exception) -> None:
    with pytest.raises(GalleryError, match="no space left on the disk"), lock(tmp_path):
        raise error
    other = RuntimeError("lance: x (os error 5)")
    with pytest.raises(RuntimeError) as caught, lock(tmp_path):
        raise other
    assert caught.value is other


def test_errors_of_the_library_without_its_source() -> None:
    text = "lance error: LanceError(IO): gone, /builds/.cargo/registry/src/index/lance-13.0.0/src/writer.rs:191:9\nmore"
    assert told(RuntimeError(text)) == "lance error: LanceError(IO): gone"
    assert told(RuntimeError("")) == "RuntimeError"

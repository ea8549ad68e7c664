"""Folders with traps in them, and folders that change while they are read."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from children import check_whole, command

import whence
from samples import place, textured, write_photos
from whence.errors import PhotoError
from whence.locate.progress import Progress
from whence.photos import files
from whence.worlds import write_photo

posix = pytest.mark.skipif(os.name == "nt", reason="needs POSIX files")


@pytest.fixture
def traps(tmp_path: Path) -> Iterator[Path]:
    """Two photos among links, loops, pipes, sockets and devices, all named like photos."""
    folder = write_photos(tmp_path / "photos", 2)
    outside = write_photos(tmp_path / "outside", 1, first=2)
    (folder / "loop").symlink_to(folder)
    (folder / "loop.jpg").symlink_to(folder)
    (folder / "up").symlink_to("..")
    (folder / "self.jpg").symlink_to("self.jpg")
    (folder / "ping.jpg").symlink_to("pong.jpg")
    (folder / "pong.jpg").symlink_to("ping.jpg")
    (folder / "dangling.jpg").symlink_to("nowhere.jpg")
    (folder / "away.jpg").symlink_to(outside / "02.jpg")
    (folder / "null.jpg").symlink_to("/dev/null")
    (folder / "zero.jpg").symlink_to("/dev/zero")
    os.mkfifo(folder / "pipe.jpg")
    os.mkfifo(folder / "pipe.jpg.xmp")
    os.mkfifo(folder / "pipe.json")
    with socket.socket(socket.AF_UNIX) as listening:
        os.chdir(folder)  # the path of a socket may not be long
        listening.bind("socket.jpg")
        os.chdir("/")
        yield folder


REASONS = {
    "dangling.jpg": "no such file or folder",
    "null.jpg": "it is not a regular file",
    "pipe.jpg": "it is not a regular file",
    "ping.jpg": "it cannot be read (Too many levels of symbolic links)",
    "pong.jpg": "it cannot be read (Too many levels of symbolic links)",
    "self.jpg": "it cannot be read (Too many levels of symbolic links)",
    "socket.jpg": "it is not a regular file",
    "zero.jpg": "it is not a regular file",
    "loop.jpg": "it is a folder",
}


@posix
def test_traps_are_told_and_stop_nothing(traps: Path, tmp_path: Path) -> None:
    done = command("index", traps, "--gallery", tmp_path / "g", seconds=60)
    assert (done.code, done.out) == (0, "")
    sidecar = "skipped pipe.jpg.xmp: it is not a regular file (a sidecar; its photo is not skipped for that)"
    told = [*(f"skipped {name}: {reason}" for name, reason in REASONS.items()), sidecar]
    assert sorted(done.lines[:-1]) == sorted(told)
    assert done.lines[-1].startswith(f"3 added; {len(told)} skipped.")
    assert check_whole(tmp_path / "g") == {"00.jpg", "01.jpg", "away.jpg"}
    located = command("locate", traps, "--gallery", tmp_path / "g", "--format", "jsonl", seconds=60)
    assert located.code == 1
    failed = {Path(a["path"]).name: a["error"] for a in located.answers if a["status"] == "failed"}
    assert failed == REASONS
    assert len(located.answers) == len(REASONS) + 3


@posix
def test_a_folder_of_traps_alone(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").symlink_to("a.jpg")
    done = command("index", tmp_path / "photos", "--gallery", tmp_path / "g", seconds=60)
    assert done.code == 1
    assert len(done.lines) == 3
    assert "no photo of" in done.err


def test_files_that_vanish_and_change_after_they_were_listed(tmp_path: Path) -> None:
    photos, gallery = write_photos(tmp_path / "photos", 12), tmp_path / "g"

    def meddle(progress: Progress) -> None:
        if progress.done == 1:
            (photos / "08.jpg").unlink()
            (photos / "09.jpg").write_bytes((photos / "09.jpg").read_bytes() + b"\0" * 100)
            (photos / "10.jpg").write_bytes((photos / "10.jpg").read_bytes()[:500])
            write_photo(photos / "99.jpg", textured(99), place(99))

    report = whence.index(photos, gallery, workers=1, progress=meddle)
    assert {skipped.name: skipped.reason for skipped in report.skipped} == {
        "08.jpg": "no such file or folder",
        "10.jpg": "the JPEG file is cut short (truncated)",
    }
    assert (report.added, report.total) in ((10, 10), (11, 11))  # 99.jpg may have come in time
    again = whence.index(photos, gallery)
    assert again.total == 11
    assert [skipped.name for skipped in again.skipped] == ["10.jpg"]
    assert check_whole(gallery) == {path.name for path in photos.iterdir()} - {"10.jpg"}


def test_a_file_that_changes_between_the_look_and_the_read_is_seen_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos, gallery = write_photos(tmp_path / "photos", 2), tmp_path / "g"
    read = files.read

    def late(path: Path) -> bytes:
        if path.name == "01.jpg":
            write_photo(path, textured(7), place(7))  # another photo meanwhile
            data = read(path)
            write_photo(path, textured(8), place(8))  # and another
            return data
        return read(path)

    with monkeypatch.context() as patched:
        patched.setattr("whence.locate.reading.files.read", late)
        assert whence.index(photos, gallery).added == 2
    assert whence.index(photos, gallery).changed == 1
    row = [photo.path for photo in whence.Gallery.open(gallery).photos].index("01.jpg")
    position = whence.Gallery.open(gallery).photos[row].position
    assert isinstance(position, whence.LatLon)
    assert position.lat == pytest.approx(place(8).lat)


@posix
def test_a_pipe_that_takes_the_place_of_a_file_after_the_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "a.jpg")
    regular, seen = files._regular, list[bool]()

    def late(found: os.stat_result) -> int:
        seen.append(stat.S_ISFIFO(found.st_mode))
        return 10 if len(seen) == 1 else regular(found)

    monkeypatch.setattr(files, "_regular", late)
    with pytest.raises(PhotoError, match="not a regular file"):
        files.read(tmp_path / "a.jpg")
    assert seen == [True, True]


def test_a_folder_that_vanishes_during_the_run(tmp_path: Path) -> None:
    photos, gallery = write_photos(tmp_path / "photos", 6), tmp_path / "g"

    def meddle(progress: Progress) -> None:
        if progress.done == 1:
            photos.rename(tmp_path / "elsewhere")

    report = whence.index(photos, gallery, workers=1, progress=meddle)
    assert report.added + len(report.skipped) == 6
    assert all(skipped.reason == "no such file or folder" for skipped in report.skipped)
    (tmp_path / "elsewhere").rename(photos)
    assert whence.index(photos, gallery).total == 6

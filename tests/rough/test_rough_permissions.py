"""Galleries and photos that may not be read or written, wholly or in part: one line, and all bytes as they were."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from children import PLAIN

import whence
from samples import Done, write_photos
from whence.locate.repairing import check

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="permissions as Linux has them"),
]
# Root may do anything, and so would the tests' commands: they run without the capabilities that this takes.
HUMBLE = ("setpriv", "--bounding-set=-dac_override,-dac_read_search,-linux_immutable") if not os.geteuid() else ()


def humbly(*words: object) -> Done:
    """A command of somebody whom permissions bind; skips where there is no such."""
    try:
        done = subprocess.run([*HUMBLE, sys.executable, "-c", PLAIN, *map(str, words)], capture_output=True, text=True)
    except OSError as error:
        pytest.skip(f"no setpriv: {error}")
    return Done(done.returncode, done.stdout, done.stderr)


def state(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture
def made(tmp_path: Path) -> tuple[Path, Path]:
    """Photos and a gallery; two photos came since."""
    (tmp_path / "locked").write_text("")
    (tmp_path / "locked").chmod(0o400)
    tried = "open(__import__('sys').argv[1], 'a')"
    done = subprocess.run([*HUMBLE, sys.executable, "-c", tried, tmp_path / "locked"], capture_output=True, check=False)
    if not done.returncode:
        pytest.skip("permissions bind nobody here")
    photos, gallery = write_photos(tmp_path / "photos", 6), tmp_path / "gallery"
    whence.index(photos, gallery)
    write_photos(photos, 2, first=6)
    return photos, gallery


@contextmanager
def may(*modes: tuple[Path, int, int]) -> Iterator[None]:
    """Other permissions for folders, and for the files in them, for a while."""
    before = {}
    for top, folder_mode, file_mode in modes:
        for path in [*sorted(top.rglob("*"), reverse=True), top]:
            before[path] = path.stat().st_mode & 0o7777
            path.chmod(folder_mode if path.is_dir() else file_mode)
    try:
        yield
    finally:
        for path in reversed(before):
            path.chmod(before[path])


LOCKED = (0o555, 0o444)


@pytest.mark.parametrize(
    ("part", "may_not"),
    [(".", "written"), ("photos.lance", "read or written"), ("descriptors.lance", "read or written")],
)
def test_what_may_be_read_but_not_written(made: tuple[Path, Path], part: str, may_not: str) -> None:
    photos, gallery = made
    before = state(gallery)
    with may((gallery, 0o777, 0o666)), may((gallery / part, *LOCKED)):
        answer = humbly("locate", photos / "03.jpg", "--gallery", gallery, "--format", "jsonl")
        assert answer.code == 0, answer.err
        assert answer.answers[0]["duplicate_of"] == ["03.jpg"]
        for words in (["index", photos, "--gallery", gallery], ["remove", "01.jpg", "--gallery", gallery]):
            done = humbly(*words)
            assert (done.code, done.out) == (2, ""), done.err
            assert f"cannot be {may_not}: Permission denied" in done.lines[-1], done.err
            assert "Traceback" not in done.err
    if part == ".":
        assert state(gallery) == before
    assert whence.index(photos, gallery).total == 8  # what got its photo and no descriptor gets one
    assert check(gallery).is_whole
    assert {photo.path for photo in whence.Gallery.open(gallery).photos} == {f"{n:02d}.jpg" for n in range(8)}


@pytest.mark.parametrize("part", ["photos.lance", "settings.lance"])
def test_what_may_not_be_read_is_not_taken_for_damage(made: tuple[Path, Path], part: str) -> None:
    photos, gallery = made
    before = state(gallery)
    with may((gallery, 0o777, 0o666)), may((gallery / part, 0o755, 0o000)):
        for words in (
            ["locate", photos / "03.jpg", "--gallery", gallery],
            ["index", photos, "--gallery", gallery],
            ["repair", gallery],
            ["info", gallery],
        ):
            done = humbly(*words)
            assert (done.code, done.out) == (2, ""), (words, done)
            assert "Traceback" not in done.err
            if words[0] == "repair":
                assert "may not be read" in done.err
    assert {name: data for name, data in state(gallery).items() if ".whence.lock" not in name} == {
        name: data for name, data in before.items() if ".whence.lock" not in name
    }
    assert check(gallery).is_whole


def test_photos_that_may_not_be_read_are_passed_over_and_tried_again(made: tuple[Path, Path]) -> None:
    photos, gallery = made
    with may((gallery, 0o777, 0o666), (photos / "06.jpg", 0o755, 0o000)):
        done = humbly("index", photos, "--gallery", gallery)
        assert done.code == 0, done.err
        assert "skipped 06.jpg: no permission to read it" in done.err
    assert len(whence.Gallery.open(gallery)) == 7
    assert whence.index(photos, gallery).total == 8


def test_files_that_root_may_not_change(tmp_path: Path) -> None:
    if os.geteuid():
        pytest.skip("only root may make files unchangeable")
    photos, gallery = write_photos(tmp_path / "photos", 4), tmp_path / "gallery"
    whence.index(photos, gallery)
    write_photos(photos, 1, first=4)
    before = state(gallery)
    try:
        held = subprocess.run(["chattr", "-R", "+i", str(gallery)], capture_output=True, text=True, check=False)
    except OSError as error:
        pytest.skip(f"no chattr: {error}")
    try:
        if held.returncode:
            pytest.skip(f"this file system cannot hold files: {held.stderr.strip()}")
        done = humbly("index", photos, "--gallery", gallery)
        assert (done.code, done.out, len(done.lines)) == (2, "", 1), done.err
        assert "cannot be written: " in done.err
        assert humbly("locate", photos / "03.jpg", "--gallery", gallery).code == 0
    finally:
        subprocess.run(["chattr", "-R", "-i", str(gallery)], capture_output=True, check=False)
    assert state(gallery) == before
    assert whence.index(photos, gallery).total == 5

"""Walking folders: stable order, and no trap that a file system can hold."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from whence.errors import InputError, PhotoError
from whence.photos import files, folder
from whence.photos.folder import FolderSource
from whence.plugins import PhotoSource
from whence.types import Crs, Photo, Skipped

posix = pytest.mark.skipif(os.name == "nt", reason="needs POSIX files")


def make(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")
    return folder


def test_sorted_by_the_whole_path(tmp_path: Path) -> None:
    names = ["a.jpg", "a/b.jpg", "a/c/d.PNG", "a b/e.webp", "a-b.tif", "b.jpeg", "B.AVIF", "z/y.heic", "é.jpg"]
    source = FolderSource(make(tmp_path, *names))
    found = list(source.photos())
    assert [item.name for item in found] == sorted(names)
    assert found == list(source.photos())
    assert found[0] == Photo(tmp_path / "B.AVIF", "B.AVIF")
    assert isinstance(source, PhotoSource)
    assert source.crs is Crs.WGS84


def test_other_and_hidden_files_are_passed_over(tmp_path: Path) -> None:
    make(
        tmp_path, "a.jpg", "notes.txt", "film.mp4", ".b.jpg", "._a.jpg", ".git/c.jpg", "sub/.d.jpg", "jpg", "x.jpg.bak"
    )
    assert [item.name for item in FolderSource(tmp_path).photos()] == ["a.jpg"]


def test_a_folder_named_like_a_photo(tmp_path: Path) -> None:
    make(tmp_path, "a.jpg/b.jpg")
    assert [item.name for item in FolderSource(tmp_path).photos()] == ["a.jpg/b.jpg"]


@posix
def test_links(tmp_path: Path) -> None:
    make(tmp_path, "real/a.jpg", "real/sub/b.jpg")
    (tmp_path / "real" / "sub" / "loop").symlink_to(tmp_path / "real")
    (tmp_path / "real" / "self.jpg").symlink_to("self.jpg")
    (tmp_path / "real" / "lost.jpg").symlink_to("nowhere.jpg")
    (tmp_path / "real" / "link.jpg").symlink_to("a.jpg")
    os.mkfifo(tmp_path / "real" / "pipe.jpg")
    found = [item for item in FolderSource(tmp_path / "real").photos() if isinstance(item, Photo)]
    assert [item.name for item in found] == ["a.jpg", "link.jpg", "lost.jpg", "pipe.jpg", "self.jpg", "sub/b.jpg"]
    assert files.read(found[1].path) == b"x"
    for item in found[2:5]:
        with pytest.raises(PhotoError):
            files.read(item.path)
    (tmp_path / "way").symlink_to("real")
    assert len(list(FolderSource(tmp_path / "way").photos())) == len(found)


@pytest.mark.skipif(sys.platform != "linux", reason="only there may a name be any bytes")
def test_a_name_that_is_not_text(tmp_path: Path) -> None:
    make(tmp_path, "b.jpg")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/a\xff.jpg")).touch()
    assert [item.name for item in FolderSource(tmp_path).photos()] == ["a\udcff.jpg", "b.jpg"]


def test_half_a_character(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows lets them into names; here it is pretended."""
    make(tmp_path, "a.jpg")
    monkeypatch.setattr(folder, "_entries", lambda path: (["a\ud800.jpg", "b.jpg"], []))
    found = list(FolderSource(tmp_path).photos())
    assert found[0] == Skipped("a\\ud800.jpg", "the file name is not valid Unicode; rename the file")
    assert found[1].name == "b.jpg"


def test_very_deep_folders(tmp_path: Path) -> None:
    name = "d/" * 300 + "a.jpg"
    make(tmp_path, name)
    assert [item.name for item in FolderSource(tmp_path).photos()] == [name]


@pytest.fixture
def locked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders named ``locked`` may not be listed; the tests may run as root, whom no permission stops."""
    scandir = os.scandir

    def guarded(path: Any) -> Any:
        if Path(path).name == "locked":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)


@pytest.mark.usefixtures("locked")
def test_folders_without_permission(tmp_path: Path) -> None:
    make(tmp_path, "a.jpg", "locked/b.jpg", "z.jpg")
    assert list(FolderSource(tmp_path).photos()) == [
        Photo(tmp_path / "a.jpg", "a.jpg"),
        Skipped("locked/", "folder left out: no permission to read it"),
        Photo(tmp_path / "z.jpg", "z.jpg"),
    ]
    with pytest.raises(InputError, match="locked: no permission to read it"):
        FolderSource(tmp_path / "locked")


def test_a_folder_that_vanishes_later(tmp_path: Path) -> None:
    source = FolderSource(make(tmp_path / "photos", "a.jpg"))
    (tmp_path / "photos").rename(tmp_path / "elsewhere")
    assert list(source.photos()) == [Skipped(str(tmp_path / "photos"), "folder left out: no such file or folder")]


def test_refused(tmp_path: Path) -> None:
    make(tmp_path, "empty/notes.txt", "a.jpg")
    with pytest.raises(InputError, match=r"no photos in .*empty; looked for \.avif .*\.jpg"):
        FolderSource(tmp_path / "empty")
    with pytest.raises(InputError, match=r"a\.jpg is not a folder"):
        FolderSource(tmp_path / "a.jpg")
    with pytest.raises(InputError, match=r"missing: no such file or folder"):
        FolderSource(tmp_path / "missing")

"""Folders that were moved, or are reached through links: nothing is read twice, nothing mixed up."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

import whence
from samples import Run, textured, write_photos, write_table
from whence.errors import InputError
from whence.gallery.gallery import Gallery


def paths(gallery: Path) -> list[str]:
    return [photo.path for photo in Gallery.open(gallery).photos]


@pytest.fixture
def gallery(tmp_path: Path, decoded: list[int]) -> Path:
    write_photos(tmp_path / "old" / "a", 3)
    write_photos(tmp_path / "old", 2, first=3)
    whence.index(tmp_path / "old", tmp_path / "g")
    decoded.clear()
    return tmp_path / "g"


ALL = ["03.jpg", "04.jpg", "a/00.jpg", "a/01.jpg", "a/02.jpg"]


@pytest.mark.parametrize("told", [True, False])
def test_a_moved_root_is_not_read_again(tmp_path: Path, gallery: Path, decoded: list[int], told: bool) -> None:
    new = (tmp_path / "old").rename(tmp_path / "new")
    report = whence.index(new, gallery, root=new if told else None)
    assert (report.unchanged, report.added, report.moved, report.root, decoded) == (5, 0, 0, new, [])
    opened = Gallery.open(gallery)
    assert paths(gallery) == ALL
    assert opened.settings.root == os.fspath(new)
    assert opened.file(0).is_file()
    assert whence.index(new, gallery).root is None  # said once


def test_a_part_of_a_moved_root(tmp_path: Path, gallery: Path, decoded: list[int]) -> None:
    new = (tmp_path / "old").rename(tmp_path / "new")
    report = whence.index(new / "a", gallery, root=new)
    assert (report.unchanged, decoded) == (3, [])
    assert paths(gallery) == ALL


def test_another_folder_is_never_taken_for_the_moved_one(tmp_path: Path, gallery: Path) -> None:
    (tmp_path / "old").rename(tmp_path / "unplugged")
    other = write_photos(tmp_path / "other", 2, first=20)
    (other / "20.jpg").rename(other / "03.jpg")  # the name of another photo
    shutil.copy2(tmp_path / "unplugged" / "04.jpg", other / "04.jpg")
    report = whence.index(other, gallery)
    assert report.root is None
    assert report.lost_root == tmp_path / "old"
    assert report.changed == 0
    assert {"a/00.jpg", "03.jpg", (other / "03.jpg").as_posix()} <= set(paths(gallery))


def test_a_root_that_is_still_there_stays(tmp_path: Path, gallery: Path, decoded: list[int]) -> None:
    copy = shutil.copytree(tmp_path / "old", tmp_path / "copy")
    report = whence.index(copy, gallery)
    assert (report.root, report.lost_root, len(report.skipped)) == (None, None, 5)
    report = whence.index(copy, gallery, root=copy)
    assert (report.root, report.unchanged) == (copy, 5)
    assert decoded == []


def test_a_wrong_root_is_refused(tmp_path: Path, gallery: Path) -> None:
    empty = tmp_path / "empty"
    with pytest.raises(InputError, match="is not a folder"):
        whence.index(tmp_path / "old", gallery, root=empty)
    empty.mkdir()
    with pytest.raises(InputError, match="none of the gallery's photos is there"):
        whence.index(tmp_path / "old", gallery, root=empty)
    with pytest.raises(InputError, match="is not a folder"):
        Gallery.open(gallery, root=tmp_path / "nowhere")
    assert Gallery.open(gallery).settings.root == os.fspath(tmp_path / "old")


def test_a_new_gallery_with_a_root_of_its_own(tmp_path: Path) -> None:
    write_photos(tmp_path / "top" / "part", 2)
    whence.index(tmp_path / "top" / "part", tmp_path / "g", root=tmp_path / "top")
    assert paths(tmp_path / "g") == ["part/00.jpg", "part/01.jpg"]


def test_a_moved_table(tmp_path: Path, decoded: list[int]) -> None:
    write_photos(tmp_path / "old", 2)
    write_table(tmp_path / "old" / "t.csv", [("00.jpg", "1", "2"), ("01.jpg", "3", "4")], ("path", "x", "y"))
    whence.index(tmp_path / "old" / "t.csv", tmp_path / "g")
    decoded.clear()
    new = (tmp_path / "old").rename(tmp_path / "new")
    report = whence.index(new / "t.csv", tmp_path / "g")
    assert (report.unchanged, report.root, decoded) == (2, new, [])


@pytest.mark.parametrize("first", ["real", "link"])
def test_a_folder_through_a_link_is_the_same_folder(tmp_path: Path, decoded: list[int], first: str) -> None:
    write_photos(tmp_path / "real", 2)
    (tmp_path / "link").symlink_to("real")
    whence.index(tmp_path / first, tmp_path / "g")
    decoded.clear()
    for other in ("link", "real", "link/../real"):
        report = whence.index(tmp_path / other, tmp_path / "g")
        assert (report.unchanged, report.skipped, decoded) == (2, [], [])
    assert paths(tmp_path / "g") == ["00.jpg", "01.jpg"]


def test_a_folder_of_the_root_through_a_link(tmp_path: Path, gallery: Path, decoded: list[int]) -> None:
    (tmp_path / "old" / "short").symlink_to("a")
    for _ in range(2):
        report = whence.index(tmp_path / "old" / "short", gallery)
        assert (report.unchanged, report.skipped, decoded) == (3, [], [])
    outside = write_photos(tmp_path / "outside", 1, first=9)
    (tmp_path / "way").symlink_to(outside)
    assert whence.index(tmp_path / "way", gallery).added == 1
    assert whence.index(outside, gallery).unchanged == 1
    assert (outside / "09.jpg").as_posix() in paths(gallery)


def test_a_link_to_a_photo_keeps_its_own_name(tmp_path: Path) -> None:
    store = write_photos(tmp_path / "store", 1)
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "name.jpg").symlink_to(store / "00.jpg")
    whence.index(tmp_path / "photos", tmp_path / "g")
    assert paths(tmp_path / "g") == ["name.jpg"]
    assert whence.index(tmp_path / "photos", tmp_path / "g").unchanged == 1


def test_commands_name_the_way_out(tmp_path: Path, gallery: Path, run: Run) -> None:
    new = (tmp_path / "old").rename(tmp_path / "new")
    more = write_photos(tmp_path / "more", 1, first=7)
    done = run("index", more, "--gallery", gallery)
    assert done.code == 0
    assert f"{tmp_path / 'old'}, is not there; name it by --root" in done.err
    page = tmp_path / "page.html"
    done = run("locate", new / "03.jpg", "--gallery", gallery, "--explain", page)
    assert (done.code, "--root" in done.err) == (0, True)
    thumbnails = page.stat().st_size
    done = run("locate", new / "03.jpg", "--gallery", gallery, "--explain", page, "--root", new)
    assert (done.code, "--root" in done.err) == (0, False)
    assert page.stat().st_size != thumbnails
    assert Gallery.open(gallery).settings.root == os.fspath(tmp_path / "old")
    done = run("index", new, "--gallery", gallery, "--root", new)
    assert f"relative to {new}" in done.err
    assert len(whence.Locator(Gallery.open(gallery)).locate(textured(1)).candidates) == 6

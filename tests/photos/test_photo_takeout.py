"""Google Takeout: which JSON goes with which photo, and what it says."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whence.photos.folder import FolderSource
from whence.photos.takeout import BrokenTakeoutError, NotTakeoutError, TakeoutFolder, read_takeout
from whence.types import Fix, LatLon, Photo

LONG = "a-name-of-more-than-forty-six-characters-as-phones-of-some-makers-give"
NONE = {"latitude": 0.0, "longitude": 0.0, "altitude": 0.0}


def found(folder: Path, photo: str, *photos: str) -> str | None:
    names = [path.name for path in folder.iterdir()]
    return TakeoutFolder(folder, {photo, *photos}, (name for name in names if name.endswith(".json"))).find(photo)


def write(folder: Path, name: str, title: str = "", **said: Any) -> Path:
    content = {"title": title, "photoTakenTime": {"timestamp": "1714572300", "formatted": "1 May 2024"}, **said}
    (folder / name).write_text(json.dumps(content), encoding="utf-8")
    return folder / name


@pytest.mark.parametrize(
    ("photo", "sidecar"),
    [
        ("IMG.jpg", "IMG.jpg.json"),
        ("IMG.jpg", "IMG.jpg.supplemental-metadata.json"),
        ("IMG.jpg", "IMG.jpg.supplemental-me.json"),
        ("IMG.jpg", "IMG.jpg.s.json"),
        ("IMG.jpg", "IMG.jpg..json"),
        ("IMG(1).jpg", "IMG.jpg(1).json"),
        ("IMG(12).HEIC", "IMG.HEIC.supplemental-metadata(12).json"),
        ("IMG(1).jpg", "IMG(1).jpg.json"),
        ("image(3).(2)(3).jpg", "image(3).(2).jpg(3).json"),
        ("IMG-edited.jpg", "IMG.jpg.json"),
        ("IMG-edited(1).jpg", "IMG.jpg.supplemental-metadata(1).json"),
        ("IMG-bearbeitet.jpg", "IMG.jpg.supplemental-metadata.json"),
        ("IMG-modifié.jpg", "IMG.jpg.json"),
        ("IMG-modifie\u0301.jpg", "IMG.jpg.json"),  # as macOS spells it
        ("IMG-編集済み.jpg", "IMG.jpg.json"),
        ("IMG-edited.jpg", "IMG.HEIC.supplemental-metadata.json"),
    ],
)
def test_names_that_decide(tmp_path: Path, photo: str, sidecar: str) -> None:
    write(tmp_path, sidecar)
    assert found(tmp_path, photo) == sidecar


@pytest.mark.parametrize(
    ("photo", "sidecar"),
    [
        ("IMG.jpg", "IMG.jpg(1).json"),
        ("IMG(1).jpg", "IMG.jpg.json"),
        ("IMG.jpg", "IMG.png.json"),
        ("IMG.jpg", "IMG.jpg.supplemental-data.json"),
        ("IMG-unedited.jpg", "IMG.jpg.json"),
        ("-edited.jpg", ".jpg.json"),
        ("IMG.jpg.png", "IMG.jpg.json"),
        ("IMG_2.jpg", "IMG_1.jpg.json"),
    ],
)
def test_names_that_only_look_alike(tmp_path: Path, photo: str, sidecar: str) -> None:
    write(tmp_path, sidecar, "IMG.jpg")
    assert found(tmp_path, photo) is None


def test_an_edited_copy_prefers_its_own(tmp_path: Path) -> None:
    write(tmp_path, "IMG.jpg.json")
    write(tmp_path, "IMG-edited.jpg.json")
    assert found(tmp_path, "IMG-edited.jpg") == "IMG-edited.jpg.json"


def test_an_edited_copy_whose_addition_is_cut(tmp_path: Path) -> None:
    stem = LONG[:43]
    original, copy = f"{stem}.jpg", f"{stem}-edi.jpg"
    assert len(copy) == 51
    write(tmp_path, f"{original[:46]}.json", original)
    sidecar = f"{original[:46]}.json"
    assert found(tmp_path, copy, original) == found(tmp_path, original, copy) == sidecar
    assert found(tmp_path, f"{stem}-bea.jpg", original) == sidecar
    assert found(tmp_path, f"{stem}-sea.jpg", original) is None
    assert found(tmp_path, copy) is None  # the original is somewhere else
    assert found(tmp_path, f"{stem}-ed.jpg", original) is None  # not so long that anything had to be cut
    assert found(tmp_path, copy, original, f"{stem}.HEIC") is None  # of which is it?
    write(tmp_path, f"{copy[:46]}.json", f"{stem}-edith.jpg")
    assert found(tmp_path, copy, original) == f"{copy[:46]}.json"  # it has one of its own, and is no copy


def test_a_numbered_copy_whose_addition_is_cut(tmp_path: Path) -> None:
    stem = LONG[:41]
    first, second, copy = f"{stem}.jpg", f"{stem}(1).jpg", f"{stem}-edite(1).jpg"
    write(tmp_path, f"{stem}.jpg.json", first)
    write(tmp_path, f"{stem}.jpg(1).json", first)
    assert len(copy) == 51 + len("(1)")
    assert found(tmp_path, copy, first, second) == f"{stem}.jpg(1).json"
    assert found(tmp_path, copy, first) is None


def test_names_cut_inside_the_photo_need_the_title(tmp_path: Path) -> None:
    photo, sidecar = f"{LONG[:47]}.jpg", f"{LONG[:46]}.json"
    assert (len(photo), len(sidecar)) == (51, 51)
    write(tmp_path, sidecar, f"{LONG}.jpg")
    assert found(tmp_path, photo) == sidecar
    write(tmp_path, sidecar, "another-" + f"{LONG}.jpg")
    assert found(tmp_path, photo) is None
    write(tmp_path, sidecar, f"{LONG}.png")
    assert found(tmp_path, photo) is None


def test_a_name_cut_inside_the_suffix(tmp_path: Path) -> None:
    name = "123456789012345678901234567890123456789_DSCN.jpg"  # 48 characters: the JSON's is cut to ...DSCN.j
    write(tmp_path, f"{name[:46]}.json", name)
    assert found(tmp_path, name) == f"{name[:46]}.json"


def test_titles_tell_long_names_apart(tmp_path: Path) -> None:
    photos = [f"{LONG[:46]}{last}.jpg" for last in "xy"]
    write(tmp_path, f"{LONG[:46]}.json", f"{LONG[:46]}y-and-more.jpg")
    write(tmp_path, f"{LONG[:46]}(1).json", f"{LONG[:46]}x-and-more.jpg")
    assert found(tmp_path, photos[0], *photos) == f"{LONG[:46]}(1).json"
    assert found(tmp_path, photos[1], *photos) == f"{LONG[:46]}.json"


def test_numbers_tell_the_same_long_title_apart(tmp_path: Path) -> None:
    photos = [f"{LONG[:47]}.jpg", f"{LONG[:47]}(1).jpg"]
    write(tmp_path, f"{LONG[:46]}.json", f"{LONG}-first.jpg")
    assert [found(tmp_path, photo, *photos) for photo in photos] == [None, None]  # whose is it?
    write(tmp_path, f"{LONG[:46]}(1).json", f"{LONG}-second.jpg")
    assert [found(tmp_path, photo, *photos) for photo in photos] == [f"{LONG[:46]}.json", f"{LONG[:46]}(1).json"]


def test_signs_that_file_names_cannot_have(tmp_path: Path) -> None:
    title = f"what? {LONG}.jpg"
    name = title.replace("?", "_")
    write(tmp_path, f"{name[:46]}.json", title)
    assert found(tmp_path, f"{name[:47]}.jpg") == f"{name[:46]}.json"


def test_a_photo_uploaded_without_a_suffix(tmp_path: Path) -> None:
    write(tmp_path, "20030616.json", "20030616")
    assert found(tmp_path, "20030616.jpg") == "20030616.json"
    assert found(tmp_path, "20030616.jpg", "20030616.png") is None
    write(tmp_path, "notes.json", "Notes of the day")
    assert found(tmp_path, "notes.jpg") is None


pieces = st.sampled_from(["a", "IMG", "(1)", "(2)", ".jpg", ".png", ".supplemental-metadata", ".s", "-x", LONG[:44]])
names = st.lists(pieces, min_size=1, max_size=4).map("".join)


@settings(max_examples=150, deadline=None)
@given(st.sets(names.map(lambda name: name + ".jpg"), max_size=8), st.sets(names, max_size=8), names)
def test_no_two_photos_share_one(
    tmp_path_factory: pytest.TempPathFactory, photos: set[str], stems: set[str], title: str
) -> None:
    folder = tmp_path_factory.mktemp("takeout")
    jsons = [write(folder, f"{stem[:46]}.json", f"{title}.jpg").name for stem in stems]
    of_folder = TakeoutFolder(folder, photos, jsons)
    own = [name for name in map(of_folder.find, photos) if name is not None]
    assert len(own) == len(set(own))


def test_facts(tmp_path: Path) -> None:
    here, there = {"latitude": 45.5, "longitude": 12.25, "altitude": 3.0}, {"latitude": 1.0, "longitude": 2.0}
    when = datetime(2024, 5, 1, 14, 5, tzinfo=UTC)
    both = write(tmp_path, "a.json", "a.jpg", geoData=here, geoDataExif=there)
    assert read_takeout(both) == ("a.jpg", Fix(LatLon(45.5, 12.25), "takeout", when, altitude_m=3.0))
    only_exif = write(tmp_path, "b.json", "b.jpg", geoData=NONE, geoDataExif=there)
    assert read_takeout(only_exif)[1] == Fix(LatLon(1.0, 2.0), "takeout", when)
    assert read_takeout(write(tmp_path, "c.json", geoData=NONE, geoDataExif=NONE))[1].position is None
    odd = write(tmp_path, "d.json", geoData={"latitude": "x", "longitude": 1e9}, photoTakenTime={"timestamp": "soon"})
    assert read_takeout(odd)[1] == Fix(None, "takeout")
    true = write(tmp_path, "f.json", geoData={"latitude": True, "longitude": 2.0}, photoTakenTime={"timestamp": True})
    assert read_takeout(true)[1] == Fix(None, "takeout")
    assert read_takeout(write(tmp_path, "e.json", photoTakenTime={"timestamp": "9" * 30}))[1].time is None


@pytest.mark.parametrize("content", ["{}", "[]", "1", '{"title": "IMG.jpg", "url": ""}', "null"])
def test_other_json_is_not_ours(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(NotTakeoutError):
        read_takeout(tmp_path / "a.json")


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe\0", b"[" * 100_000, b"", b'{"geoData": '])
def test_broken_json(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(BrokenTakeoutError):
        read_takeout(tmp_path / "a.json")


def test_a_large_folder_is_listed_once_and_no_json_read_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names that are all cut alike are the worst there is: each needs its title, but no other's."""
    listed: list[Any] = []
    opened: list[str] = []
    scandir, read = os.scandir, read_takeout
    for number in range(300):
        (tmp_path / f"{LONG[:44]}{number:03d}.jpg").touch()
        title, suffix = f"{LONG[:44]}{number:03d}-and-more.jpg", f"({number % 10})" if number % 10 else ""
        write(tmp_path, f"{title[:46]}{suffix}.json", title, geoData=NONE)

    def listing(path: Any) -> Any:
        listed.append(path)
        return scandir(path)

    def reading(path: Path) -> tuple[str, Fix]:
        opened.append(path.name)
        return read(path)

    monkeypatch.setattr("whence.photos.takeout.read_takeout", reading)
    source = FolderSource(tmp_path)
    assert len(source) == 300
    monkeypatch.setattr(os, "scandir", listing)
    assert all(isinstance(item, Photo) and item.fallback for item in source.photos())
    assert listed == [tmp_path]
    assert len(opened) == len(set(opened)) == 300  # to learn the titles; what is used is read once more


def test_the_folder_source_takes_it_for_a_last_resort(tmp_path: Path) -> None:
    (tmp_path / "IMG.jpg").write_bytes(b"x")
    write(tmp_path, "IMG.jpg.json", geoData={"latitude": 45.5, "longitude": 12.25, "altitude": 0.0})
    [photo] = FolderSource(tmp_path).photos()
    assert isinstance(photo, Photo)
    assert photo.position is None
    assert photo.fallback == Fix(LatLon(45.5, 12.25), "takeout", datetime(2024, 5, 1, 14, 5, tzinfo=UTC))

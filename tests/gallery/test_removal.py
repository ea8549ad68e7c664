"""Taking photos out of a gallery, for good where asked."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import whence
from samples import GRID_DEG, Run, blank, place, textured, write_photos, write_table
from whence.errors import GalleryBusyError, GalleryError, InputError, NotAGalleryError
from whence.gallery import removal, schema, tidying
from whence.gallery.gallery import Gallery
from whence.gallery.removal import _above, remove
from whence.gallery.store import Store, age_to_keep, lock
from whence.gallery.where import Where
from whence.worlds import write_photo


def paths(gallery: Path) -> list[str]:
    return [photo.path for photo in Gallery.open(gallery).photos]


def holds(folder: Path, data: bytes) -> bool:
    files = (file for file in folder.rglob("*") if file.is_file())
    return any(data in file.read_bytes() for file in files)


def middle(data: bytes) -> bytes:
    return data[len(data) // 2 : len(data) // 2 + 64]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """00 and 01 in ``a``, 02 and 03 in ``a/b``, 04 beside them; a day apart."""
    folder = tmp_path / "photos"
    for number, name in enumerate(("a/00", "a/01", "a/b/02", "a/b/03", "04")):
        file = folder / f"{name}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        write_photo(file, textured(number), place(number), None, datetime(2024, 5, 1 + number, 12))
    return folder


@pytest.fixture
def gallery(tmp_path: Path, photos: Path) -> Path:
    whence.index(photos, tmp_path / "g")
    return tmp_path / "g"


ALL = ["04.jpg", "a/00.jpg", "a/01.jpg", "a/b/02.jpg", "a/b/03.jpg"]


@pytest.mark.parametrize(
    ("named", "gone"),
    [
        (["a/00.jpg"], ["a/00.jpg"]),
        (["a/b"], ["a/b/02.jpg", "a/b/03.jpg"]),
        (["a/b/"], ["a/b/02.jpg", "a/b/03.jpg"]),
        (["04.jpg", "./a//01.jpg"], ["04.jpg", "a/01.jpg"]),
        (["a/0"], []),
        (["A/00.JPG"], []),
        (["."], []),
        ([".."], []),
        ("a/00.jpg", ["a/00.jpg"]),
    ],
)
def test_paths_as_stored(gallery: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: Any, gone: Any) -> None:
    (tmp_path / "elsewhere" / "deep").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "elsewhere" / "deep")
    done = remove(gallery, named)
    assert list(done.paths) == gone
    assert paths(gallery) == [path for path in ALL if path not in gone]
    assert done.total == 5 - len(gone)


def test_paths_of_files(gallery: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert remove(gallery, [photos / "04.jpg"]).paths == ("04.jpg",)
    (photos / "a" / "00.jpg").unlink()  # the file need not be there
    assert remove(gallery, [photos / "a" / "00.jpg"]).paths == ("a/00.jpg",)
    monkeypatch.chdir(photos / "a")
    assert remove(gallery, ["01.jpg"]).paths == ("a/01.jpg",)
    (tmp_path / "link").symlink_to(photos)
    assert remove(gallery, [tmp_path / "link" / "a" / "b" / "02.jpg"]).paths == ("a/b/02.jpg",)
    monkeypatch.chdir(photos)
    assert remove(gallery, ["."]).paths == ("a/b/03.jpg",)


def test_by_content_whatever_the_folder(gallery: Path, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(photos / "a")  # where paths of one photo may name another
    known = {photo.path: photo.content_hash for photo in whence.Gallery.open(gallery).photos}
    done = remove(gallery, hashes=[known["a/01.jpg"], "no such hash"])
    assert done.paths == ("a/01.jpg",)
    assert done.unmatched == ("no such hash",)
    assert remove(gallery, ["04.jpg"], hashes=[known["a/00.jpg"]], dry_run=True).paths == ()
    assert paths(gallery) == [path for path in ALL if path != "a/01.jpg"]


def test_conditions_of_different_kinds_are_all_met(gallery: Path) -> None:
    near = Where(near=(50 + GRID_DEG, 10), radius_m=120)
    assert remove(gallery, where=near, dry_run=True).paths == ("a/00.jpg", "a/01.jpg", "a/b/02.jpg")
    assert remove(gallery, ["a/b", "04.jpg"], where=near, dry_run=True).paths == ("a/b/02.jpg",)
    late = Where.parse(since="2024-05-04")
    assert remove(gallery, where=late, dry_run=True).paths == ("04.jpg", "a/b/03.jpg")
    assert paths(gallery) == ALL
    assert remove(gallery, where=late).total == 3


def test_groups(tmp_path: Path) -> None:
    write_photos(tmp_path / "photos", 4)
    rows: list[tuple[str, ...]] = [(f"{n:02d}.jpg", str(n), "0", group) for n, group in enumerate(("a", "b", "c", ""))]
    table = write_table(tmp_path / "photos" / "t.csv", rows, ("path", "x", "y", "group"))
    whence.index(table, tmp_path / "g")
    assert remove(tmp_path / "g", groups=["a", "c"]).paths == ("00.jpg", "02.jpg")
    done = remove(tmp_path / "g", groups=["a"])
    assert (done.paths, done.unmatched) == ((), ("a",))
    assert remove(tmp_path / "g", groups="b", dry_run=True).paths == ("01.jpg",)
    assert remove(tmp_path / "g", where=Where.parse("3,0", radius_m=1)).paths == ("03.jpg",)


def test_nothing_said_removes_nothing(gallery: Path) -> None:
    nothing: list[dict[str, Any]] = [{}, {"where": Where()}, {"paths": []}, {"groups": []}]
    for said in nothing:
        with pytest.raises(InputError, match="nothing says which"):
            remove(gallery, **said)
    with pytest.raises(InputError, match="empty path"):
        remove(gallery, [""])
    assert paths(gallery) == ALL


def test_what_was_removed_is_gone_and_comes_back_with_its_source(gallery: Path, photos: Path) -> None:
    before = Gallery.open(gallery)
    remove(gallery, ["a"])
    after = Gallery.open(gallery)
    answer = whence.Locator(after).locate(photos / "a" / "00.jpg")
    assert {candidate.path for candidate in answer.candidates} <= {"04.jpg"}
    assert answer.duplicate_of == ()
    assert len(before) == len(before.features(range(5))) == 5  # a reader keeps its version
    assert len(whence.Locator(before).locate(textured(1)).candidates) == 5
    assert whence.index(photos, gallery).added == 4
    assert paths(gallery) == ALL


def test_an_emptied_gallery_opens_and_can_be_filled_again(gallery: Path, photos: Path, run: Run) -> None:
    assert remove(gallery, [photos]).total == 0
    emptied = Gallery.open(gallery)
    assert len(emptied) == 0
    with pytest.raises(InputError, match="holds no photos"):
        whence.Locator(emptied)
    assert run("info", gallery).code == 0
    store = Store.open(gallery)  # as if its model had had another dimension
    store.replace(schema.DESCRIPTORS, schema.descriptors_schema(24).empty_table())
    assert whence.index(photos, gallery).added == 5
    assert paths(gallery) == ALL


def test_killed_in_between_leaves_nothing_wrong(gallery: Path, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = Store.table

    def dying(self: Store, name: str) -> Any:
        table = opened(self, name)
        if name == schema.DESCRIPTORS:
            monkeypatch.setattr(table, "delete", lambda where: (_ for _ in ()).throw(SystemExit(9)))
        return table

    with monkeypatch.context() as patched:
        patched.setattr(Store, "table", dying)
        with pytest.raises(SystemExit):
            remove(gallery, ["a"])
    assert paths(gallery) == ["04.jpg"]
    assert len(whence.Locator(Gallery.open(gallery)).locate(textured(2)).candidates) == 1
    remove(gallery, ["no such photo"])
    table: Any = Store.open(gallery).table(schema.DESCRIPTORS)
    assert table.count_rows() == 1
    assert whence.index(photos, gallery).added == 4


def test_purging_leaves_no_bytes(gallery: Path, photos: Path) -> None:
    opened = Gallery.open(gallery)
    names = [photo.path for photo in opened.photos]
    gone, kept = (middle(opened.thumbnails([names.index(name)])[0]) for name in ("a/00.jpg", "a/01.jpg"))
    assert holds(gallery, gone)
    remove(gallery, ["a/00.jpg"])
    assert holds(gallery, gone)  # as the help says
    assert remove(gallery, purge=True).paths == ()
    assert not holds(gallery, gone)
    assert not holds(gallery, b"a/00.jpg")
    assert holds(gallery, kept)
    after = Gallery.open(gallery)
    assert [photo.path for photo in after.photos] == [path for path in ALL if path != "a/00.jpg"]
    assert all(map(len, after.features(range(4))))
    assert len(whence.Locator(after).locate(textured(1)).candidates) == 4
    assert whence.index(photos, gallery).added == 1
    with pytest.raises(GalleryError, match="open it again"):
        opened.features([0])
    with pytest.raises(GalleryError, match="open it again"):
        _ = opened.descriptors


def test_a_gallery_in_use_is_not_removed_from(gallery: Path) -> None:
    with lock(gallery), pytest.raises(GalleryBusyError):
        remove(gallery, ["a"])
    with pytest.raises(NotAGalleryError):
        remove(gallery / "nothing", ["a"])
    assert not (gallery / "nothing").exists()


def test_names_with_quotes_and_many_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(removal, "_CHUNK", 2)
    for number, name in enumerate(("it's", "100%_", "a,b", "plain")):
        write_photo(tmp_path / f"{name}.jpg", textured(number), place(number))
    whence.index(tmp_path, tmp_path / "g")
    assert remove(tmp_path / "g", ["it's.jpg", "100%_.jpg", "a,b.jpg"]).total == 1
    assert paths(tmp_path / "g") == ["plain.jpg"]


def test_a_folder_above_the_root_holds_all(gallery: Path, tmp_path: Path) -> None:
    assert list(remove(gallery, tmp_path, dry_run=True).paths) == ALL
    assert remove(gallery, tmp_path / "photos" / "c", dry_run=True).paths == ()


def test_what_matches_nothing_is_named(gallery: Path, run: Run) -> None:
    done = run("remove", "a/b", "nowhere", "--gallery", gallery)
    assert (done.code, len(done.lines)) == (1, 2)
    assert "nowhere" in done.lines[0]
    assert len(paths(gallery)) == 3


def test_a_version_stays_a_day_after_it_was_superseded() -> None:
    class Table:
        def list_versions(self) -> list[dict[str, Any]]:
            now = datetime.now()
            return [{"timestamp": now - timedelta(days=days)} for days in (9, 3, 0.5)]

    assert timedelta(days=3) < age_to_keep(Table()) < timedelta(days=4)


def test_the_command(gallery: Path, run: Run) -> None:
    done = run("remove", "a/b", "--gallery", gallery, "--dry-run")
    assert (done.code, done.out) == (0, "a/b/02.jpg\na/b/03.jpg\n")
    assert done.lines == [f"2 photos of 5 would be removed from {gallery}"]
    done = run("remove", "--gallery", gallery, "--near", "50,10", "--radius-m", 5)
    assert (done.code, done.lines) == (0, [f"1 photo removed. {gallery}: 4 photos"])
    done = run("remove", "--gallery", gallery)
    assert (done.code, len(done.lines)) == (2, 1)
    assert "nothing says which photos" in done.err
    assert run("remove", "--gallery", gallery, "--radius-m", 5).code == 2
    assert run("remove", "--gallery", gallery, "--purge").code == 0
    assert run("remove", "x", "--gallery", os.fspath(gallery) + "x").code == 2
    assert len(paths(gallery)) == 4


def test_locating_among_photos_of_a_place_and_time(gallery: Path, photos: Path, run: Run) -> None:
    query = photos / "a" / "00.jpg"
    done = run(
        "locate", query, "--gallery", gallery, "--format", "jsonl", "--since", "2024-05-03", "--bbox", "50,9,51,11"
    )
    (answer,) = done.answers
    assert done.code == 0
    assert {candidate["path"] for candidate in answer["candidates"]} == {"a/b/02.jpg", "a/b/03.jpg", "04.jpg"}
    assert answer["duplicate_of"] == []  # as if it were not there
    before = query.read_bytes()
    assert run("index", photos, "--gallery", gallery, "--report", query).code == 2
    picture = photos / "page.png"
    picture.write_bytes(before)
    done = run("locate", picture, "--gallery", gallery, "--explain", picture)
    assert (done.code, "would be overwritten" in done.err) == (2, True)
    assert picture.read_bytes() == before
    assert query.read_bytes() == before
    done = run("locate", query, "--gallery", gallery, "--near", "0,0", "--radius-km", 10)
    assert (done.code, len(done.lines), done.out) == (2, 1, "")
    assert "none of the 5 photos" in done.err


def test_the_guess_without_evidence_is_among_those_allowed(gallery: Path) -> None:
    locator = whence.Locator(Gallery.open(gallery), where=Where.parse("50.004,10", radius_m=20))
    answer = locator.locate(blank())
    assert isinstance(answer.position, whence.LatLon)
    assert (answer.position.lat, answer.position.lon) == pytest.approx((50.004, 10), abs=1e-6)
    assert answer.radius_m == pytest.approx(25, abs=1)  # no other photo is there to be at


@given(st.from_regex(r"/?[a-zé.]{1,3}(/[a-zé. ]{1,3}){0,4}", fullmatch=True))
def test_a_photo_lies_in_its_folders_and_theirs(path: str) -> None:
    if str(PurePosixPath(path)) == path != ".":  # as paths of photos are stored
        assert list(_above(path)) == [path, *map(str, PurePosixPath(path).parents)]


def test_many_small_files_are_merged_and_few_are_left(gallery: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def files() -> int:
        found: Any = Store.open(gallery).table(schema.PHOTOS)
        return int(found.stats()["fragment_stats"]["num_fragments"])

    store = Store.open(gallery)
    row: Any = store.table(schema.PHOTOS).search().limit(1).to_arrow()  # type: ignore[union-attr]
    for number in range(101 - files()):
        store.append(schema.PHOTOS, row.set_column(0, "path", pa.array([f"more/{number}.jpg"])))
    monkeypatch.setattr(tidying, "_FEW", 50)  # as if the gallery were large
    remove(gallery, ["more/0.jpg"])
    assert files() == 100
    store.append(schema.PHOTOS, row.set_column(0, "path", pa.array(["more/0.jpg"])))
    remove(gallery, ["04.jpg"])
    assert files() == 1
    assert len(Store.open(gallery).table(schema.PHOTOS).search().to_arrow()) == 4 + 100  # type: ignore[union-attr]


def test_what_was_removed_goes_with_a_later_removal(
    gallery: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = Gallery.open(gallery).thumbnails(range(5))
    assert all(holds(gallery / "photos.lance", middle(data)) for data in stored)
    for number in range(3):
        remove(gallery, [ALL[number]])
    monkeypatch.setattr(tidying, "age_to_keep", lambda table: timedelta(milliseconds=1))  # a day later
    remove(gallery, [ALL[3]])
    assert [holds(gallery / "photos.lance", middle(data)) for data in stored] == [False] * 4 + [True]

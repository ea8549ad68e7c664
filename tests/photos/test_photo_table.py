"""CSV files as people, pandas and Excel write them."""

from __future__ import annotations

import csv
import io
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from whence.errors import InputError
from whence.photos.table import CsvSource
from whence.plugins import PhotoSource
from whence.types import XY, Crs, Intrinsics, LatLon, Photo, Skipped


def source(folder: Path, content: str | bytes, **options: Any) -> CsvSource:
    path = folder / "photos.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return CsvSource(path, **options)


def items(folder: Path, content: str | bytes, **options: Any) -> list[Photo | Skipped]:
    return list(source(folder, content, **options).photos())


def photo(folder: Path, content: str | bytes, **options: Any) -> Photo:
    (only,) = items(folder, content, **options)
    assert isinstance(only, Photo), only
    return only


def skipped(folder: Path, content: str | bytes, **options: Any) -> str:
    (only,) = [item for item in items(folder, content, **options) if isinstance(item, Skipped)]
    return only.reason


def refused(folder: Path, content: str | bytes, **options: Any) -> str:
    with pytest.raises(InputError) as caught:
        source(folder, content, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value).removeprefix(str(folder / "photos.csv"))


def test_a_full_row(tmp_path: Path) -> None:
    content = (
        "path,lat,lon,group,heading,time,z,fx,fy,cx,cy,remark\n"
        "a/b.jpg,-33.5,151.25,harbour,370,2024-05-31T14:05:09Z,12.5,800,810,320.5,240,nice\n"
    )
    found = source(tmp_path, content)
    assert isinstance(found, PhotoSource)
    assert found.crs is Crs.WGS84
    assert (
        list(found.photos())
        == list(found.photos())
        == [
            Photo(
                path=tmp_path / "a/b.jpg",
                name="a/b.jpg",
                position=LatLon(-33.5, 151.25),
                position_source="csv",
                time=datetime(2024, 5, 31, 14, 5, 9, tzinfo=UTC),
                heading_deg=10.0,
                altitude_m=12.5,
                group="harbour",
                intrinsics=Intrinsics(800, 810, 320.5, 240),
            )
        ]
    )


def test_lines_are_counted_with_that_of_the_separator(tmp_path: Path) -> None:
    assert skipped(tmp_path, "SEP=;\npath;lat;lon\na.jpg;1;\n") == "line 3: no position: lon is empty"
    assert refused(tmp_path, "sep=\na.jpg,1,2\n").startswith(" has the columns sep=; expected path")


def test_empty_optional_cells_are_nothing(tmp_path: Path) -> None:
    found = photo(
        tmp_path, "path,x,y,group,heading,time,z,fx,fy,cx,cy\na.jpg,0,0,,nan,NaT,, , ,,\n".replace("NaT", "None")
    )
    assert found == Photo(tmp_path / "a.jpg", "a.jpg", XY(0, 0), "csv")


@pytest.mark.parametrize(
    "header",
    [
        "path,lat,lon",
        "PATH,LAT,LON",
        " Path , Lat, Lon ",
        "file,latitude,longitude",
        "Filename,lat,lng",
        "image,lat,long",
    ],
)
def test_names_of_columns(tmp_path: Path, header: str) -> None:
    assert photo(tmp_path, f"{header}\na.jpg,1.5,2.5\n").position == LatLon(1.5, 2.5)


@pytest.mark.parametrize(
    ("header", "twice"),
    [
        ("path,lat,lon,lat,lon", "lat twice, in lat (column 2) and lat (column 4)"),
        ("path,lat,Latitude,lon", "lat twice, in lat (column 2) and Latitude (column 3)"),
        ("path,lng,lat,lon", "lon twice, in lng (column 2) and lon (column 4)"),
        ("image,path,lat,lon", "path twice, in image (column 1) and path (column 2)"),
        ("path,lat,lon,time,time", "time twice, in time (column 4) and time (column 5)"),
    ],
)
def test_two_columns_for_one_meaning(tmp_path: Path, header: str, twice: str) -> None:
    content = f"{header}\na.jpg,1,2,3\n"
    assert refused(tmp_path, content) == f" says {twice}; leave one of them"
    if twice.startswith("path"):
        assert refused(tmp_path, content, need_position=False) == f" says {twice}; leave one of them"
    else:
        assert photo(tmp_path, content, need_position=False).name == "a.jpg"


def test_two_columns_that_are_not_read_do_not_matter(tmp_path: Path) -> None:
    assert photo(tmp_path, "path,lat,lon,x,x,id,id\na.jpg,1,2,3,4,5,6\n").position == LatLon(1, 2)
    assert photo(tmp_path, "path,x,y,lat,lat\na.jpg,1,2,3,4\n", crs=Crs.LOCAL).position == XY(1, 2)


@pytest.mark.parametrize(
    "content",
    [
        "path,lat,lon\na.jpg,1.5,2.5\n",
        "path;lat;lon\na.jpg;1.5;2.5\n",
        "path;lat;lon\na.jpg;1,5;2,5\n",
        "path\tlat\tlon\na.jpg\t1.5\t2.5\n",
        "path;lat;lon;a,b,c,d,e\na.jpg;1,5;2,5;x\n",
        "path,lat,lon\r\na.jpg,1.5,2.5\r\n",
        "path,lat,lon\ra.jpg,1.5,2.5\r",
        "\n\npath,lat,lon\n\n,,\na.jpg,1.5,2.5",
        '"path","lat","lon"\n"a.jpg","1.5","2.5"\n',
        "path,lat,lon\na.jpg, 1.5 , 2.5\n",
        "path,lat,lon\na.jpg,1.5,2.5,,,\n",
        "path,lat,lon,group\na.jpg,1.5,2.5\n",
        "path,lat,lon,x,y\na.jpg,1.5,2.5,7,8\n",
        b"\xef\xbb\xbfpath,lat,lon\na.jpg,1.5,2.5\n",
        b"\xef\xbb\xbfsep=;\r\npath;lat;lon\r\na.jpg;1,5;2,5\r\n",
        "sep=,\npath,lat,lon\na.jpg,1.5,2.5\n",
        '"sep=\t"\npath\tlat\tlon\na.jpg\t1.5\t2.5\n',
        "lat,lon,path\n+1.5,25e-1,a.jpg\n",
    ],
)
def test_ways_to_write_it(tmp_path: Path, content: str | bytes) -> None:
    found = photo(tmp_path, content)
    assert found.name == "a.jpg"
    assert found.position == LatLon(1.5, 2.5)
    assert found.altitude_m is None


@pytest.mark.parametrize(
    ("encoding", "name"), [("utf-8", "Zürich €.jpg"), ("cp1252", "Zürich €.jpg"), ("latin-1", "ü\x81.jpg")]
)
def test_encodings(tmp_path: Path, encoding: str, name: str) -> None:
    assert photo(tmp_path, f"path,lat,lon\n{name},1,2\n".encode(encoding)).name == name


def test_quoted_newlines_and_separators(tmp_path: Path) -> None:
    content = 'path,remark,lat,lon\n"Paris, France.jpg","two\nlines",1,2\nb.jpg,,91,2\n'
    first, second = items(tmp_path, content)
    assert first == Photo(tmp_path / "Paris, France.jpg", "Paris, France.jpg", LatLon(1, 2), "csv")
    assert second == Skipped("b.jpg", "line 4: latitude 91 is out of range (-90 to 90)")


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("a.jpg,,2", "no position: lat is empty"),
        ("a.jpg,1,NaN", "no position: lon is empty"),
        ("a.jpg,n/a,None", "no position: lat is empty"),
        ("a.jpg,north,2", "lat 'north' is not a number"),
        (f"a.jpg,{'z' * 99},2", f"lat '{'z' * 40}...' is not a number"),
        ("a.jpg,1_0,2", "lat '1_0' is not a number"),
        ("a.jpg,1,inf", "lon 'inf' is not a number"),
        ("a.jpg,1e999,2", "lat '1e999' is not a number"),
        ("a.jpg,91,2", "latitude 91 is out of range (-90 to 90)"),
        ("a.jpg,1,-181", "longitude -181 is out of range (-180 to 180)"),
        ("a.jpg,0,0.0", "position is 0,0"),
        ("a.jpg,1", "only 2 cells under 3 columns"),
        ("a.jpg", "only 1 cells under 3 columns"),
        (",1,2", "the path is empty"),
        ('" ",1,2', "the path is empty"),
        ("a.jpg,1,5,2,5", "5 cells under 3 columns; a value with the separator needs quotes"),
    ],
)
def test_a_bad_row_is_skipped_and_the_next_is_not(tmp_path: Path, row: str, reason: str) -> None:
    bad, good = items(tmp_path, f"path,lat,lon\n{row}\nb.jpg,1,2\n")
    assert isinstance(bad, Skipped)
    assert bad.reason == f"line 2: {reason}"
    assert bad.name.strip()
    assert isinstance(good, Photo)


@pytest.mark.parametrize(
    ("columns", "values", "reason"),
    [
        ("heading", "north", "heading 'north' is not a number"),
        ("z", "1.2.3", "z '1.2.3' is not a number"),
        ("time", "31.5.2024", "time '31.5.2024' is not ISO 8601, such as 2024-05-31T14:05:00+02:00"),
        ("fx,fy,cx,cy", "800,800,,", "a camera needs all of fx, fy, cx, cy"),
        ("fx,fy,cx,cy", "0,800,1,1", "fx and fy must be above 0"),
    ],
)
def test_bad_optional_values(tmp_path: Path, columns: str, values: str, reason: str) -> None:
    content = f"path,lat,lon,{columns}\na.jpg,1,2,{values}\n"
    assert skipped(tmp_path, content) == f"line 2: {reason}"
    assert photo(tmp_path, content, need_position=False) == Photo(tmp_path / "a.jpg", "a.jpg")


@pytest.mark.parametrize(
    ("written", "read"), [("0", 0.0), ("360", 0.0), ("-90", 270.0), ("725.5", 5.5), ("-1e-20", 0.0)]
)
def test_heading(tmp_path: Path, written: str, read: float) -> None:
    assert photo(tmp_path, f"path,lat,lon,heading\na.jpg,1,2,{written}\n").heading_deg == read


def test_a_group_may_have_any_name(tmp_path: Path) -> None:
    assert photo(tmp_path, "path,lat,lon,group\na.jpg,1,2, NA \n").group == "NA"


def test_the_same_photo_twice(tmp_path: Path) -> None:
    content = "path,lat,lon\na.jpg,,\na.jpg,1,2\nb.jpg,1,2\n./a.jpg,3,4\n"
    found = items(tmp_path, content)
    assert [type(item) for item in found] == [Skipped, Photo, Photo, Skipped]
    assert found[3] == Skipped("./a.jpg", "line 5: the same photo as in line 3", again=True)
    assert isinstance(found[0], Skipped)
    assert not found[0].again


def test_coordinates(tmp_path: Path) -> None:
    both = "path,x,y,lat,lon\na.jpg,1,2,3,4\n"
    plane, globe = "path,x,y\na.jpg,0,0\n", "path,lat,lon\na.jpg,3,4\n"
    assert photo(tmp_path, both).position == LatLon(3, 4)
    assert photo(tmp_path, both, crs=Crs.WGS84).position == LatLon(3, 4)
    assert photo(tmp_path, both, crs=Crs.LOCAL).position == XY(1, 2)
    assert source(tmp_path, both, crs=Crs.LOCAL).crs is Crs.LOCAL
    assert photo(tmp_path, plane).position == XY(0, 0)
    assert source(tmp_path, plane).crs is Crs.LOCAL
    assert refused(tmp_path, plane, crs=Crs.WGS84) == " has the columns path, x, y; expected lat and lon"
    assert refused(tmp_path, globe, crs=Crs.LOCAL) == " has the columns path, lat, lon; expected x and y"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", ": the file is empty"),
        (" \n\n", " is an empty CSV file"),
        ("path,lat,lon\n", " has a header but no rows"),
        ("path,lat,lon\n,,\n", " has a header but no rows"),
        ("name,lat,lon\na.jpg,1,2\n", " has the columns name, lat, lon; expected path (or file, filename, image)"),
        ("path,lat\na.jpg,1\n", " has the columns path, lat; expected lat and lon, or x and y"),
        ("path,x\na.jpg,1\n", " has the columns path, x; expected lat and lon, or x and y"),
        (
            '"two\nlines",lat,lon\na.jpg,1,2\n',
            " has the columns two lines, lat, lon; expected path (or file, filename, image)",
        ),
        ("a" * 999 + "\na.jpg\n", f" has the columns {'a' * 200}...; expected path (or file, filename, image)"),
        ("path,,\na.jpg,1,2\n", " has the columns path, (no name), (no name); expected lat and lon, or x and y"),
        ("path,lat,lon,fx\na.jpg,1,2,3\n", " has fx, but a camera needs all of fx, fy, cx, cy"),
        (b"path,lat,lon\na\0.jpg,1,2\n", " is not a CSV file: it holds binary data"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF\0", " is not a CSV file: it holds binary data"),
        ("path,lat,lon\na.jpg,1,2\n".encode("utf-16"), " is UTF-16 text; save it as CSV in UTF-8"),
        ('path,lat,lon\n"a.jpg,1,2\nb.jpg,3,4\n', " is not a CSV file at line 2: unexpected end of data"),
        ('path,lat,lon\na.jpg,1,2\n"5" b.jpg,3,4\n', " is not a CSV file at line 3: ',' expected after '\"'"),
        (
            "path,lat,lon\n" + "a" * 200_000 + ",1,2\n",
            " is not a CSV file at line 2: field larger than field limit (131072)",
        ),
    ],
)
def test_refused(tmp_path: Path, content: str | bytes, words: str) -> None:
    assert refused(tmp_path, content) == words


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no\.csv: no such file or folder"):
        CsvSource(tmp_path / "no.csv")
    with pytest.raises(InputError, match="it is a folder"):
        CsvSource(tmp_path)


def test_queries_need_a_path_and_nothing_else(tmp_path: Path) -> None:
    content = "path,lat,lon,group,time\na.jpg,91,x,g,never\nb.jpg\na.jpg,1,2,,\n,1,2,,\n"
    found = items(tmp_path, content, need_position=False)
    names = ["a.jpg", "b.jpg", "a.jpg"]
    assert found[:3] == [Photo(tmp_path / name, name) for name in names]
    assert found[3] == Skipped("photos.csv, line 5", "line 5: the path is empty")
    assert [item.name for item in items(tmp_path, "image\nx.jpg\ny.jpg\n", need_position=False)] == ["x.jpg", "y.jpg"]
    assert source(tmp_path, "path,x,y\na.jpg,,\n", need_position=False).crs is Crs.LOCAL
    assert source(tmp_path, "path\na.jpg\n", need_position=False, crs=Crs.LOCAL).crs is Crs.LOCAL
    assert refused(tmp_path, "lat,lon\n1,2\n", need_position=False).endswith("expected path (or file, filename, image)")


def test_cameras_of_queries_are_read(tmp_path: Path) -> None:
    (found,) = items(tmp_path, "path,fx,fy,cx,cy\na.jpg,800,810,320,240\n", need_position=False)
    assert found == Photo(tmp_path / "a.jpg", "a.jpg", intrinsics=Intrinsics(800, 810, 320, 240))
    (found,) = items(tmp_path, "path,fx,fy,cx,cy\na.jpg,800,,,\n", need_position=False)
    assert found == Photo(tmp_path / "a.jpg", "a.jpg")


def test_paths(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.jpg").touch()
    absolute = tmp_path / "elsewhere.jpg"
    content = f"path\n{absolute}\nsub/a.jpg\nmissing.jpg\n sub/a.jpg\n"
    found = [item for item in items(tmp_path, content, need_position=False) if isinstance(item, Photo)]
    assert [item.path for item in found] == [
        absolute,
        tmp_path / "sub/a.jpg",
        tmp_path / "missing.jpg",
        tmp_path / "sub/a.jpg",
    ]
    assert [item.name for item in found] == [str(absolute), "sub/a.jpg", "missing.jpg", " sub/a.jpg"]


@pytest.mark.skipif(os.name == "nt", reason="there the backslash is the separator")
def test_paths_written_on_windows(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.jpg").touch()
    (tmp_path / "odd\\name.jpg").touch()
    first, second = items(tmp_path, "path\nsub\\a.jpg\nodd\\name.jpg\n", need_position=False)
    assert first == Photo(tmp_path / "sub" / "a.jpg", "sub\\a.jpg")
    assert second == Photo(tmp_path / "odd\\name.jpg", "odd\\name.jpg")


plain = st.characters(codec="utf-8", exclude_categories=["Cs"], exclude_characters="\0")
names = st.text(plain, min_size=1, max_size=12).filter(lambda name: name.strip() and not name.startswith("\ufeff"))
positions = st.tuples(st.floats(-90, 90), st.floats(-180, 180)).filter(lambda place: max(map(abs, place)) > 1e-5)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.tuples(names, positions, st.text(plain, max_size=8)), min_size=1, max_size=5),
    delimiter=st.sampled_from(",;\t"),
    bom=st.booleans(),
)
def test_round_trip(tmp_path: Path, rows: list[Any], delimiter: str, bom: bool) -> None:
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    writer.writerow(["path", "lat", "lon", "group", "remark"])
    for name, (lat, lon), group in rows:
        numbers = [repr(value).replace(".", ",") if delimiter == ";" else repr(value) for value in (lat, lon)]
        writer.writerow([name, *numbers, group, "x"])
    found = items(tmp_path, buffer.getvalue().encode("utf-8-sig" if bom else "utf-8"))
    assert [item.name for item in found] == [name for name, _, _ in rows]
    for item, (_, place, group) in zip(found, rows, strict=True):
        if isinstance(item, Photo):
            assert item.position == LatLon(*place)
            assert item.group == (group.strip() or None)
        else:
            assert "the same photo as in line" in item.reason


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.binary(), st.text(plain), st.text('path,lat;lon\n"\t0.1x \r')), st.booleans())
def test_any_content_is_rows_or_input_error(tmp_path: Path, content: str | bytes, need_position: bool) -> None:
    body = content if isinstance(content, bytes) else content.encode()
    for whole in (body, b"path,lat,lon\n" + body):
        try:
            found = items(tmp_path, whole, need_position=need_position)
        except InputError:
            continue
        assert found

"""Names that say where a photo was taken."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from miniatures import line_name, save, utm_name
from whence.errors import InputError
from whence.geo.distance import offset
from whence.photos.folder import FolderSource
from whence.photos.sources import open_source
from whence.photos.utmname import NameFacts, by_name, read_name
from whence.types import XY, Crs, LatLon, Photo, Skipped


def facts(name: str) -> NameFacts:
    found = read_name(name)
    assert found is not None, name
    return found


@pytest.mark.parametrize(
    ("name", "written"),
    [
        # As published: SF-XL, then Tokyo 24/7, whose longitude has a zero too many.
        (
            "@0544388.51@4172758.25@10@S@037.70098@-122.49646@kPnABhWJ1kA61eMNPLs1vQ@@210@@@@201606@@.jpg",
            LatLon(37.70098, -122.49646),
        ),
        ("@0381904.46@3946329.36@54@S@035.65375@0139.69540@00399.jpg@@@@@@@@.jpg", LatLon(35.65375, 139.69540)),
        ("@0544000.32@4177609.18@10@S@037.74472@-122.50057@NY0V@@0@@@@201708@@.jpg.jpeg", LatLon(37.74472, -122.50057)),
    ],
)
@pytest.mark.parametrize("without", ["nothing", "degrees", "metres"])
def test_published_names(name: str, written: LatLon, without: str) -> None:
    fields = name.split("@")
    if without == "degrees":
        fields[5:7] = ["", ""]
    elif without == "metres":
        fields[1:5] = [""] * 4
    position = facts("@".join(fields)).position
    assert isinstance(position, LatLon)
    assert offset(position, written)[0] < 1.5  # they are cut at five digits


def test_all_fields() -> None:
    place = "@0544388.51@4172758.25@10@S@037.70098@-122.49646"
    found = facts(f"test/queries/{place}@pano@03@-090@010@@0012.5@20190131_1230@note@.jpg")
    assert (found.time, found.heading_deg, found.altitude_m) == (datetime(2019, 1, 31, 12, 30), 270, 12.5)
    assert (found.group, found.problem) == ("pano", "")
    assert facts("@0@12@.jpg") == NameFacts(XY(0, 12))
    assert facts("@0@12@@@@@None@@@@@@201606@@.jpg") == NameFacts(XY(0, 12))
    assert facts("@0@12@@@@@@@720@@@1e9@20190231@@.jpg") == NameFacts(XY(0, 12))


def test_names_of_lines_and_pairs() -> None:
    assert facts("@0@00002.4@@@@@1@@@@@@@@.jpg") == NameFacts(XY(0, 2.4), group="1")  # Nordland
    assert facts("@0@12000@@@@@0012@@@@@@@@.jpg") == NameFacts(XY(0, 12000), group="0012")  # AmsterTime


@pytest.mark.parametrize(
    ("letter", "north", "lat", "south"),
    [
        ("T", 4477118, "", False),
        ("N", 477118, "", False),
        ("M", 9477118, "", True),
        ("J", 6957000, "", True),  # Brisbane, St Lucia
        ("S", 4172758, "", False),  # the band of San Francisco
        ("S", 6957000, "", True),  # a hemisphere: no northing of that band
        ("S", 3700000, "-56.84381", True),  # a hemisphere, by the latitude
        ("s", 4172758, "37.70098", False),
    ],
)
def test_letters_decide_the_hemisphere(letter: str, north: float, lat: str, south: bool) -> None:
    lon = "153.0" if lat else ""
    position = facts(f"@0500000@{north}@56@{letter}@{lat}@{lon}@.jpg").position
    assert isinstance(position, LatLon)
    assert (position.lat < 0) is south
    assert position.lon == pytest.approx(153)


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("@0544388.51@north@10@S@.jpg", "UTM_north 'north' is not a number"),
        ("@@4172758@10@S@.jpg", "UTM_east '' is not a number"),
        ("@544388@4172758@61@S@.jpg", "zone '61' is not 1 to 60"),
        ("@544388@4172758@@S@.jpg", "zone '' is not 1 to 60"),
        ("@544388@4172758@10@@.jpg", "zone letter '' is none of"),
        ("@544388@4172758@10@I@.jpg", "zone letter 'I' is none of"),
        ("@9544388@4172758@10@S@.jpg", "outside of every zone"),
        ("@544388@4172758@11@S@037.70098@-122.49646@.jpg", "apart"),
        ("@@@@@97.1@12@.jpg", "latitude 97.1 is out of range"),
        ("@@@@@1@@.jpg", "longitude '' is not a number"),
        ("@0@9e9@.jpg", "UTM_north '9e9' is not a number"),
        ("@0@999999999999@.jpg", "no metres on a plan"),
        (f"@0@{'9' * 400}@.jpg", "not a finite number"),
    ],
)
def test_malformed_names_say_why(name: str, problem: str) -> None:
    found = facts(name)
    assert found.position is None
    assert problem in found.problem


@pytest.mark.parametrize("name", ["a.jpg", "@.jpg", "@home.jpg", "@0@12.jpg", "@me@home@night.jpg", "a@1@2@3@.jpg", ""])
def test_ordinary_names(name: str) -> None:
    assert read_name(name) is None
    assert by_name(Photo(Path(name), name), Crs.WGS84) == Photo(Path(name), name)


fields = st.lists(st.one_of(st.text(max_size=12), st.floats().map(str), st.integers().map(str)), max_size=18)


@given(fields, st.sampled_from([None, Crs.WGS84, Crs.LOCAL]))
@example(["0", "٣", "1", "S"], None)
@example(["0544388.51", "4172758.25", "²", "S"], None)
def test_no_name_raises(parts: list[str], crs: Crs | None) -> None:
    name = "@" + "@".join(parts) + "@.jpg"
    found = read_name(name)
    assert found is None or (found.position is None) == (found.problem != "")
    item = by_name(Photo(Path(name), name), crs)
    if isinstance(item, Photo) and item.position is not None:
        assert isinstance(item.position, XY if crs is Crs.LOCAL else (XY, LatLon) if crs is None else LatLon)
    else:
        assert isinstance(item, Skipped) == (crs is Crs.LOCAL or (found is not None))


@given(st.floats(-79, 83).filter(lambda lat: abs(lat) > 0.01), st.floats(-179.9, 179.9))
def test_names_give_back_what_was_written(lat: float, lon: float) -> None:
    from pyproj import Transformer

    zone, letter = int((lon + 180) // 6) + 1, "CDEFGHJKLMNPQRSTUVWX"[min(int((lat + 80) // 8), 19)]
    code = f"EPSG:{326 if lat >= 0 else 327}{zone:02d}"
    east, north = Transformer.from_crs("EPSG:4326", code, always_xy=True).transform(lon, lat)
    position = facts(f"@{east:010.2f}@{max(north, 0):010.2f}@{zone:02d}@{letter}@.jpg").position
    assert isinstance(position, LatLon)
    assert offset(position, LatLon(lat, lon))[0] < 0.02


def test_a_name_outdoes_exif(tmp_path: Path) -> None:
    save(tmp_path / utm_name(0), 0, position=LatLon(1, 2))
    (photo,) = FolderSource(tmp_path).photos()
    assert isinstance(photo, Photo)
    assert photo.position_source == "name"
    assert photo.position == facts(utm_name(0)).position
    assert list(FolderSource(tmp_path, need_position=False).photos()) == [Photo(photo.path, photo.name)]


def test_folders_are_degrees_or_metres_but_never_both(tmp_path: Path) -> None:
    for name in ("plain.jpg", line_name(0), line_name(1), utm_name(0), "@5@x@.jpg"):
        (tmp_path / name).touch()
    plane = FolderSource(tmp_path, crs=Crs.LOCAL)
    found = {item.name: item for item in plane.photos()}
    assert [name for name, item in found.items() if isinstance(item, Photo)] == [line_name(0), line_name(1)]
    for name in ("plain.jpg", utm_name(0)):
        left = found[name]
        assert isinstance(left, Skipped)
        assert "no metres on a plane" in left.reason
    globe = FolderSource(tmp_path)
    assert globe.crs is Crs.WGS84  # utm_name(0) comes first
    found = {item.name: item for item in globe.photos()}
    assert [name for name, item in found.items() if isinstance(item, Photo)] == [utm_name(0), "plain.jpg"]
    left = found[line_name(1)]
    assert isinstance(left, Skipped)
    assert "metres but no UTM zone" in left.reason
    broken = found["@5@x@.jpg"]
    assert isinstance(broken, Skipped)
    assert "UTM_north 'x' is not a number" in broken.reason
    assert len(list(FolderSource(tmp_path, need_position=False).photos())) == 5


def test_a_folder_of_the_other_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "degrees").mkdir()
    (tmp_path / "degrees" / utm_name(0)).touch()
    (tmp_path / "metres").mkdir()
    (tmp_path / "metres" / line_name(0)).touch()
    assert open_source(tmp_path / "metres", crs=Crs.LOCAL).crs is Crs.LOCAL
    with pytest.raises(InputError, match="carry latitude and longitude"):
        open_source(tmp_path / "degrees", crs=Crs.LOCAL)
    with pytest.raises(InputError, match="metres but no UTM zone"):
        open_source(tmp_path / "metres", crs=Crs.WGS84)

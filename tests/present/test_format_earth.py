"""GPX, KML, KMZ and GeoJSON: read back by GDAL, which is not the library that wrote them."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from zipfile import ZipFile

import pyogrio
import pyogrio.raw
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyproj import Geod

from samples import textured
from whence.errors import InputError
from whence.present.formats import is_binary, writer
from whence.present.words import printable, short_name
from whence.types import Candidate, Crs, Image, LatLon, Location, Status

FORMATS = ("geojson", "gpx", "kml", "kmz")
NASTY = "d/a<b>&amp;\"'🗼é\n\t\x00\x1b[2J\udcff\ufffe]]>$[name].jpg"
BEST = Candidate("gallery/best.jpg", LatLon(45.0, 12.0), 0.8, 83, 4)
SURE = Location("one.jpg", Status.LOCATED, LatLon(45.4341234, 12.3391234), 12.0, 0.87, (BEST,), place="near Venice")
UNSURE = Location("two.jpg", Status.UNSURE, LatLon(-33.85678, -151.2), 2345.0, 0.004, (BEST,), heading_deg=359.999)
FAILED = Location("three.jpg", Status.FAILED, error="not an image")
KML = "{http://www.opengis.net/kml/2.2}"


def save(
    folder: Path, format: str, answers: Iterable[Location], pixels: Image | None = None, *, private: bool = False
) -> Path:
    file = folder / f"answers.{format}"
    mode: dict[str, Any] = {"mode": "wb"} if is_binary(format) else {"mode": "w", "encoding": "ascii"}
    with file.open(**mode) as stream, writer(format, stream, crs=Crs.WGS84, private=private) as out:
        for answer in answers:
            out.write(answer, pixels)
    return file


def document(file: Path) -> ElementTree.Element:
    return ElementTree.fromstring(ZipFile(file).read("doc.kml") if file.suffix == ".kmz" else file.read_bytes())


def points(file: Path) -> list[tuple[str, float, float]]:
    """Name, latitude and longitude of all points that GDAL finds, in order."""
    found = []
    for layer, kind in pyogrio.list_layers(file):
        if layer in ("routes", "tracks", "route_points", "track_points") or kind is None:
            continue
        meta, _, shapes, fields = pyogrio.raw.read(file, layer=layer)
        if not len(shapes):
            continue
        names = next(fields[i] for i, name in enumerate(meta["fields"]) if name in ("Name", "name", "path"))
        for name, shape in zip(names, shapes, strict=True):
            if shape is not None and struct.unpack("<I", shape[1:5])[0] in (1, 0x80000001, 1001):
                lon, lat = struct.unpack("<dd", shape[5:21])
                found.append((str(name), lat, lon))
    return found


def rings(file: Path) -> list[list[tuple[float, float]]]:
    """Longitudes and latitudes of the rings in the document."""
    texts = [ring.findtext(f"{KML}coordinates") for ring in document(file).iter(f"{KML}LinearRing")]
    return [[tuple(map(float, pair.split(","))) for pair in (text or "").split()] for text in texts]  # type: ignore[misc]


@pytest.mark.parametrize("format", FORMATS)
def test_positions_come_back(tmp_path: Path, format: str) -> None:
    edges = [LatLon(90.0, 0.0), LatLon(-90.0, 12.0), LatLon(1e-7, -180.0), LatLon(-1e-7, 179.9999999), LatLon(0.0, 0.0)]
    answers = [replace(SURE, path=f"{n}.jpg", position=place) for n, place in enumerate(edges)] + [SURE]
    found = points(save(tmp_path, format, answers))
    assert [name for name, _, _ in found] == [answer.path for answer in answers]
    for (_, lat, lon), answer in zip(found, answers, strict=True):
        assert isinstance(answer.position, LatLon)
        assert lat == pytest.approx(answer.position.lat, abs=1e-7)
        assert lon == pytest.approx(answer.position.lon, abs=1e-7)


@pytest.mark.parametrize("format", FORMATS)
def test_nothing_and_only_failures(tmp_path: Path, format: str) -> None:
    for answers in ([], [FAILED, FAILED]):
        assert points(save(tmp_path, format, answers)) == []


@pytest.mark.parametrize("format", FORMATS)
def test_nasty_names_come_back(tmp_path: Path, format: str) -> None:
    nasty = replace(SURE, path=NASTY, place=NASTY, candidates=(replace(BEST, path=NASTY),), duplicate_of=(NASTY,))
    ((name, _, _),) = points(save(tmp_path, format, [nasty, replace(FAILED, path=NASTY, error=NASTY)], textured()))
    assert name.startswith("d/a<b>&amp;\"'🗼é\n\t") if format == "geojson" else name == short_name(NASTY)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(min_size=1))
@pytest.mark.parametrize("format", ["gpx", "kml"])
def test_any_text_is_valid_xml(tmp_path: Path, format: str, text: str) -> None:
    file = save(tmp_path, format, [replace(SURE, path=text, place=text), replace(FAILED, path=text, error=text)])
    tag = f"{KML}name" if format == "kml" else "{http://www.topografix.com/GPX/1/1}name"
    assert short_name(text) in [element.text for element in ElementTree.parse(file).iter(tag)]


@pytest.mark.parametrize("format", FORMATS)
def test_a_document_cut_short_can_be_read(tmp_path: Path, format: str) -> None:
    def interrupted() -> Iterator[Location]:
        yield SURE
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        save(tmp_path, format, interrupted(), textured())
    assert len(points(tmp_path / f"answers.{format}")) == 1


def test_gpx_tells_what_is_unsure_and_counts_what_failed(tmp_path: Path) -> None:
    file = save(tmp_path, "gpx", [SURE, UNSURE, FAILED])
    assert [name for name, _, _ in points(file)] == ["one.jpg", "two.jpg (unsure)"]
    space = {"g": "http://www.topografix.com/GPX/1/1"}
    root = ElementTree.parse(file).getroot()
    assert root.get("version") == "1.1"
    assert "1 located, 1 unsure, 1 failed" in (root.findtext("g:metadata/g:desc", namespaces=space) or "")
    sure, unsure = root.findall("g:wpt", space)
    assert [child.tag.split("}")[1] for child in sure] == ["name", "desc", "sym", "type"]  # the order of the schema
    assert sure.findtext("g:sym", namespaces=space) != unsure.findtext("g:sym", namespaces=space)
    said = sure.findtext("g:desc", namespaces=space) or ""
    for words in ("Located within about 12 m", "near Venice", "Confidence 87 %", "gallery/best.jpg, 83"):
        assert words in said
    (edge,) = ElementTree.parse(save(tmp_path, "gpx", [replace(SURE, position=LatLon(0.0, 180.0))])).iter(
        "{http://www.topografix.com/GPX/1/1}wpt"
    )
    assert float(edge.get("lon") or 0) == -180  # 180 itself is out of the schema's range


ORDER = {
    "Placemark": [
        "name",
        "description",
        "LookAt",
        "styleUrl",
        "ExtendedData",
        "Point|LineString|Polygon|MultiGeometry",
    ],
    "LookAt": ["longitude", "latitude", "heading", "tilt", "range"],
    "Style": ["IconStyle", "LineStyle", "PolyStyle"],
    "Document": ["name", "Style", "Folder"],
    "Folder": ["name", "Placemark"],
}


def test_kml_has_the_order_of_its_schema(tmp_path: Path) -> None:
    across = replace(UNSURE, path="across.jpg", position=LatLon(-16.0, 179.999))
    root = document(save(tmp_path, "kml", [SURE, UNSURE, FAILED, across], textured()))
    assert root.tag == f"{KML}kml"
    for parent, order in ORDER.items():
        ranks = {tag: rank for rank, tags in enumerate(order) for tag in tags.split("|")}
        for element in root.iter(f"{KML}{parent}"):
            places = [ranks[child.tag.removeprefix(KML)] for child in element]
            assert places == sorted(places)
    styles = {element.get("id") for element in root.iter(f"{KML}Style")}
    assert {(element.text or "")[1:] for element in root.iter(f"{KML}styleUrl")} <= styles
    folders = [element.text for element in root.findall(f"{KML}Document/{KML}Folder/{KML}name")]
    assert folders == ["located (1)", "unsure (2)", "failed (1)", "90 % circles (3)", "directions of view (2)"]


@pytest.mark.parametrize("lat", [0.0, 45.0, -78.5, 89.9999, -89.0])
@pytest.mark.parametrize("radius_m", [0.5, 25.0, 40_000.0])
def test_circles_touch_their_radius(tmp_path: Path, lat: float, radius_m: float) -> None:
    answer = replace(SURE, position=LatLon(lat, 12.0), radius_m=radius_m)
    geod = Geod(ellps="WGS84")
    found = [pair for ring in rings(save(tmp_path, "kml", [answer])) for pair in ring if abs(pair[0]) < 179.999999]
    on_edge = [(lon, corner) for lon, corner in found if abs(corner) < 90 - 1e-9]
    assert len(on_edge) >= 64
    for lon, corner in on_edge:
        assert geod.inv(12.0, lat, lon, corner)[2] == pytest.approx(radius_m, abs=0.02)  # 1e-7 degrees of rounding


def test_failures_have_no_place_and_say_why(tmp_path: Path) -> None:
    root = document(save(tmp_path, "kml", [FAILED]))
    (placemark,) = root.iter(f"{KML}Placemark")
    assert placemark.find(f"{KML}Point") is None
    assert "not an image" in (placemark.findtext(f"{KML}description") or "")


def test_balloons_have_pictures_unless_private(tmp_path: Path) -> None:
    pixels = textured(width=800, height=600)
    for format, start in (("kml", 'src="data:image/jpeg;base64,'), ("kmz", 'src="files/000001.jpg"')):
        file = save(tmp_path, format, [SURE], pixels)
        (said,) = (element.text or "" for element in document(file).iter(f"{KML}description"))
        assert start in said
        assert 'width="320" height="240"' in said
        file = save(tmp_path, format, [SURE], pixels, private=True)
        (said,) = (element.text or "" for element in document(file).iter(f"{KML}description"))
        assert "<img" not in said
        assert "best.jpg" not in said
        assert file.suffix == ".kml" or ZipFile(file).namelist() == ["doc.kml"]


def test_kmz_holds_its_pictures(tmp_path: Path) -> None:
    file = save(tmp_path, "kmz", [SURE, UNSURE], textured(width=800, height=600))
    archive = ZipFile(file)
    assert archive.testzip() is None
    assert archive.namelist() == ["files/000001.jpg", "files/000002.jpg", "doc.kml"]
    assert archive.read("files/000001.jpg").startswith(b"\xff\xd8")
    first = file.read_bytes()
    assert save(tmp_path, "kmz", [SURE, UNSURE], textured(width=800, height=600)).read_bytes() == first


def test_kmz_goes_through_a_pipe_but_not_to_a_terminal() -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def tell(self) -> int:
            raise OSError

        def seek(self, *_: Any) -> int:
            raise OSError

    stream = Pipe()
    with writer("kmz", stream, crs=Crs.WGS84) as out:
        out.write(SURE, textured())
    assert ZipFile(io.BytesIO(stream.getvalue())).testzip() is None

    class Terminal(io.BytesIO):
        def isatty(self) -> bool:
            return True

    with pytest.raises(InputError, match=r"--out FILE\.kmz"):
        writer("kmz", Terminal(), crs=Crs.WGS84)


def test_headings_are_lines_that_way(tmp_path: Path) -> None:
    answer = replace(SURE, heading_deg=120.0)
    (line,) = document(save(tmp_path, "kml", [answer])).iter(f"{KML}LineString")
    lon0, lat0, lon1, lat1 = map(float, (line.findtext(f"{KML}coordinates") or "").replace(" ", ",").split(","))
    bearing, _, metres = Geod(ellps="WGS84").inv(lon0, lat0, lon1, lat1)
    assert bearing % 360 == pytest.approx(120, abs=0.1)
    assert metres == pytest.approx(50, abs=0.1)


def test_programs_can_read_the_facts(tmp_path: Path) -> None:
    file = save(tmp_path, "kml", [SURE])
    meta, _, _, fields = pyogrio.raw.read(file, layer="located (1)")
    facts = dict(zip(meta["fields"], (field[0] for field in fields), strict=True))
    assert (facts["status"], facts["path"], facts["place"]) == ("located", printable(SURE.path), "near Venice")
    assert (float(facts["confidence"]), float(facts["radius_m"])) == (0.87, 12.0)

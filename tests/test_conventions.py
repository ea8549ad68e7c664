"""The conventions of docs/conventions.md, one test each."""

from __future__ import annotations

import ast
import dataclasses
import io
import json
import math
import re
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from PIL import ExifTags
from PIL import Image as Pillow

import whence
from whence.describe.sift import Sift
from whence.describe.vlad import Vlad
from whence.geo.distance import distances_m, offset
from whence.geo.plane import Plane, coordinates
from whence.geo.systems import to_wgs84
from whence.photos.decode import decode
from whence.present.answers import schema, to_dict
from whence.present.formats import writer
from whence.types import XY, Crs, Image, LatLon, LocalFeatures, Location, Photo, Position, Status
from whence.worlds import Town, View, project, write_photo

VENICE = LatLon(45.4, 12.3)
MERIDIAN_M = 10_001_965.729
"""From the equator to a pole of the WGS84 ellipsoid."""
HOME = Path(whence.__file__).parent
CONVENTIONS = Path(__file__).parents[1] / "docs" / "conventions.md"

QUANTITIES = {
    "accuracy",
    "altitude",
    "azimuth",
    "bearing",
    "distance",
    "elevation",
    "fov",
    "heading",
    "pitch",
    "radius",
    "roll",
    "rotation",
    "spacing",
    "tolerance",
}
"""Words for numbers that mean nothing without their unit."""


def noise(width: int = 160, height: int = 120) -> Image:
    """A picture full of texture: blots of several sizes."""
    rng = np.random.default_rng(0)
    total = np.zeros((height, width), np.float32)
    for side in (8, 16, 40):
        small = Pillow.fromarray(rng.integers(0, 256, (side, side), dtype=np.uint8))
        total += np.asarray(small.resize((width, height), Pillow.Resampling.BICUBIC), np.float32)
    return np.repeat((total / 3).astype(np.uint8)[:, :, None], 3, axis=2)


def blob(x: float, y: float, sigma_px: float = 4.0) -> Image:
    """A bright spot whose middle lies at (x, y), counted from the centre of the top left pixel."""
    rows, columns = np.mgrid[:120, :160]
    light = 30 + 200 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * sigma_px**2))
    return np.repeat(np.rint(light).astype(np.uint8)[:, :, None], 3, axis=2)


def encoded(pixels: Image, orientation: int = 1) -> bytes:
    exif = Pillow.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    stream = io.BytesIO()
    Pillow.fromarray(pixels).save(stream, "PNG", exif=exif)
    return stream.getvalue()


def test_latitude_comes_before_longitude() -> None:
    assert [field.name for field in dataclasses.fields(LatLon)] == ["lat", "lon"]
    assert [field.name for field in dataclasses.fields(XY)] == ["x", "y"]
    assert set(get_args(Position)) == {LatLon, XY}
    np.testing.assert_array_equal(coordinates([VENICE]), [[45.4, 12.3]])
    position = to_dict(Location("a.jpg", Status.LOCATED, VENICE))["position"]
    assert list(position.items()) == [("lat", 45.4), ("lon", 12.3)]


def test_geojson_and_kml_alone_say_longitude_first() -> None:
    def written(format: str) -> str:
        stream = io.StringIO()
        with writer(format, stream, crs=Crs.WGS84) as out:
            out.write(Location("a.jpg", Status.LOCATED, VENICE))
        return stream.getvalue()

    (feature,) = json.loads(written("geojson"))["features"]
    assert feature["geometry"]["coordinates"] == [12.3, 45.4]
    (point,) = re.findall(r"<Point>.*?<coordinates>([^<]+)</coordinates>", written("kml"), re.DOTALL)
    assert [float(part) for part in point.split(",")[:2]] == [12.3, 45.4]
    assert "45.4,12.3" in written("csv")
    assert 'lat="45.4" lon="12.3"' in written("gpx")


def test_distances_are_metres() -> None:
    assert offset(LatLon(0, 0), LatLon(90, 0))[0] == pytest.approx(MERIDIAN_M, abs=0.01)
    assert offset(XY(0, 0), XY(3, 4))[0] == 5
    assert distances_m(XY(0, 0), [XY(3, 4), XY(0, -2)]).tolist() == [5, 2]
    degree_m = offset(VENICE, LatLon(45.401, 12.3))[0]
    assert Plane.around([VENICE]).point(LatLon(45.401, 12.3))[1] == pytest.approx(degree_m, rel=1e-4)


@pytest.mark.parametrize(
    ("lat", "lon", "x", "y", "bearing_deg"),
    [(1, 0, 0, 1, 0), (0, 1, 1, 0, 90), (-1, 0, 0, -1, 180), (0, -1, -1, 0, 270)],
    ids=["north", "east", "south", "west"],
)
def test_bearings_are_degrees_clockwise_from_north(lat: int, lon: int, x: int, y: int, bearing_deg: float) -> None:
    assert offset(LatLon(0, 0), LatLon(lat, lon))[1] == pytest.approx(bearing_deg)
    assert offset(XY(0, 0), XY(x, y))[1] == pytest.approx(bearing_deg)
    ahead = np.array([[x * 10.0, y * 10.0, 0.0]])
    (pixel,), (depth,) = project(View(0, 0, 0, heading_deg=bearing_deg, pitch_deg=0), ahead, 640, 480)
    np.testing.assert_allclose(pixel, [319.5, 239.5], atol=1e-9)
    assert depth == pytest.approx(10)


def test_x_is_east_and_y_is_north() -> None:
    plane = Plane.around([VENICE])
    east, north = plane.point(LatLon(VENICE.lat, VENICE.lon + 0.001))
    assert east > 70
    assert abs(north) < 0.01
    here, further = to_wgs84("EPSG:32633", 500_000, 5_000_000), to_wgs84("EPSG:32633", 500_100, 5_000_000)
    assert further.lon > here.lon
    assert further.lat == pytest.approx(here.lat, abs=1e-6)


def test_pixel_zero_is_the_centre_of_the_top_left_pixel() -> None:
    camera = View(0, 0).intrinsics(640, 480)
    assert (camera.cx, camera.cy) == (319.5, 239.5)
    # At the edge of the field of view lies the outer edge of the last pixel, half a pixel beyond its centre.
    half = math.radians(View(0, 0).fov_deg) / 2
    edge = np.array([[math.tan(half), 1.0, 0.0]])
    (pixel,), _ = project(View(0, 0, 0, pitch_deg=0), edge, 640, 480)
    np.testing.assert_allclose(pixel, [639.5, 239.5])


@pytest.mark.parametrize("middle", [(80, 60), (41, 71)])
def test_keypoints_lie_at_pixel_centres(middle: tuple[int, int]) -> None:
    found = Sift().extract(blob(*middle)).keypoints[:, :2]
    nearest = found[np.hypot(*(found - middle).T).argmin()]
    np.testing.assert_allclose(nearest, middle, atol=0.1)


def test_images_are_upright_rgb_uint8() -> None:
    pixels = np.zeros((32, 48, 3), np.uint8)
    pixels[:, :, 0] = 200  # red
    pixels[:8] = (10, 20, 30)  # the top is dark
    decoded = decode(encoded(pixels)).pixels
    assert decoded.dtype == np.uint8
    assert decoded.shape == (32, 48, 3)
    np.testing.assert_array_equal(decoded, pixels)
    lying = np.ascontiguousarray(np.rot90(pixels))  # as a camera held on its side stores it; 6 says how to turn it
    np.testing.assert_array_equal(decode(encoded(lying, orientation=6)).pixels, pixels)


def test_descriptors_are_float32_of_unit_length() -> None:
    describer = Vlad.shipped()
    vector = describer.describe(Sift().extract(noise()))
    assert vector.dtype == np.float32
    assert vector.shape == (describer.dimension,)
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)
    blank = describer.describe(LocalFeatures(np.zeros((0, 4), np.float32), np.zeros((0, 64), np.int8), 160, 120))
    assert blank.shape == (describer.dimension,)
    assert not blank.any()


def test_local_features_name_x_before_y_and_degrees() -> None:
    features = Sift().extract(noise())
    assert len(features) > 20
    assert features.keypoints.dtype == np.float32
    assert features.keypoints.shape == (len(features), 4)
    x, y, size_px, turn_deg = features.keypoints.T
    assert 120 < x.max() < features.width == 160
    assert y.max() < features.height == 120
    assert (size_px > 0).all()
    assert 300 < turn_deg.max() <= 360
    assert turn_deg.min() >= 0


def test_confidence_is_a_probability_and_never_no_number() -> None:
    answer = to_dict(Location("a.jpg", Status.UNSURE, VENICE, radius_m=math.inf, confidence=math.nan))
    assert answer["radius_m"] is None
    assert answer["confidence"] is None
    bounds = schema()["properties"]["confidence"]
    assert (bounds["minimum"], bounds["maximum"]) == (0, 1)


def test_answers_do_not_depend_on_the_number_of_workers(tmp_path: Path) -> None:
    town = Town(5, (1, 1))
    views, table = town.survey()[:10], ["path,x,y"]
    for number, view in enumerate(views):
        write_photo(tmp_path / f"{number}.jpg", town.render(view, 320, 240))
        table.append(f"{number}.jpg,{view.x},{view.y}")
    (tmp_path / "photos.csv").write_text("\n".join(table), encoding="utf-8")
    queries = [Photo(tmp_path / f"{number}.jpg", str(number)) for number in (0, 7)]
    given = []
    for workers in (1, 3):
        folder = tmp_path / f"gallery{workers}"
        whence.index(tmp_path / "photos.csv", folder, workers=workers)
        answers = whence.Locator(whence.Gallery.open(folder), workers=workers).answers(queries)
        given.append([{**to_dict(answer.location), "seconds": {}} for answer in answers])
    assert given[0] == given[1]
    assert [len(answer["candidates"]) for answer in given[0]] == [9, 9]


def test_quantities_carry_their_unit_in_the_name() -> None:
    bare = [f"{file.relative_to(HOME)}:{line} {name}" for file, line, name in _floats() if _is_bare(name)]
    assert not bare, f"say the unit in the name (radius_m, bearing_deg, threshold_px): {bare}"


def test_every_convention_names_its_test() -> None:
    named = set(re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", CONVENTIONS.read_text(encoding="utf-8")))
    assert named
    missing = [
        f"{file}::{test}"
        for file, test in sorted(named)
        if f"def {test}(" not in (CONVENTIONS.parents[1] / file).read_text(encoding="utf-8")
    ]
    assert not missing
    own = set(re.findall(r"^def (test_\w+)", Path(__file__).read_text(encoding="utf-8"), re.MULTILINE))
    assert own - {test for _, test in named} == {"test_every_convention_names_its_test"}


def _is_bare(name: str) -> bool:
    return name.split("_")[-1] in QUANTITIES


def _floats() -> list[tuple[Path, int, str]]:
    """Public fields and parameters of one number; not those of the command line, whose help says the unit."""
    found = []
    for file in sorted(HOME.rglob("*.py")):
        if file.parent.name != "cli":
            tree = ast.parse(file.read_text(encoding="utf-8"))
            found += [(file, line, name) for line, name in _annotated(tree)]
    return found


def _annotated(tree: ast.AST) -> list[tuple[int, str]]:
    """Line and name of everything public that is annotated as a float."""
    found = []
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name.startswith("_") and node.name != "__init__":
            continue
        name = node.target.id if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) else None
        name = node.arg if isinstance(node, ast.arg) else name
        annotation = getattr(node, "annotation", None)
        if name and annotation is not None and ast.unparse(annotation) in ("float", "float | None"):
            found.append((node.lineno, name))  # type: ignore[attr-defined]
        found += _annotated(node)
    return found

"""What the page asks the server: evidence, documents, the map, plans."""

from __future__ import annotations

import io
import time
import zipfile
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image as Pillow

import whence
from samples import World
from whence.errors import InputError
from whence.photos.xmp import read_xmp
from whence.web.page.plan import Plan, Reference, laid


def explained(http: httpx.Client, path: Path) -> dict[str, Any]:
    answer = http.post("/explanations", files={"photo": (path.name, path.read_bytes())})
    assert answer.status_code == 202, answer.text
    end = time.monotonic() + 60
    while (facts := http.get(f"/explanations/{answer.json()['id']}").json())["stage"] not in ("done", "failed"):
        assert time.monotonic() < end
        time.sleep(0.05)
    found: dict[str, Any] = facts
    return found


def test_evidence_is_that_of_the_answer(http: httpx.Client, world: World) -> None:
    path = world.queries / min(world.truth)
    facts = explained(http, path)
    alone = http.post("/locate", files={"photo": (path.name, path.read_bytes())}).json()
    assert facts["answer"]["position"] == alone["position"]
    assert [match["id"] for match in facts["matches"]] == [one["id"] for one in alone["candidates"][:8]]
    assert [len(match["points"]) for match in facts["matches"]] == [one["inliers"] for one in alone["candidates"][:8]]
    best = facts["matches"][0]
    points = np.array(best["points"])
    for columns, frame in ((points[:, :2], facts["frame"]), (points[:, 2:], best)):
        assert (columns >= -0.5).all()
        assert (columns <= [frame["width"], frame["height"]]).all()
    with Pillow.open(io.BytesIO(http.get(f"/explanations/{facts['id']}/photo").content)) as image:
        assert image.size == (facts["frame"]["width"], facts["frame"]["height"])
    with Pillow.open(io.BytesIO(http.get(f"/gallery/photos/{best['id']}/picture").content)) as image:
        assert image.size[0] / image.size[1] == pytest.approx(best["width"] / best["height"], rel=0.01)
        assert not image.getexif()
    assert "Where was it taken?" in http.get(f"/explanations/{facts['id']}/page").text


def test_what_is_no_photo_fails_in_words(http: httpx.Client, tmp_path: Path) -> None:
    (tmp_path / "x.jpg").write_bytes(b"no photo")
    facts = explained(http, tmp_path / "x.jpg")
    assert facts["stage"] == "failed"
    assert "expected JPEG" in facts["error"]
    assert http.get(f"/explanations/{facts['id']}/photo").status_code == 409
    assert http.get("/explanations/unknown").status_code == 404
    assert http.get("/gallery/photos/unknown/picture").status_code == 404


def test_the_map_has_all_photos_in_their_order(http: httpx.Client, world: World) -> None:
    gallery = whence.Gallery.open(world.gallery)
    said = http.get("/gallery/map").json()
    assert np.array(said["points"]).reshape(-1, 2) == pytest.approx(gallery.coordinates, abs=1e-6)
    assert [said["names"][place] for place in said["sources"]] == [photo.position_source for photo in gallery.photos]
    assert len(said["times"]) == len(gallery)


ANSWER = {"path": "a/holiday.jpg", "position": {"lat": 47.5, "lon": -3.25}, "radius_m": 12, "confidence": 0.9}


def test_accepted_answers_become_files(http: httpx.Client) -> None:
    feature = http.post("/documents/geojson", json=[ANSWER]).json()["features"][0]
    assert feature["geometry"]["coordinates"][:2] == [-3.25, 47.5]
    assert "holiday.jpg" in http.post("/documents/csv", json=[ANSWER]).text
    data = http.post("/documents/xmp", json=[ANSWER, ANSWER]).content
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        assert packed.namelist() == ["holiday.jpg.xmp", "2/holiday.jpg.xmp"]
        fix, _ = read_xmp(packed.read("holiday.jpg.xmp"))
    assert fix is not None
    assert fix.position is not None
    assert (fix.position.lat, fix.position.lon) == pytest.approx((47.5, -3.25), abs=1e-7)


@pytest.mark.parametrize(
    "change",
    [{"position": {"x": 1, "y": 2}}, {"position": {"lat": 95, "lon": 0}}, {"confidence": 2}, {"path": "x" * 2000}],
)
def test_what_is_no_answer_becomes_no_file(http: httpx.Client, change: dict[str, Any]) -> None:
    assert http.post("/documents/kml", json=[{**ANSWER, **change}]).status_code == 422
    assert http.post("/documents/kml", json=[]).status_code == 422


@pytest.mark.parametrize("y_down", [False, True])
def test_a_plan_is_laid_by_two_points(y_down: bool) -> None:
    first, second = Reference(100, 50, 3, 4), Reference(300, 250, 13, 4)
    a, b, c, d, e, f = laid(first, second, y_down=y_down)
    for point in (first, second):
        x, y = a * point.column + c * point.row + e, b * point.column + d * point.row + f
        assert (x, y) == pytest.approx((point.x, point.y))
    assert (a * d - b * c < 0) == (not y_down)  # mirrored: rows go down, y goes up
    assert np.hypot(a, b) == pytest.approx(np.hypot(c, d))


def test_plans_that_cannot_be_laid(tmp_path: Path) -> None:
    point = Reference.parse("0,0=1.5,-2")
    assert point == Reference(0, 0, 1.5, -2)
    with pytest.raises(InputError, match="expected COLUMN,ROW=X,Y"):
        Reference.parse("0;0=1,2")
    with pytest.raises(InputError, match="are the same"):
        laid(point, Reference(0, 0, 3, 4))
    (tmp_path / "x.png").write_bytes(b"x")
    with pytest.raises(InputError, match="by two points"):
        Plan.load(tmp_path / "x.png", [point], y_down=False)
    with pytest.raises(InputError, match="not a photo"):
        Plan.load(tmp_path / "x.png", [point, Reference(1, 0, 2, 2)], y_down=False)

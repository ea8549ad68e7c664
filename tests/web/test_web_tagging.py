"""Positions written into copies of photos that come over HTTP."""

from __future__ import annotations

import io
import math
from typing import Any

import httpx
import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from PIL import ExifTags
from PIL import Image as Pillow

from samples import World, textured
from web_servers import Server, started
from whence.photos.decode import read_facts
from whence.photos.xmp import read_xmp
from whence.web.client import Client, ServerError
from whence.web.problems import MEDIA_TYPE

HERE = {"lat": "46.2044", "lon": "-6.1432", "radius_m": "18.5", "confidence": "0.93", "heading_deg": "271.5"}


def photo(kind: str, *, placed: bool = False) -> bytes:
    exif = Pillow.Exif()
    exif[ExifTags.Base.Make] = "Maker"
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "2020:05:06 07:08:09"
    if placed:
        gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
        gps.update({1: "N", 2: (1.0, 2.0, 3.0), 3: "E", 4: (4.0, 5.0, 6.0)})
    stream = io.BytesIO()
    Pillow.fromarray(textured(1, 64, 48)).save(stream, kind, exif=exif)
    return stream.getvalue()


def tag(http: httpx.Client, name: str, data: bytes, **said: str) -> httpx.Response:
    return http.post("/tagged", files={"photo": (name, data)}, data={**HERE, **said})


def pixels(data: bytes) -> Any:
    with Pillow.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WebP"])
def test_a_copy_comes_back_with_its_position_and_the_same_picture(http: httpx.Client, kind: str) -> None:
    data = photo(kind)
    answer = tag(http, "Fäller, dåt.bild", data)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == f"image/{kind.lower()}"
    assert "F%C3%A4ller%2C%20d%C3%A5t.bild" in answer.headers["content-disposition"]
    assert "whence-reason" not in answer.headers
    new = answer.content
    assert np.array_equal(pixels(new), pixels(data))
    found = read_facts(new)
    assert found.position is not None
    assert (found.position.lat, found.position.lon) == pytest.approx((46.2044, -6.1432), abs=1e-7)
    assert found.time == read_facts(data).time
    with Pillow.open(io.BytesIO(new)) as image:
        exif = image.getexif()
        assert exif[ExifTags.Base.Make] == "Maker"
        assert b"not measured" in bytes(exif.get_ifd(ExifTags.IFD.GPSInfo)[27])


def test_the_entropy_coded_data_of_a_jpeg_are_bit_identical(http: httpx.Client) -> None:
    data = photo("JPEG")
    new = tag(http, "a.jpg", data).content
    assert new[new.index(b"\xff\xdb") :] == data[data.index(b"\xff\xdb") :]  # from the first table of quantisation on


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.floats(-90, 90), st.floats(-180, 180), st.one_of(st.none(), st.floats(0, 360)))
def test_any_position_is_read_back(http: httpx.Client, lat: float, lon: float, heading: float | None) -> None:
    assume(max(abs(lat), abs(lon)) > 0.01)  # 0, 0 is what devices write that know no position
    said = {"lat": repr(lat), "lon": repr(lon)} | ({} if heading is None else {"heading_deg": repr(heading)})
    answer = http.post("/tagged", files={"photo": ("a.jpg", photo("JPEG"))}, data=said)
    assert answer.status_code == 200, answer.text
    found = read_facts(answer.content).position
    assert found is not None
    assert found.lat == pytest.approx(lat, abs=1e-7)
    assert math.isclose(math.cos(math.radians(found.lon - lon)), 1.0, abs_tol=1e-12)


@pytest.mark.parametrize(("name", "sidecar"), [("a.tif", "a.tif.xmp"), ("a.dng", "a.xmp")])
def test_what_is_not_spliced_gets_a_sidecar_and_a_reason(http: httpx.Client, name: str, sidecar: str) -> None:
    answer = tag(http, name, photo("TIFF"))
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-disposition"].endswith(f"''{sidecar}")
    assert "written to" in answer.headers["whence-reason"]
    facts, _ = read_xmp(answer.content)
    assert facts.position is not None
    assert facts.position.lat == pytest.approx(46.2044, abs=1e-7)


def test_a_raw_file_is_not_changed_whatever_is_in_it(http: httpx.Client) -> None:
    answer = tag(http, "a.cr2", photo("JPEG"))
    assert answer.headers["content-disposition"].endswith("''a.xmp")
    assert "raw" in answer.headers["whence-reason"]


def refused(answer: httpx.Response, status: int, kind: str) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == MEDIA_TYPE
    assert answer.json()["type"].endswith(f":{kind}")


def test_a_photo_that_says_where_it_was_taken_stays(http: httpx.Client) -> None:
    refused(tag(http, "a.jpg", photo("JPEG", placed=True)), 409, "has-position")


@pytest.mark.parametrize("data", [b"", b"text", b"\xff\xd8\xff" + bytes(100)])
def test_what_is_no_photo_is_refused(http: httpx.Client, data: bytes) -> None:
    refused(tag(http, "a.jpg", data), 422, "unusable-photo")


@pytest.mark.parametrize("said", [{"lat": "91"}, {"lon": "nan"}, {"radius_m": "-1"}, {"confidence": "2"}, {"lat": "x"}])
def test_what_is_no_position_is_refused(http: httpx.Client, said: dict[str, str]) -> None:
    refused(tag(http, "a.jpg", photo("JPEG"), **said), 422, "invalid-request")


def test_the_client_writes_copies(server: Server, tmp_path: Any) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(photo("JPEG"))
    with Client(server.address) as client:
        name, data = client.tag(path, {"lat": 46.2, "lon": 6.1}, radius_m=20.0)
        assert name == "a.jpg"
        found = read_facts(data).position
        assert found is not None
        assert found.lat == pytest.approx(46.2, abs=1e-7)
        path.write_bytes(data)
        with pytest.raises(ServerError) as refusal:
            client.tag(path, {"lat": 46.2, "lon": 6.1})
        assert refusal.value.kind == "has-position"


@pytest.mark.slow
def test_a_plane_of_its_own_is_not_written(world: World) -> None:
    with started(world.plan) as one, httpx.Client(base_url=one.api, timeout=60) as http:
        refused(tag(http, "a.jpg", photo("JPEG")), 422, "invalid-request")

"""The interface for programs, asked over loopback."""

from __future__ import annotations

import io
import re
import time
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest
from PIL import Image as Pillow

import whence
from samples import World, textured
from web_servers import Server, started
from whence.web.client import Client, ServerError
from whence.web.problems import MEDIA_TYPE


def some(world: World, count: int = 3) -> list[Path]:
    return [world.queries / name for name in sorted(world.truth)[:count]]


def ask(http: httpx.Client, path: Path, **data: str) -> httpx.Response:
    return http.post("/locate", files={"photo": (path.name, path.read_bytes())}, data=data)


def problem(answer: httpx.Response, status: int, kind: str) -> str:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == MEDIA_TYPE
    said = answer.json()
    assert said["type"] == f"urn:whence:problem:{kind}"
    assert said["status"] == status
    detail: str = said["detail"]
    return detail


def test_it_answers_as_the_command_does(http: httpx.Client, world: World) -> None:
    locator = whence.Locator(whence.Gallery.open(world.gallery))
    for path in some(world):
        said = ask(http, path).json()
        expected = locator.locate(path)
        assert said["path"] == path.name
        assert said["status"] == expected.status.value
        assert isinstance(expected.position, whence.LatLon)
        assert said["position"]["lat"] == pytest.approx(expected.position.lat, abs=1e-6)
        assert said["confidence"] == pytest.approx(expected.confidence, abs=1e-3)
        assert [one["path"] for one in said["candidates"]] == [one.path for one in expected.candidates]


def test_answers_follow_the_description(http: httpx.Client, world: World) -> None:
    described = http.get("/openapi.json").json()
    schema = {"$ref": "#/components/schemas/Location", "components": described["components"]}
    answer = ask(http, some(world)[0]).json()
    jsonschema.Draft202012Validator(schema).validate(answer)
    gallery = whence.Gallery.open(world.gallery)
    by_id = {photo.content_hash: photo.path for photo in gallery.photos}
    assert all(by_id[one["id"]] == one["path"] for one in answer["candidates"])


def test_conditions_narrow_the_search(http: httpx.Client, world: World) -> None:
    path = some(world)[0]
    first = ask(http, path).json()["candidates"][0]["position"]
    near = ask(http, path, near=f"{first['lat']},{first['lon']}", radius_m="30").json()
    assert len(near["candidates"]) < 20
    assert problem(ask(http, path, near="91,0", radius_m="30"), 422, "invalid-request")
    assert problem(ask(http, path, near="1,2"), 422, "invalid-request")
    assert problem(ask(http, path, since="yesterday"), 422, "invalid-request")


def test_a_photo_of_the_gallery_is_told_by_its_content(http: httpx.Client, world: World) -> None:
    path = min(world.photos.glob("*.jpg"))
    assert ask(http, path).json()["duplicate_of"] == [path.name]


def test_what_is_no_photo(http: httpx.Client, tmp_path: Path) -> None:
    for name, data in {"text.jpg": b"no photo", "empty.jpg": b"", "cut.jpg": b"\xff\xd8\xff\xe0" + bytes(100)}.items():
        answer = http.post("/locate", files={"photo": (name, data)})
        problem(answer, 422, "unusable-photo")
    problem(http.post("/locate"), 422, "invalid-request")
    problem(http.get("/locate"), 405, "method-not-allowed")
    problem(http.get("/nothing"), 404, "not-found")


def test_the_gallery_by_place_time_and_id(http: httpx.Client, world: World) -> None:
    gallery = whence.Gallery.open(world.gallery)
    facts = http.get("/gallery").json()
    assert facts["photos"] == len(gallery)
    assert facts["coordinates"] == "wgs84"
    listed = http.get("/gallery/photos", params={"limit": 5, "start": 2}).json()
    assert listed["total"] == len(gallery)
    assert [one["id"] for one in listed["photos"]] == [photo.content_hash for photo in gallery.photos[2:7]]
    one = listed["photos"][0]
    assert http.get(f"/gallery/photos/{one['id']}").json() == one
    around: dict[str, str | int] = {"near": f"{one['position']['lat']},{one['position']['lon']}", "radius_m": 5}
    assert one["id"] in [found["id"] for found in http.get("/gallery/photos", params=around).json()["photos"]]
    assert http.get("/gallery/photos", params={"since": "2090-01-01"}).json() == {"total": 0, "photos": []}
    picture = http.get(f"/gallery/photos/{one['id']}/thumbnail")
    assert picture.headers["content-type"] == "image/jpeg"
    with Pillow.open(io.BytesIO(picture.content)) as image:
        assert max(image.size) <= 192
        assert not image.getexif()
    problem(http.get("/gallery/photos/none"), 404, "no-photo")
    problem(http.get("/gallery/photos/none/thumbnail"), 404, "no-photo")
    problem(http.get("/gallery/photos", params={"limit": 100_000}), 422, "invalid-request")
    problem(http.get("/gallery/photos", params={"bbox": "1,2,3"}), 422, "invalid-request")


def batch(http: httpx.Client, photos: list[tuple[str, bytes]]) -> dict[str, Any]:
    answer = http.post("/jobs", files=[("photos", photo) for photo in photos])
    assert answer.status_code == 202, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_batch_is_answered_in_the_background(http: httpx.Client, world: World) -> None:
    photos = [(path.name, path.read_bytes()) for path in some(world)]
    photos.insert(1, ("broken.jpg", b"broken"))
    job = batch(http, photos)
    assert job["total"] == 4
    end = time.monotonic() + 60
    while http.get(f"/jobs/{job['id']}").json()["state"] != "done":
        assert time.monotonic() < end
        time.sleep(0.1)
    answers = http.get(f"/jobs/{job['id']}/results").json()
    assert [one["path"] for one in answers] == [name for name, _ in photos]
    assert [one["status"] == "failed" for one in answers] == [False, True, False, False]
    assert http.get(f"/jobs/{job['id']}/results", params={"start": 3}).json() == answers[3:]
    assert http.delete(f"/jobs/{job['id']}").json()["state"] == "done"
    problem(http.get(f"/jobs/{job['id']}"), 404, "no-job")


def test_a_batch_can_be_stopped(http: httpx.Client, world: World) -> None:
    data = some(world)[0].read_bytes()
    job = batch(http, [(f"{number}.jpg", data) for number in range(60)])
    assert http.delete(f"/jobs/{job['id']}").json()["state"] == "cancelled"
    problem(http.get(f"/jobs/{job['id']}/results"), 404, "no-job")
    assert ask(http, some(world)[0]).status_code == 200


def test_health_and_figures(http: httpx.Client, world: World) -> None:
    assert http.get("/health/live").json() == {"status": "ok"}
    assert http.get("/health/ready").json() == {"status": "ok"}
    ask(http, some(world)[0])
    text = http.get("/metrics").text
    assert 'whence_answers_total{status="located"}' in text or 'whence_answers_total{status="unsure"}' in text
    assert 'whence_stage_seconds_bucket{le="0.05",stage="read"}' in text
    assert f"whence_gallery_photos {len(whence.Gallery.open(world.gallery)):.1f}" in text


def test_the_client(server: Server, world: World, tmp_path: Path) -> None:
    paths = some(world)
    (tmp_path / "bad.jpg").write_bytes(b"bad")
    with Client(server.address) as client:
        assert client.gallery()["photos"] == len(whence.Gallery.open(world.gallery))
        alone = client.locate(paths[0])
        together = list(client.locate_all([*paths, tmp_path / "bad.jpg"], every_s=0.05))
        assert [one["path"] for one in together] == [*(path.name for path in paths), "bad.jpg"]
        assert together[0]["position"] == alone["position"]
        listed = client.photos(limit=1)["photos"][0]
        assert client.thumbnail(listed["id"]).startswith(b"\xff\xd8")
        with pytest.raises(ServerError, match="not a photo") as refused:
            client.locate(tmp_path / "bad.jpg")
        assert (refused.value.status, refused.value.kind) == (422, "unusable-photo")


def test_private_servers_name_nothing(world: World) -> None:
    with started(world.gallery, "--private") as one, httpx.Client(base_url=one.api, timeout=60) as http:
        said = ask(http, some(world)[0]).json()
        assert {candidate["path"] for candidate in said["candidates"]} == {None}
        assert http.get("/gallery/photos", params={"limit": 1}).json()["photos"][0]["path"] is None


def test_textures_of_nowhere_are_unsure(http: httpx.Client) -> None:
    stream = io.BytesIO()
    Pillow.fromarray(textured(5)).save(stream, "PNG")
    said = http.post("/locate", files={"photo": ("x.png", stream.getvalue())}).json()
    assert said["status"] == "unsure"


def test_what_the_client_asks_and_gets_is_described(
    server: Server, http: httpx.Client, world: World, tmp_path: Path
) -> None:
    described = http.get("/openapi.json").json()
    seen: set[tuple[str, str]] = set()

    def check(answer: httpx.Response) -> None:
        answer.read()
        method, path = answer.request.method, answer.request.url.path
        template = next(
            one
            for one, operations in sorted(described["paths"].items())
            if method.lower() in operations and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", one), path)
        )
        seen.add((method, template.removeprefix("/api/v1/")))
        told = described["paths"][template][method.lower()]["responses"][str(answer.status_code)]
        kind = answer.headers.get("content-type", "").partition(";")[0]
        if answer.content:
            assert kind in told["content"]
        schema = told.get("content", {}).get(kind, {}).get("schema")
        if schema and kind.endswith("json"):
            whole = {**schema, "components": described["components"]}
            jsonschema.Draft202012Validator(whole).validate(answer.json())

    photo = some(world)[0]
    with Client(server.address) as client:
        client._http.event_hooks["response"].append(check)
        answer = client.locate(photo)
        assert len(list(client.locate_all([photo], every_s=0.05))) == 1
        client.tag(photo, answer["position"], radius_m=answer["radius_m"])
        client.gallery()
        id = client.photos(limit=1)["photos"][0]["id"]
        client.thumbnail(id)
        client.begin_audit()
        client.audit()
        client.findings()
        client.forget_audit()
        with pytest.raises(ServerError, match="allow-changes"):
            client.remove(id)
    assert seen == {
        ("POST", "locate"),
        ("POST", "jobs"),
        ("GET", "jobs/{id}"),
        ("GET", "jobs/{id}/results"),
        ("DELETE", "jobs/{id}"),
        ("POST", "tagged"),
        ("GET", "gallery"),
        ("GET", "gallery/photos"),
        ("GET", "gallery/photos/{id}/thumbnail"),
        ("POST", "gallery/audit"),
        ("GET", "gallery/audit"),
        ("DELETE", "gallery/audit"),
        ("GET", "gallery/audit/findings"),
        ("DELETE", "gallery/photos/{id}"),
    }

"""Photos that others bring to a real server: judged in its background, decided on by a reviewer."""

from __future__ import annotations

import io
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image as Pillow

import whence
from samples import World, textured
from web_servers import Server, started
from whence.audit.contributing import review
from whence.audit.court import CHANGED
from whence.gallery.quarantine import Verdict
from whence.types import LatLon
from whence.web.client import Client, ServerError

WAIT_S = 120.0
TOKEN, REVIEW = "a token that nobody guesses", "another that reviewers have"


@pytest.fixture
def gallery(world: World, tmp_path: Path) -> Path:
    shutil.copytree(world.gallery, tmp_path / "g")
    return tmp_path / "g"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "brought"


@pytest.fixture
def taking(gallery: Path, folder: Path) -> Iterator[Server]:
    with started(gallery, "--contributions", folder) as one:
        yield one


def fits(world: World) -> tuple[Path, LatLon]:
    """A photo that the gallery locates, and where it was taken."""
    locator = whence.Locator(whence.Gallery.open(world.gallery))
    answers = ((world.queries / name, locator.locate(world.queries / name)) for name in sorted(world.truth))
    path = next(path for path, answer in answers if answer.status == "located" and answer.confidence > 0.9)
    at = world.truth[path.name]
    assert isinstance(at, LatLon)
    return path, at


def stranger(path: Path, seed: int = 5) -> Path:
    Pillow.fromarray(textured(seed)).save(path)
    return path


def settled(client: Client, id: str) -> dict[str, Any]:
    end = time.monotonic() + WAIT_S
    while (found := client.contribution(id))["verdict"] in ("waiting", "admit"):
        assert time.monotonic() < end, found
        time.sleep(0.2)
    return found


def files(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if not path.name.startswith(".")]


@pytest.mark.slow
def test_what_fits_is_admitted_and_answers_at_once(taking: Server, world: World, gallery: Path, folder: Path) -> None:
    path, at = fits(world)
    with Client(taking.address) as client:
        before = client.gallery()["photos"]
        told = settled(client, client.contribute(path, lat=at.lat, lon=at.lon)["id"])
        assert told["verdict"] == "admitted", told
        assert told["off_m"] < 25
        assert told["witnesses"]
        assert str(gallery.parent) not in told["reason"]
        end = time.monotonic() + WAIT_S
        while client.gallery()["photos"] == before:  # opened again by the server
            assert time.monotonic() < end
            time.sleep(0.2)
        assert client.gallery()["photos"] == before + 1
        assert client.locate(path)["duplicate_of"]
        elsewhere = client.contribute(path, lat=at.lat, lon=at.lon + 1e-3)  # what is in the gallery stays as it is
        assert (elsewhere["verdict"], elsewhere["position"]["lon"]) == ("admitted", pytest.approx(at.lon, abs=1e-6))
    opened = whence.Gallery.open(gallery)
    (row,) = [row for row, photo in enumerate(opened.photos) if photo.content_hash == told["id"]]
    assert opened.photos[row].position == pytest.approx(at)
    assert opened.photos[row].position_source == "pin"
    assert [file.read_bytes() for file in files(folder)] == [path.read_bytes()]


def test_a_reviewer_decides(gallery: Path, folder: Path, tmp_path: Path) -> None:
    first, second = stranger(tmp_path / "a.png", 5), stranger(tmp_path / "b.png", 6)
    at = whence.Gallery.open(gallery).photos[0].position
    assert isinstance(at, LatLon)
    options = ("--contributions", folder)
    with (
        started(gallery, *options, WHENCE_TOKEN=TOKEN, WHENCE_REVIEW_TOKEN=REVIEW) as server,
        Client(server.address, TOKEN) as anyone,
        Client(server.address, REVIEW) as reviewer,
    ):
        one = anyone.contribute(first, lat=at.lat, lon=at.lon)["id"]
        other = anyone.contribute(second, lat=at.lat, lon=at.lon)["id"]
        assert {settled(anyone, id)["verdict"] for id in (one, other)} == {"review"}
        for forbidden in (anyone.contributions, lambda: anyone.decide(anyone.contribution(one), admit=True)):
            with pytest.raises(ServerError, match="reviewer's token") as refused:
                forbidden()
            assert (refused.value.status, refused.value.kind) == (403, "not-reviewer")
        assert [found["id"] for found in reviewer.contributions()] == [one, other]
        with httpx.Client(headers={"Authorization": f"Bearer {REVIEW}"}) as http:
            picture = http.get(f"{server.api}/contributions/{one}/picture")
        with Pillow.open(io.BytesIO(picture.content)) as image, Pillow.open(first) as sent:
            assert image.format == "JPEG"
            assert image.size == sent.size
        shown = reviewer.contribution(other)
        again = anyone.contribute(second, lat=at.lat, lon=at.lon + 1e-4)["id"]
        assert settled(anyone, again)["verdict"] == "review"
        with pytest.raises(ServerError, match="another position") as refused:
            reviewer.decide(shown, admit=True)  # not what the reviewer saw
        assert (refused.value.status, refused.value.kind) == (409, "changed")
        assert reviewer.decide(reviewer.contribution(other), admit=False)["verdict"] == "refused"
        assert reviewer.decide(reviewer.contribution(one), admit=True)["verdict"] == "admit"
        assert settled(anyone, one)["verdict"] == "admitted"
        assert settled(anyone, other)["reason"] == "refused by review"
        assert reviewer.contributions() == []
        with pytest.raises(ServerError, match="does not wait") as refused:
            reviewer.decide(reviewer.contribution(other), admit=True)
        assert refused.value.status == 409
    assert whence.Gallery.open(gallery).row_of(one) is not None
    assert whence.Gallery.open(gallery).row_of(other) is None
    assert [file.read_bytes() for file in files(folder)] == [first.read_bytes()]


def test_what_is_brought_wrongly(taking: Server, gallery: Path, folder: Path, tmp_path: Path, world: World) -> None:
    photo = stranger(tmp_path / "a.png")
    with Client(taking.address) as client:
        for said, kind, words in (
            ({}, "no-position", "say where it was taken"),
            ({"lat": 1.0}, "invalid-request", "lat and lon"),
            ({"x": 1.0, "y": 2.0}, "invalid-request", "lat and lon"),
            ({"lat": 91.0, "lon": 0.0}, "invalid-request", "91"),
            ({"lat": "nan", "lon": 0.0}, "invalid-request", "lat"),
        ):
            with pytest.raises(ServerError, match=words) as refused:
                client.contribute(photo, **said)
            assert (refused.value.status, refused.value.kind) == (422, kind)
        broken = tmp_path / "broken.jpg"
        broken.write_bytes(b"\xff\xd8\xff nothing")
        with pytest.raises(ServerError) as refused:
            client.contribute(broken, lat=1, lon=2)
        assert refused.value.kind == "unusable-photo"
        with pytest.raises(ServerError, match="no such contribution"):
            client.contribution("0" * 32)
        assert files(folder) == []
        copy = min(world.photos.glob("*.jpg"))  # brings its own position
        told = settled(client, client.contribute(copy)["id"])
        assert (told["verdict"], told["reason"]) == ("refused", f"same content as {copy.name}")
        assert told["position_source"] == "exif"
        assert files(folder) == []  # what is refused is not kept


def test_private_servers_name_no_paths(gallery: Path, folder: Path, world: World) -> None:
    copy = min(world.photos.glob("*.jpg"))
    with started(gallery, "--contributions", folder, "--private") as server, Client(server.address) as client:
        told = settled(client, client.contribute(copy)["id"])
    assert told["reason"] == "same content as a photo of the gallery"
    assert [one["path"] for one in told["witnesses"]] == [None]


def test_without_a_folder_none_are_taken(http: httpx.Client, tmp_path: Path) -> None:
    photo = stranger(tmp_path / "a.png")
    answer = http.post("/contributions", files={"photo": photo.read_bytes()}, data={"lat": "1", "lon": "2"})
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:whence:problem:no-contributions")


@pytest.mark.slow
def test_what_other_processes_and_other_times_do(gallery: Path, folder: Path, tmp_path: Path) -> None:
    at = whence.Gallery.open(gallery).photos[0].position
    assert isinstance(at, LatLon)
    photos = [stranger(tmp_path / f"{seed}.png", 20 + seed) for seed in range(3)]
    with started(gallery, "--contributions", folder) as server, Client(server.address) as client:
        ids = [client.contribute(photo, lat=at.lat, lon=at.lon)["id"] for photo in photos]
        assert {settled(client, id)["verdict"] for id in ids} == {"review"}
        review(gallery, refuse=[ids[0]])  # on the command line
        changed = next(folder.glob(f"{ids[1]}.*"))
        changed.write_bytes(stranger(tmp_path / "other.png", 40).read_bytes())
        client.decide(client.contribution(ids[1]), admit=True)
        told = settled(client, ids[1])
        assert (told["verdict"], told["reason"]) == ("refused", f"not indexed: {CHANGED}")
        again = client.contribute(photos[1], lat=at.lat, lon=at.lon)["id"]  # as it says
        assert settled(client, again)["verdict"] == "review"
        client.decide(client.contribution(ids[2]), admit=True)
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
    with started(gallery, "--contributions", folder) as server, Client(server.address) as client:
        assert settled(client, ids[2])["verdict"] == "admitted"
        assert client.contribution(ids[0])["verdict"] == "refused"
        end = time.monotonic() + WAIT_S
        while len(files(folder)) > 2:  # one in the gallery, one in review
            assert time.monotonic() < end
            time.sleep(0.2)


@pytest.mark.slow
def test_a_killed_server_loses_none(gallery: Path, folder: Path, tmp_path: Path) -> None:
    at = whence.Gallery.open(gallery).photos[0].position
    assert isinstance(at, LatLon)
    photos = [stranger(tmp_path / f"{seed}.png", seed) for seed in range(6)]
    with started(gallery, "--contributions", folder) as server, Client(server.address) as client:
        ids = [client.contribute(photo, lat=at.lat, lon=at.lon)["id"] for photo in photos]
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
    with started(gallery, "--contributions", folder) as server, Client(server.address) as client:
        assert {settled(client, id)["verdict"] for id in ids} == {Verdict.REVIEW}
        assert sorted(found["id"] for found in client.contributions()) == sorted(ids)
        assert not list(folder.glob("*.json"))

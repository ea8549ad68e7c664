"""What comes in, and does not: silent connections, slow bodies, batches as they are read, folders of dead servers."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from starlette.types import Message

from samples import Run, World
from web_servers import Server, started
from whence.errors import GalleryError
from whence.gallery.gallery import Gallery
from whence.web import connections, jobs, problems, receiving, spool
from whence.web.api.locating import name_of
from whence.web.app import make_app
from whence.web.options import ServeOptions
from whence.web.problems import ProblemError
from whence.web.service import Service
from whence.web.spool import Spool
from whence.web.state import State

FORM = {"Content-Type": "multipart/form-data; boundary=b"}


def part(name: str, data: bytes, field: str = "photos") -> bytes:
    head = f'--b\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\n\r\n'
    return head.encode() + data + b"\r\n"


@pytest.fixture
def spools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where folders of batches are made."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


@contextmanager
def inside(world: World, **options: Any) -> Iterator[FastAPI]:
    """An application without a network."""
    service = Service(Gallery.open(world.gallery), ServeOptions(workers=1, **options))
    app = make_app(service)
    try:
        yield app
    finally:
        app.state.whence.jobs.remove()
        service.close()


def asked(app: Any, asking: Callable[[httpx.AsyncClient], Any]) -> Any:
    """What comes of asking an application."""

    async def ask() -> Any:
        address = "http://127.0.0.1"
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=address) as http:
            return await asking(http)

    return asyncio.run(ask())


def posting(path: str, content: AsyncIterator[bytes]) -> Callable[[httpx.AsyncClient], Any]:
    """A form, to be sent as it comes."""
    return lambda http: http.post(path, content=content, headers=FORM)


def kind(answer: httpx.Response) -> str:
    found: str = answer.json()["type"].rpartition(":")[2]
    return found


async def nothing_after(*chunks: bytes) -> AsyncIterator[bytes]:
    """A body that stops in its middle."""
    for chunk in chunks:
        yield chunk
    await asyncio.sleep(60)


async def refusing_to_be_read() -> AsyncIterator[bytes]:
    pytest.fail("the body was read")
    yield b""  # type: ignore[unreachable]  # makes it a generator


def test_a_body_that_does_not_come_is_let_go(world: World, spools: Path) -> None:
    with inside(world, body_idle_s=0.2) as app:
        for path in ("/api/v1/jobs", "/api/v1/locate"):
            answer = asked(app, posting(path, nothing_after(b"--b\r\n")))
            assert (answer.status_code, kind(answer)) == (408, "too-slow")
            assert answer.headers["connection"] == "close"
            assert "content-security-policy" in answer.headers
        assert [one.name for one in spools.glob("*/*")] == [".lock"]


def test_a_body_that_trickles_is_let_go(world: World, spools: Path) -> None:
    async def trickle() -> AsyncIterator[bytes]:
        yield part("a.jpg", b"", "photo")
        while True:
            yield b"a"
            await asyncio.sleep(0.05)

    with inside(world, body_grace_s=0.4) as app:
        start = time.monotonic()
        answer = asked(app, lambda http: http.post("/api/v1/locate", content=trickle(), headers=FORM))
        assert answer.status_code == 408
        assert time.monotonic() - start < 5


def test_who_has_no_token_of_the_rate_left_is_refused_before_the_body(world: World, spools: Path) -> None:
    with inside(world, per_minute=1) as app:
        app.state.whence.rate.take("127.0.0.1")
        for path in ("/api/v1/jobs", "/api/v1/locate"):
            answer = asked(app, posting(path, refusing_to_be_read()))
            assert (answer.status_code, kind(answer)) == (429, "too-many-requests")


def test_where_there_is_no_room_nothing_is_read(world: World, spools: Path) -> None:
    with inside(world, waiting=0) as app:
        state: State = app.state.whence
        state.gate.inside = 1
        answer = asked(app, lambda http: http.post("/api/v1/locate", content=refusing_to_be_read(), headers=FORM))
        assert (answer.status_code, kind(answer)) == (503, "busy")
        state.gate.inside = 0
        for _ in range(state.options.jobs):
            job = jobs.Job([], state.jobs.folder())
            state.jobs._known[job.id] = job
        answer = asked(app, lambda http: http.post("/api/v1/jobs", content=refusing_to_be_read(), headers=FORM))
        assert (answer.status_code, kind(answer)) == (503, "busy")


def test_so_many_bodies_are_read_at_a_time(world: World, spools: Path) -> None:
    async def crowd(http: httpx.AsyncClient) -> list[int]:
        slow = [
            asyncio.create_task(http.post("/api/v1/locate", content=nothing_after(b"--b"), headers=FORM))
            for _ in range(2)
        ]
        await asyncio.sleep(0.2)
        late = await http.post("/api/v1/locate", content=nothing_after(b"--b"), headers=FORM)
        alive = await http.get("/api/v1/health/live")
        first = await asyncio.gather(*slow)
        again = await http.post("/api/v1/locate", content=b"--b--", headers=FORM)
        return [late.status_code, alive.status_code, *(one.status_code for one in first), again.status_code]

    with inside(world, uploads=4, body_idle_s=0.6) as app:
        assert asked(app, crowd) == [503, 200, 408, 408, 422]


def test_photos_on_their_way_take_places_of_the_queue(world: World, spools: Path) -> None:
    async def crowd(http: httpx.AsyncClient) -> list[int]:
        slow = [
            asyncio.create_task(http.post(f"/api/v1/{path}", content=nothing_after(b"--b"), headers=FORM))
            for path in ("locate", "tagged")
        ]
        await asyncio.sleep(0.2)
        late = await http.post("/api/v1/explanations", content=refusing_to_be_read(), headers=FORM)
        return [late.status_code, *(one.status_code for one in await asyncio.gather(*slow))]

    with inside(world, waiting=1, body_idle_s=0.6) as app:  # one at work, one that waits
        assert asked(app, crowd) == [503, 408, 408]


def test_errors_of_the_inside_stay_there_and_are_counted(world: World, spools: Path) -> None:
    with inside(world) as app:

        def failing(*_: object) -> None:
            raise RuntimeError("/secret/path")

        locator = app.state.whence.service.locator
        app.state.whence.service.locator = failing
        answer = asked(app, lambda http: http.get("/api/v1/gallery"))
        assert (answer.status_code, kind(answer)) == (500, "internal")
        assert "secret" not in answer.text
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        app.state.whence.service.locator = locator
        assert 'whence_refused_total{status="500"} 1.0' in asked(app, lambda http: http.get("/api/v1/metrics")).text


def test_a_full_disk_is_said(world: World, spools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with inside(world) as app:
        monkeypatch.setattr("tempfile.SpooledTemporaryFile.write", full)
        body = part("a.jpg", bytes(1000), "photo") + b"--b--"
        answer = asked(app, lambda http: http.post("/api/v1/locate", content=body, headers=FORM))
        assert (answer.status_code, kind(answer)) == (507, "no-room")
        monkeypatch.setattr(receiving._Parts, "write", full)
        body = part("a.jpg", bytes(1000)) + b"--b--"
        answer = asked(app, lambda http: http.post("/api/v1/jobs", content=body, headers=FORM))
        assert (answer.status_code, kind(answer)) == (507, "no-room")
        assert [one.name for one in spools.glob("*/*")] == [".lock"]


def parsed(tmp_path: Path, body: bytes, step: int = 7, most: int = 3) -> list[tuple[str, bytes]]:
    pieces = iter([body[start : start + step] for start in range(0, len(body), step)])

    async def receive() -> Message:
        piece = next(pieces, b"")
        return {"type": "http.request", "body": piece, "more_body": bool(piece)}

    headers = [(b"content-type", b"multipart/form-data; boundary=b")]
    request = Request({"type": "http", "method": "POST", "headers": headers}, receive)
    found = asyncio.run(receiving.received(request, tmp_path, most, name_of))
    return [(name, path.read_bytes()) for name, path in found]


@pytest.mark.parametrize("step", [1, 7, 10_000])
def test_a_batch_is_written_as_it_comes(tmp_path: Path, step: int) -> None:
    sent = [("a.jpg", b"\r\n--x" * 50), ("b.jpg", b""), ("a.jpg", bytes(3000))]
    body = part("other", b"not kept", "thing") + b"".join(part(*one) for one in sent) + b"--b--\r\n"
    assert parsed(tmp_path, body, step) == sent


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"--b--\r\n", 422),
        (part("a", b"", "other") + b"--b--\r\n", 422),
        (part("a", b"cut")[:-2], 400),
        (b"no multipart at all", 400),
        (b"--b\r\nX: " + b"a" * 20_000 + b"\r\n\r\n", 400),
        (part("a", b"1") * 4 + b"--b--\r\n", 422),
    ],
)
def test_a_batch_that_is_none(tmp_path: Path, body: bytes, status: int) -> None:
    with pytest.raises(ProblemError) as refused:
        parsed(tmp_path, body, 1000)
    assert refused.value.status == status


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no file that is always full")
@pytest.mark.parametrize("size", [100, 3_000_000])
def test_a_disk_that_is_full_at_the_last_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(receiving._Parts, "path", lambda *_: Path("/dev/full"))
    with pytest.raises(ProblemError) as refused:
        parsed(tmp_path, part("a", bytes(size)) + b"--b--\r\n", 60_000)
    assert refused.value.status == 507


@pytest.mark.skipif(sys.platform != "linux", reason="the memory of a process is told on Linux alone")
def test_a_batch_takes_no_memory(world: World) -> None:
    with started(world.gallery, "--per-minute", "100000") as one, socket.create_connection(address(one)) as line:
        before, piece = resident_mb(one), part("a.jpg", bytes(1_000_000))
        head = f"POST /api/v1/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {FORM['Content-Type']}\r\n"
        line.sendall(f"{head}Content-Length: {200 * len(piece) + 5}\r\n\r\n".encode())
        for _ in range(199):
            line.sendall(piece)
        assert resident_mb(one) - before < 60
        line.sendall(piece + b"--b--")
        line.settimeout(60)
        assert line.recv(100).startswith(b"HTTP/1.1 202")


def resident_mb(server: Server) -> float:
    lines = Path(f"/proc/{server.process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def address(server: Server) -> tuple[str, int]:
    host, _, port = server.address.removeprefix("http://").partition(":")
    return host, int(port)


def test_silent_connections_lock_nobody_out(server: Server) -> None:
    lines = []
    try:
        for number in range(connections.SILENT + 60):
            line = socket.create_connection(address(server))
            lines.append(line)
            if number % 2:
                line.sendall(b"POST /api/v1/locate HTTP/1.1\r\nHost: x\r\nX")
        assert httpx.get(f"{server.api}/health/live", timeout=20).status_code == 200
        lines[-1].settimeout(connections.HEAD_S + 10)
        start = time.monotonic()
        assert lines[-1].recv(100) == b""  # it is ended in the middle of its head
        assert time.monotonic() - start < connections.HEAD_S + 5
    finally:
        for line in lines:
            line.close()


def test_a_connection_goes_on_after_answers(server: Server) -> None:
    with httpx.Client(base_url=server.api, timeout=20) as http:
        for _ in range(3):
            assert http.get("/health/live").status_code == 200
            time.sleep(0.1)


def test_a_spool_goes_with_its_server(spools: Path) -> None:
    one, other = Spool(), Spool()
    (one.folder() / "photo").write_bytes(b"x")
    assert str(os.getpid()) in one.root.name
    one.close()
    one.close()
    assert list(spools.iterdir()) == [other.root]
    other.close()


def test_spools_of_servers_that_were_killed_are_removed(spools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "_YOUNG_S", 0.0)
    code = (
        "import time\nfrom whence.web.spool import Spool\nmade = Spool()\nprint(made.root, flush=True)\ntime.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": str(spools)}
    ) as process:
        assert process.stdout is not None
        left = Path(process.stdout.readline().strip())
        (left / "photo").write_bytes(b"x")
        foreign = spools / "whence-jobs-of-something-else"
        foreign.mkdir()
        Spool().close()
        assert left.is_dir()  # it lives
        process.send_signal(signal.SIGKILL)
        process.wait()
    Spool().close()
    assert list(spools.iterdir()) == [foreign]


def test_ctrl_c_twice_leaves_no_photos(world: World, tmp_path: Path) -> None:
    photo = (world.queries / min(world.truth)).read_bytes()
    with started(world.gallery, TMPDIR=str(tmp_path)) as one:
        body = part("a.jpg", photo) * 50 + b"--b--"
        assert httpx.post(f"{one.api}/jobs", content=body, headers=FORM, timeout=60).status_code == 202
        assert len(list(tmp_path.glob("*/*/*"))) > 1
        for _ in range(2):
            one.process.send_signal(signal.SIGINT)
            time.sleep(0.05)
        assert one.process.wait(20) == 130
        assert list(tmp_path.glob("whence-jobs-*")) == []


def test_no_photo_ends_the_batches(spools: Path, tmp_path: Path) -> None:
    async def answering(name: str, path: Path) -> dict[str, Any]:
        if name == "bad":
            raise GalleryError(f"rows of {tmp_path} are lost")
        return {"path": name}

    def failing(name: str, error: Exception) -> dict[str, Any]:
        return {"path": name, "error": problems.words(error)}

    async def work() -> list[list[dict[str, Any]]]:
        batches = jobs.Jobs(answering, failing, 4, 60.0)
        added = [batches.add([(name, tmp_path / name) for name in names], batches.folder()) for names in ("bad", "x")]
        added.append(batches.add([("bad", tmp_path / "bad"), ("good", tmp_path / "good")], batches.folder()))
        while not all(job.is_over for job in added):
            await asyncio.sleep(0.01)
        await batches.close()
        return [job.answers for job in added]

    *_, answers = asyncio.run(work())
    assert [one["path"] for one in answers] == ["bad", "good"]
    assert "cannot be read" in answers[0]["error"]
    assert str(tmp_path) not in answers[0]["error"]
    assert list(spools.iterdir()) == []


def test_old_answers_are_forgotten(spools: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "KEPT", 4)

    async def answering(name: str, path: Path) -> dict[str, Any]:
        await asyncio.sleep(0.001)
        return {"path": name}

    async def work() -> list[bool]:
        batches = jobs.Jobs(answering, lambda name, error: {}, 10, 60.0)
        added = [batches.add([("a", tmp_path / "a"), ("b", tmp_path / "b")], batches.folder()) for _ in range(5)]
        while not all(job.is_over for job in added):
            await asyncio.sleep(0.01)
        await batches.close()
        return [job.id in batches._known for job in added]

    assert asyncio.run(work()) == [False, False, False, True, True]


def test_names_that_no_answer_can_carry(http: httpx.Client, world: World) -> None:
    assert name_of("a/b\ud800\x00\x1bc.jpg") == "b???c.jpg"
    photo = (world.queries / min(world.truth)).read_bytes()
    form = {"Content-Type": "multipart/form-data; boundary=b; charset=utf-7"}
    body = part("+2AA-.jpg", photo, "photo") + b"--b--\r\n"
    assert http.post("/locate", content=body, headers=form).json()["path"] == "?.jpg"
    field = b'--b\r\nContent-Disposition: form-data; name="near"\r\n\r\n+2AA-\r\n'
    assert http.post("/locate", content=field + body, headers=form).status_code == 422


def test_details_are_in_words_of_the_interface(http: httpx.Client, world: World) -> None:
    photo = {"photo": ("a.jpg", (world.queries / min(world.truth)).read_bytes())}
    for data in (
        {"near": "0,0", "radius_m": "1"},
        {"near": "0,0"},
        {"radius_m": "5"},
        {"near": "x", "radius_m": "5"},
        {"bbox": "1,2"},
        {"since": "yesterday"},
    ):
        answer = http.post("/locate", files=photo, data=data)
        assert answer.status_code == 422, data
        detail = answer.json()["detail"]
        assert "--" not in detail
        assert "km" not in detail
        assert str(world.gallery) not in detail
        assert "whence" not in detail


def test_a_gallery_that_lost_rows_is_opened_again(
    world: World, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = shutil.copytree(world.gallery, tmp_path / "gallery")
    photo = (world.queries / min(world.truth)).read_bytes()
    service = Service(Gallery.open(folder), ServeOptions(workers=1, private=True))
    try:
        count = len(service.gallery)
        assert run("remove", "--gallery", folder, service.gallery.photos[0].path, "--purge").code == 0
        assert service.told(service.answer("a.jpg", photo))["status"] in ("located", "unsure")
        assert len(service.gallery) == count - 1
        assert service.is_ready()
        folder.rename(tmp_path / "away")
        with pytest.raises(GalleryError):
            service.read(lambda gallery: gallery.thumbnails(range(len(gallery))))
        assert service.failed("a", GalleryError(f"{folder}"))["error"] == problems.words(GalleryError())
        monkeypatch.setattr("whence.web.service._AGAIN_S", 0.0)
        with pytest.raises(GalleryError):
            service.read(lambda gallery: gallery.thumbnails(range(len(gallery))))
        assert not service.is_ready()
        (tmp_path / "away").rename(folder)
        assert service.is_ready()
        assert len(service.read(lambda gallery: gallery.thumbnails([0, 1]))) == 2
    finally:
        service.close()


def test_health_says_that_the_gallery_cannot_be_read(world: World, spools: Path) -> None:
    with inside(world) as app:
        app.state.whence.service._is_whole = False
        app.state.whence.service._opened = time.monotonic()
        answer = asked(app, lambda http: http.get("/api/v1/health/ready"))
        assert (answer.status_code, kind(answer)) == (503, "gallery")
        assert answer.headers["retry-after"] == "10"
        assert asked(app, lambda http: http.get("/api/v1/health/live")).status_code == 200


def test_a_head_without_end_is_cut(server: Server) -> None:
    with socket.create_connection(address(server)) as line:
        line.sendall(b"GET /api/v1/health/live HTTP/1.1\r\nHost: 127.0.0.1\r\n")
        with pytest.raises(OSError, match=r"reset|pipe"):
            line.sendall((b"X-Y: " + b"a" * 20_000 + b"\r\n") * 3000)
    assert httpx.get(f"{server.api}/health/live", timeout=20).status_code == 200

"""Who may ask a server, and how much."""

from __future__ import annotations

import asyncio
import re
import socket
import time
from pathlib import Path

import httpx
import pytest

from samples import Run, World
from web_servers import Server, started
from whence.errors import InputError
from whence.web.guard import COOKIE
from whence.web.limits import Gate, Rate
from whence.web.options import ServeOptions
from whence.web.problems import ProblemError

TOKEN = "correct horse battery staple"


def kind(answer: httpx.Response) -> str:
    found: str = answer.json()["type"].rpartition(":")[2]
    return found


def test_beyond_this_computer_it_takes_a_token() -> None:
    for host in ("0.0.0.0", "192.168.1.2", "::", "example.org"):
        with pytest.raises(InputError, match="lets others reach this server; give a token"):
            ServeOptions(host=host)
        ServeOptions(host=host, token=TOKEN)
        ServeOptions(host=host, insecure=True)
    for host in ("127.0.0.1", "localhost", "LOCALHOST", "::1", "127.1.2.3"):
        assert ServeOptions(host=host).is_local
    with pytest.raises(InputError, match="at least 16"):
        ServeOptions(token="short")
    with pytest.raises(InputError, match="port 70000"):
        ServeOptions(port=70_000)


def test_the_command_says_what_is_wrong(world: World, run: Run, tmp_path: Path) -> None:
    assert "lets others reach" in run("serve", "--gallery", world.gallery, "--host", "0.0.0.0").err
    assert "not a gallery" in run("serve", "--gallery", tmp_path).err
    assert "cannot be read" in run("serve", "--gallery", world.gallery, "--token-file", tmp_path / "none").err
    (tmp_path / "empty").write_text("\n")
    assert "is empty" in run("serve", "--gallery", world.gallery, "--token-file", tmp_path / "empty").err
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        said = run("serve", "--gallery", world.gallery, "--port", taken.getsockname()[1])
    assert said.code == 2
    assert "cannot listen at 127.0.0.1" in said.err


def test_a_token_opens_it(world: World, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(TOKEN + "\n")
    with (
        started(world.gallery, "--token-file", tmp_path / "token") as one,
        httpx.Client(base_url=one.api, timeout=60) as http,
    ):
        refused = http.get("/gallery")
        assert (refused.status_code, kind(refused)) == (401, "no-token")
        assert refused.headers["www-authenticate"] == "Bearer"
        for wrong in ("", "Bearer", "Bearer x", f"Basic {TOKEN}", f"Bearer {TOKEN}x"):
            assert http.get("/gallery", headers={"Authorization": wrong}).status_code == 401
        assert http.get("/openapi.json").status_code == 401
        assert http.get("/metrics").status_code == 401
        assert http.get("/health/live").status_code == 200
        assert http.get("/gallery", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
        assert http.get("/gallery", headers={"Cookie": f'{COOKIE}="{TOKEN}"'}).status_code == 200
        described = http.get("/openapi.json", headers={"Authorization": f"Bearer {TOKEN}"}).json()
        assert described["security"] == [{"token": []}]
        assert TOKEN not in "".join(one.said)


def test_other_names_and_pages_of_others_are_refused(http: httpx.Client, server: Server) -> None:
    named = http.get("/gallery", headers={"Host": "evil.example"})
    assert (named.status_code, kind(named)) == (421, "wrong-host")
    assert 'whence_refused_total{status="421"}' in http.get("/metrics").text
    port = server.address.rpartition(":")[2]
    assert http.get("/gallery", headers={"Host": f"localhost:{port}"}).status_code == 200
    for headers in (
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": f"http://127.0.0.1:{int(port) + 1}"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ):
        answer = http.post("/locate", headers=headers)
        assert (answer.status_code, kind(answer)) == (403, "cross-site")
        assert "access-control-allow-origin" not in answer.headers
    assert http.post("/locate", headers={"Origin": server.address}).status_code == 422  # let in; no photo
    preflight = http.options("/locate", headers={"Origin": "http://evil.example"})
    assert "access-control-allow-origin" not in preflight.headers


def test_answers_carry_the_headers_of_safety(http: httpx.Client) -> None:
    for answer in (http.get("/gallery"), http.get("/nothing"), http.get("/gallery", headers={"Host": "x"})):
        assert answer.headers["content-security-policy"].startswith("default-src 'none'; frame-ancestors 'none'")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert "server" not in answer.headers


def test_no_text_of_the_page_becomes_script(server: Server) -> None:
    seen = set()
    for _ in range(2):
        page = httpx.get(server.address, headers={"Accept": "text/html"}, timeout=60)
        policy = dict(part.split(" ", 1) for part in page.headers["content-security-policy"].split("; "))
        scripts = policy["script-src"].split()
        assert scripts[0] == "'self'"
        nonce = scripts[1].removeprefix("'nonce-").rstrip("'")
        assert len(scripts) == 2
        tags = re.findall(r"<script[^>]*>", page.text)
        assert tags
        assert all(f'nonce="{nonce}"' in tag for tag in tags)
        assert policy["default-src"] == "'none'"
        seen.add(nonce)
    assert len(seen) == 2
    static = httpx.get(f"{server.address}/page/files/index.js").headers["content-security-policy"]
    assert "script-src 'self';" in static


def test_large_requests_end_when_they_are_too_large(world: World) -> None:
    with started(world.gallery, "--upload-mb", "1") as one, httpx.Client(base_url=one.api, timeout=60) as http:
        announced = http.post("/locate", files={"photo": ("a.jpg", bytes(3 * 1024**2))})
        assert (announced.status_code, kind(announced)) == (413, "too-large")
        host, port = one.address.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as line:
            head = f"POST /api/v1/locate HTTP/1.1\r\nHost: {host}:{port}\r\nTransfer-Encoding: chunked\r\n"
            line.sendall((head + "Content-Type: multipart/form-data; boundary=x\r\n\r\n").encode())
            begin = b'--x\r\nContent-Disposition: form-data; name="photo"; filename="a"\r\n\r\n'
            line.sendall(b"%x\r\n%s\r\n" % (len(begin), begin))
            for _ in range(3):
                line.sendall(b"100000\r\n" + bytes(0x100000) + b"\r\n")
            line.settimeout(20)
            assert line.recv(100).startswith(b"HTTP/1.1 413")
        assert http.get("/health/live").status_code == 200


def test_one_client_may_not_ask_all_the_time(world: World) -> None:
    photo = (world.queries / min(world.truth)).read_bytes()
    with started(world.gallery, "--per-minute", "3") as one, httpx.Client(base_url=one.api, timeout=60) as http:
        answers = [http.post("/locate", files={"photo": ("a.jpg", photo)}) for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
        assert http.get("/gallery").status_code == 200  # looking is free


def test_a_bucket_fills_again() -> None:
    rate = Rate(600)
    for _ in range(600):
        rate.take("a")
    with pytest.raises(ProblemError) as refused:
        rate.take("a", 5)
    assert refused.value.status == 429
    assert refused.value.retry_after_s == pytest.approx(0.5, abs=0.1)
    rate.take("b")
    time.sleep(0.6)
    rate.take("a", 5)


def test_a_gate_lets_so_many_wait() -> None:
    async def crowd() -> tuple[int, int, int]:
        gate, open_again, most = Gate(2, 3), asyncio.Event(), 0

        async def one(patient: bool) -> bool:
            nonlocal most
            try:
                async with gate.enter(patient=patient):
                    most += 1
                    await open_again.wait()
            except ProblemError as problem:
                return problem.status != 503
            return True

        asked = [asyncio.create_task(one(False)) for _ in range(8)] + [asyncio.create_task(one(True))]
        await asyncio.sleep(0.05)
        at_work = most
        open_again.set()
        answers = await asyncio.gather(*asked)
        return at_work, sum(answers), gate.inside

    assert asyncio.run(crowd()) == (2, 6, 0)

"""Waiting: as long as a server says, longer and longer, and never past the end of a run."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from runs import HURRY, grid, run
from servers.panoramax import PanoramaxServer
from servers.service import Said, shots

from whence.collect.http import Client
from whence.collect.pacing import Gate, Pace, StoppedError, pause, retry_after_s
from whence.errors import CollectError


def test_retry_after_in_seconds_and_as_a_date() -> None:
    assert retry_after_s("120") == 120
    assert retry_after_s(" 0 ") == 0
    later = datetime.now(UTC) + timedelta(seconds=90)
    assert 85 < (retry_after_s(format_datetime(later, usegmt=True)) or 0) <= 90
    assert retry_after_s("Wed, 21 Oct 2015 07:28:00 GMT") == 0
    for nonsense in (None, "", "soon", "-5", "1e9", "²", "Wed, 99 Foo 2015"):
        assert retry_after_s(nonsense) is None


def test_waits_grow_and_differ() -> None:
    pace = Pace(first_s=1.0, longest_s=60.0)
    waits = [[pace.wait_s(failures) for _ in range(200)] for failures in (1, 2, 3, 10)]
    assert [0.9 < sum(some) / 200 / mean < 1.1 for some, mean in zip(waits, (1, 2, 4, 60), strict=True)] == [True] * 4
    assert len(set(waits[0])) > 100


def test_a_gate_lets_so_many_through_from_whatever_thread() -> None:
    gate, passed = Gate(100.0, threading.Event()), []

    def enter(_: int) -> None:
        gate.enter()
        passed.append(time.monotonic())

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(enter, range(30)))
    passed.sort()
    assert passed[-1] - passed[0] >= 0.28


def test_a_gate_that_is_held_holds_those_who_wait_already() -> None:
    gate = Gate(5.0, threading.Event())
    gate.enter()
    threading.Timer(0.05, gate.hold, (0.5,)).start()
    started = time.monotonic()
    gate.enter()
    assert time.monotonic() - started > 0.45


def test_waits_end_with_the_run() -> None:
    stop = threading.Event()
    gate = Gate(0.01, stop)
    gate.enter()
    threading.Timer(0.1, stop.set).start()
    started = time.monotonic()
    with pytest.raises(StoppedError):
        gate.enter()
    with pytest.raises(StoppedError):
        pause(30, stop)
    assert time.monotonic() - started < 2


def test_what_is_no_tls_is_told(tmp_path: Path) -> None:
    with PanoramaxServer(shots(1)) as server, pytest.raises(CollectError, match=r"127\.0\.0\.1: .*SSL") as refused:
        run("panoramax", server, tmp_path / "out", grid(1, 1), base=server.base.replace("http:", "https:"))
    assert "\n" not in str(refused.value)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl to make a certificate")
def test_certificates_are_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"]
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject]
    subprocess.run([*words, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = PanoramaxServer(shots(3))
    server.server.socket = context.wrap_socket(server.server.socket, server_side=True)
    server.scheme = "https"
    with server:
        with pytest.raises(CollectError, match="certificate verify failed"):
            run("panoramax", server, tmp_path / "a", grid(1, 3), pace=Pace(first_s=100.0))  # no second try
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert run("panoramax", server, tmp_path / "b", grid(1, 3)).pictures == 3
        plain = Said(302, b"", {"Location": "http://127.0.0.1:9/x.jpg"})
        server.mishaps.append(("/pictures/100001", plain))
        done = run("panoramax", server, tmp_path / "c", grid(1, 3))
    assert "is not encrypted" in done.failed[0][1]


def test_a_client_that_ended_makes_no_request() -> None:
    with PanoramaxServer(shots(1)) as server:
        client = Client(server.base, own=True, per_second=1000, pace=HURRY)
        client.end()
        with pytest.raises(StoppedError):
            client.ask(f"{server.base}/search", {"bbox": "1,2,3,4"})
        assert server.log == []


def test_a_name_that_does_not_exist_is_asked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def unknown(host: str, *_: object, **__: object) -> None:
        asked.append(host)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr("socket.getaddrinfo", unknown)
    client = Client("https://api.exampel/x", per_second=1000, pace=Pace(first_s=100.0))
    with pytest.raises(CollectError, match=r"api\.exampel: Name or service not known$"):
        client.ask("https://api.exampel/x", {})
    assert asked == ["api.exampel"]


def test_long_waits_are_told(tmp_path: Path) -> None:
    told: list[str] = []
    with PanoramaxServer(shots(1)) as server:
        server.mishaps.append(("/api", Said(503, b"{}", {"Retry-After": "1"})))
        pace = Pace(first_s=0.01, longest_s=0.05, told_s=0.5)
        run("panoramax", server, tmp_path / "out", grid(1, 1), pace=pace, notice=told.append)
    assert told == ["127.0.0.1 says 503; waiting 1 s"]

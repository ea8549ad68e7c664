"""What all services share: pictures with versions and ranges, a log of what was asked, and scripted misfortunes."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import cv2

from samples import textured

SOUTH, WEST, STEP = 45.0, 12.0, 0.0005
"""Corner and spacing of `shots`."""


@dataclass(frozen=True, slots=True)
class Shot:
    """One photo of a service."""

    id: str
    lat: float
    lon: float
    data: bytes
    heading: float | None = None
    licence: str = "CC-BY-SA-4.0"
    author: str = "Ada"
    title: str = "A street"
    uploaded_s: int = 1_600_000_000


@cache
def jpeg(seed: int, width: int = 64, height: int = 48) -> bytes:
    """A picture of its own for each seed."""
    return bytes(cv2.imencode(".jpg", textured(seed, width, height))[1])


def shots(count: int, first: int = 100_000, columns: int = 10, *, alike: bool = False) -> list[Shot]:
    """Photos on a grid; every tenth faces nowhere. ``alike``: all show the same, which is quicker."""
    return [
        Shot(
            str(first + number),
            SOUTH + STEP * (number // columns),
            WEST + STEP * (number % columns),
            jpeg(0 if alike else number),
            None if number % 10 == 9 else number * 7.0 % 360,
        )
        for number in range(count)
    ]


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that came."""

    method: str
    path: str
    given: dict[str, str]
    headers: dict[str, str]
    raw: str


@dataclass(slots=True)
class Said:
    """An answer.

    Attributes:
        status: Of HTTP.
        body: Whole.
        headers: Beside the length.
        cut: Only so many bytes of the body are sent, although all are announced.
        drip_s: Between single bytes.
        length: Whether the length is announced.
    """

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None
    drip_s: float = 0.0
    length: bool = True


def said(data: Any, status: int = 200, headers: dict[str, str] | None = None) -> Said:
    """JSON."""
    return Said(status, json.dumps(data).encode(), {"Content-Type": "application/json", **(headers or {})})


class Service:
    """A server of its own thread; use as a context.

    Attributes:
        log: What was asked, in order.
        mishaps: Answers that come once each, in the place of the right ones, by the beginning of the path.
        spoil: What is done to answers of the interface before they are sent.
    """

    scheme = "http"

    def __init__(self, shots: Sequence[Shot] = (), *, host: str = "127.0.0.1") -> None:
        self.shots = list(shots)
        self.log: list[Asked] = []
        self.mishaps: list[tuple[str, Said]] = []
        self.spoil: Callable[[Any], Any] | None = None
        self.lock = threading.Lock()
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                service.handle(self)

            def do_POST(self) -> None:
                service.handle(self)

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            def handle_error(self, *_: object) -> None:
                pass  # clients that hang up are what is tested

        self.server = Server((host, 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Any:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    @property
    def root(self) -> str:
        """Where it is."""
        return f"{self.scheme}://{self.server.server_address[0]!s}:{self.server.server_address[1]}"

    @property
    def base(self) -> str:
        """Address for ``--base``."""
        return self.root

    @property
    def fetched(self) -> list[str]:
        """Names of the pictures that were asked for, in order."""
        return [asked.path.rsplit("/", 1)[1] for asked in self.log if asked.path.startswith("/pictures/")]

    def picture(self, shot: Shot) -> str:
        """Address of a picture."""
        return f"{self.root}/pictures/{shot.id}.jpg"

    def within(self, west: float, south: float, east: float, north: float) -> list[Shot]:
        """Photos in a box."""
        return [shot for shot in self.shots if south <= shot.lat <= north and west <= shot.lon <= east]

    def answer(self, asked: Asked) -> Said:
        """What the interface says; overridden."""
        raise NotImplementedError

    def handle(self, handler: BaseHTTPRequestHandler) -> None:
        """One request."""
        parts = urlsplit(handler.path)
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0)).decode()
        given = dict(parse_qsl(parts.query) + parse_qsl(body))
        asked = Asked(handler.command, parts.path, given, dict(handler.headers.items()), handler.path + body)
        with self.lock:
            self.log.append(asked)
            mishap = next((one for one in self.mishaps if asked.path.startswith(one[0])), None)
            if mishap is not None:
                self.mishaps.remove(mishap)
        told = mishap[1] if mishap else self.given(asked)
        with contextlib.suppress(OSError):
            send(handler, told)

    def given(self, asked: Asked) -> Said:
        """The right answer."""
        if asked.path.startswith("/pictures/"):
            return self.give_picture(asked)
        told = self.answer(asked)
        if self.spoil is not None and told.body:
            told.body = json.dumps(self.spoil(json.loads(told.body))).encode()
        return told

    def give_picture(self, asked: Asked) -> Said:
        """A picture or a part of it, if it is not the one that was had."""
        name = asked.path.rsplit("/", 1)[1].removesuffix(".jpg")
        shot = next((shot for shot in self.shots if shot.id == name), None)
        if shot is None:
            return Said(404)
        tag = f'"{hash(shot.data) & 0xFFFFFFFF:08x}"'
        headers = {"Content-Type": "image/jpeg", "ETag": tag, "Accept-Ranges": "bytes"}
        if asked.headers.get("If-None-Match") == tag:
            return Said(304, b"", {"ETag": tag})
        wanted = asked.headers.get("Range", "")
        if wanted and asked.headers.get("If-Range", tag) == tag:
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if start >= len(shot.data):
                return Said(416)
            part = {"Content-Range": f"bytes {start}-{len(shot.data) - 1}/{len(shot.data)}"}
            return Said(206, shot.data[start:], headers | part)
        return Said(200, shot.data, headers)


def send(handler: BaseHTTPRequestHandler, told: Said) -> None:
    """Writes an answer, or as much of it as is to come."""
    handler.send_response(told.status)
    for name, value in told.headers.items():
        handler.send_header(name, value)
    if told.length and told.status != 304:
        handler.send_header("Content-Length", str(len(told.body)))
    if told.cut is not None or not told.length:
        handler.send_header("Connection", "close")
        handler.close_connection = True
    handler.end_headers()
    body = told.body if told.cut is None else told.body[: told.cut]
    if not told.drip_s:
        handler.wfile.write(body)
        return
    for byte in _bytes(body):
        handler.wfile.write(byte)
        handler.wfile.flush()
        time.sleep(told.drip_s)


def _bytes(body: bytes) -> Iterator[bytes]:
    return (body[at : at + 1] for at in range(len(body)))

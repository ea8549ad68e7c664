"""Hundreds of files that are no photos, or not what they seem: the server lives, and answers as before."""

from __future__ import annotations

import io
import random
import shutil
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from PIL import Image as Pillow
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from samples import World, textured
from web_servers import Server, started

COUNT = 500


def pictures() -> dict[str, bytes]:
    found = {}
    for kind in ("JPEG", "PNG", "WebP", "TIFF", "GIF", "BMP", "PPM"):
        stream = io.BytesIO()
        Pillow.fromarray(textured(3, 300, 200)).save(stream, kind)
        found[kind] = stream.getvalue()
    return found


def png(width: int, height: int, pixels: bytes, extra: tuple[bytes, bytes] | None = None) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    parts = [chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))]
    parts += [chunk(*extra)] if extra else []
    return b"\x89PNG\r\n\x1a\n" + b"".join([*parts, chunk(b"IDAT", pixels), chunk(b"IEND", b"")])


def fixed() -> Iterator[tuple[str, bytes]]:
    whole = pictures()
    yield "empty.jpg", b""
    yield "bomb.png", png(60_000, 60_000, zlib.compress(bytes(10_000)))
    yield "bomb-just-allowed.png", png(10_900, 10_900, zlib.compress(bytes(50_000_000), 9))
    yield "giant-exif.png", png(64, 64, zlib.compress(bytes(64 * 193)), (b"eXIf", b"MM\0*" + b"\xff" * 20_000_000))
    exif = b"\xff\xe1\xff\xff" + b"Exif\0\0" + b"\xff" * (0xFFFF - 8)
    yield "giant-exif.jpg", whole["JPEG"][:2] + exif * 300 + whole["JPEG"][2:]
    loop = b"II*\0\x08\0\0\0\x01\0\x69\x87\x04\0\x01\0\0\0\x08\0\0\0\x08\0\0\0"  # directories that lead to themselves
    segment = b"\xff\xe1" + (len(loop) + 8).to_bytes(2, "big") + b"Exif\0\0" + loop
    yield "exif-loop.jpg", whole["JPEG"][:2] + segment + whole["JPEG"][2:]
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("../../evil", "x" * 1000)
    yield "polyglot.jpg", whole["JPEG"] + archive.getvalue()
    yield "archive.jpg", archive.getvalue()
    yield "page.jpg", b"<html><script>alert(1)</script></html>"
    yield "drawing.svg", b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>'
    yield "script.jpg", b"%!PS\n(/etc/passwd) (r) file"
    yield "../../../../etc/passwd", whole["JPEG"]
    yield "a\x00b.jpg", whole["PNG"]
    yield "x" * 5_000 + ".jpg", whole["JPEG"]
    yield "=cmd|calc!A1.jpg", whole["JPEG"]
    for kind in ("GIF", "BMP", "PPM"):
        yield f"other.{kind}", whole[kind]


def made(seed: int = 0) -> list[tuple[str, bytes]]:
    """Files of all the kinds above, then truncated, flipped, swollen and spliced ones, up to ``COUNT``."""
    chance, found, whole = random.Random(seed), list(fixed()), list(pictures().values())
    while len(found) < COUNT:
        data = bytearray(chance.choice(whole))
        how = chance.randrange(4)
        if how == 0:
            del data[chance.randrange(len(data)) :]
        elif how == 1:
            for _ in range(chance.randint(1, 40)):
                data[chance.randrange(len(data))] = chance.randrange(256)
        elif how == 2:
            at = chance.randrange(len(data))
            data[at:at] = chance.randbytes(chance.randint(1, 5000))
        else:
            other = chance.choice(whole)
            data[chance.randrange(len(data)) :] = other[chance.randrange(len(other)) :]
        found.append((f"{len(found)}.jpg", bytes(data)))
    return found


@pytest.mark.slow
def test_hundreds_of_malformed_photos(world: World) -> None:
    photo = (world.queries / min(world.truth)).read_bytes()
    with started(world.gallery, "--per-minute", "1000000", "--workers", "2") as one:
        with httpx.Client(base_url=one.api, timeout=120) as http:
            before = http.post("/locate", files={"photo": ("a.jpg", photo)}).json()

            def ask(named: tuple[str, bytes]) -> int:
                answer = http.post("/locate", files={"photo": named})
                if answer.status_code == 200:
                    assert answer.json()["status"] in ("located", "unsure")
                else:
                    assert answer.headers["content-type"] == "application/problem+json"
                    assert "Traceback" not in answer.text
                return answer.status_code

            with ThreadPoolExecutor(4) as threads:
                told = Counter(threads.map(ask, made()))
            assert set(told) <= {200, 400, 422}  # 400: a name too long to be read
            assert told[422] > COUNT / 4
            after = http.post("/locate", files={"photo": ("a.jpg", photo)}).json()
            for answer in (before, after):
                del answer["seconds"]
            assert after == before
            assert http.get("/health/live").status_code == 200
        assert one.process.poll() is None
        assert "Traceback" not in "".join(one.said)


def test_the_kinds_of_malformed_photos(http: httpx.Client) -> None:
    for named in fixed():
        answer = http.post("/locate", files={"photo": named})
        assert answer.status_code in (200, 400, 422), named[0][:40]


@pytest.mark.slow
def test_the_description_holds_for_whatever_is_asked(world: World, tmp_path: Path) -> None:
    """schemathesis makes requests from the description, right and wrong ones, and holds the answers against it."""
    shutil.copytree(world.gallery, tmp_path / "g")
    options = ("--contributions", tmp_path / "brought", "--allow-changes", "--per-minute", "100000")
    with started(tmp_path / "g", *options) as server:
        hold(server)


def hold(server: Server) -> None:
    checks = [not_a_server_error, content_type_conformance, response_schema_conformance, status_code_conformance]
    schema = schemathesis.openapi.from_url(f"{server.api}/openapi.json")
    asked = 0
    for result in schema.get_all_operations():
        assert isinstance(result, Ok)
        operation = result.ok()

        @given(case=operation.as_strategy())
        @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), database=None)
        def ask(case: schemathesis.Case[Any]) -> None:
            nonlocal asked
            asked += 1
            case.call_and_validate(base_url=server.address, checks=checks)

        ask()
    assert asked > 100

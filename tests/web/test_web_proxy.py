"""The page behind nginx, set up as docs/howto/serving.md says."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from browsers import BROWSER, Browser, choose, complaints, opened, told, until
from samples import World
from web_servers import Server, started

NGINX = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
DOC = Path(__file__).parents[2] / "docs" / "howto" / "serving.md"
NAME = "photos.example.org"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(NGINX is None, reason="needs nginx (Debian: nginx-light)"),
]
AROUND = """
pid {folder}/pid; error_log {folder}/errors; worker_processes 1; daemon off; user root;
events {{ }}
http {{
access_log off; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p;
fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
{blocks}
}}
"""


@contextmanager
def proxied(server: Server, folder: Path, *, prefix: str = "") -> Iterator[str]:
    """nginx in front of a server: its address."""
    documented = re.findall(r"```nginx\n(.*?)```", DOC.read_text(encoding="utf-8"), re.DOTALL)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    blocks = documented[0].replace("listen 443 ssl", f"listen 127.0.0.1:{port}")
    if prefix:
        blocks = blocks[: blocks.rindex("}")] + documented[1] + "}\n"
    blocks = blocks.replace("127.0.0.1:8080", urlsplit(server.address).netloc)
    assert str(port) in blocks
    (folder / "nginx.conf").write_text(AROUND.format(folder=folder, blocks=blocks), encoding="utf-8")
    process = subprocess.Popen([NGINX or "", "-c", str(folder / "nginx.conf"), "-e", str(folder / "errors")])
    try:
        until_open(port)
        yield f"http://127.0.0.1:{port}{prefix}"
    finally:
        process.terminate()
        process.wait()


def until_open(port: int) -> None:
    for _ in range(200):
        with socket.socket() as asked:
            if asked.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError("nginx did not start")


@BROWSER
@pytest.mark.parametrize("prefix", ["", "/photos"])
def test_the_page_works_behind_a_proxy(
    chromium: Browser, server: Server, sure: list[Path], tmp_path: Path, prefix: str
) -> None:
    with proxied(server, tmp_path, prefix=prefix) as address:
        opened(chromium, address)
        choose(chromium, sure[0])
        told(chromium, ".badge", "Located")
        until(chromium, lambda: chromium.execute_script("return socket.io.engine.transport.name") == "websocket")
        assert complaints(chromium) == []
        chromium.get("about:blank")


def test_limits_count_the_clients_and_not_the_proxy(world: World, tmp_path: Path) -> None:
    photo = {"photo": (world.queries / min(world.truth)).read_bytes()}
    with started(world.gallery, "--per-minute", "1", "--allow-host", NAME) as one, proxied(one, tmp_path) as address:

        def asked(client: str) -> int:
            # nginx adds the address that it sees, which is loopback here; what stands before it is then believed
            headers = {"Host": NAME, "X-Forwarded-For": client}
            return httpx.post(f"{address}/api/v1/locate", files=photo, headers=headers, timeout=60).status_code

        assert [asked("192.0.2.1"), asked("192.0.2.1"), asked("192.0.2.2")] == [200, 429, 200]
        foreign = httpx.get(f"{address}/api/v1/gallery", headers={"Host": "elsewhere.example.org"})
        assert foreign.status_code == 421
        large = httpx.post(f"{address}/api/v1/locate", files={"photo": bytes(65 * 1024**2)}, headers={"Host": NAME})
        assert large.status_code == 413

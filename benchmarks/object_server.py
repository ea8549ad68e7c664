"""A server on this computer that speaks S3 (moto), in a process of its own, and counts what it is asked.

For tests and benchmarks: `with serving() as server: ...`. Whatever it holds is gone when it ends.
"""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import sleep
from typing import Any

_COUNT, _BUCKET = "/-/requests", "whence-tests"


@dataclass(frozen=True, slots=True)
class ObjectServer:
    """One that runs.

    Attributes:
        url: ``http://127.0.0.1:port``.
    """

    url: str

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to use it."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "an-id",
            "AWS_SECRET_ACCESS_KEY": "a-secret-nobody-shows",
            "AWS_REGION": "us-east-1",
        }

    def place(self, name: str) -> str:
        """Address of a folder in the server's bucket."""
        return f"s3://{_BUCKET}/{name}"

    def requests(self) -> Counter[str]:
        """What was asked since the last call, by method."""
        with urllib.request.urlopen(self.url + _COUNT) as found:
            return Counter(json.load(found))

    def allow(self, actions: str) -> None:
        """After so many requests credentials are looked at; ``inf`` for never."""
        asked = urllib.request.Request(
            f"{self.url}/moto-api/reset-auth", actions.encode(), {"Content-Type": "text/plain"}, method="POST"
        )
        urllib.request.urlopen(asked).close()


@contextmanager
def serving(delay_s: float = 0.0) -> Iterator[ObjectServer]:
    """Starts a server with an empty bucket, and ends it.

    Args:
        delay_s: That it waits before each answer.
    """
    command = [sys.executable, __file__, str(delay_s)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    try:
        server = ObjectServer(process.stdout.readline().strip())
        made = urllib.request.Request(f"{server.url}/{_BUCKET}", method="PUT")
        urllib.request.urlopen(made).close()
        yield server
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


class _Counting:
    """A WSGI application in front of another one."""

    def __init__(self, inner: Callable[..., Iterable[bytes]], delay_s: float) -> None:
        self._inner, self._delay_s = inner, delay_s
        self._asked: Counter[str] = Counter()

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"] == _COUNT:
            asked, self._asked = self._asked, Counter()
            start("200 OK", [("Content-Type", "application/json")])
            return [json.dumps(asked).encode()]
        self._asked[environ["REQUEST_METHOD"]] += 1
        sleep(self._delay_s)
        return self._inner(environ, start)


def _main() -> None:
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    counting = _Counting(DomainDispatcherApplication(create_backend_app), float(sys.argv[1]))
    server = make_server("127.0.0.1", 0, counting, threaded=True)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    _main()

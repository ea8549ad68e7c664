"""Real servers, at ports of their own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(eq=False)
class Server:
    """A server in a process of its own.

    Attributes:
        address: ``http://127.0.0.1:port``.
        process: To look at, and to end.
        said: Its lines on stderr so far.
    """

    address: str
    process: subprocess.Popen[str]
    said: list[str] = field(default_factory=list)

    @property
    def api(self) -> str:
        """Where the interface for programs begins."""
        return f"{self.address}/api/v1"


@contextmanager
def started(gallery: Path | str, *options: object, **environment: str) -> Iterator[Server]:
    """Starts one and ends it."""
    command = [sys.executable, "-m", "whence", "serve", "--gallery", os.fspath(gallery), "--port", "0"]
    process = subprocess.Popen(
        [*command, *map(str, options)], stderr=subprocess.PIPE, text=True, env={**os.environ, **environment}
    )
    assert process.stderr is not None
    said: list[str] = []
    address = ""
    for line in process.stderr:
        said.append(line)
        if found := re.search(r"at (http://\S+)/ ", line):
            address = found[1]
            break
    assert address, said
    rest = threading.Thread(target=lambda: said.extend(process.stderr or ()), daemon=True)
    rest.start()
    try:
        yield Server(address, process, said)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        rest.join()
        process.stderr.close()

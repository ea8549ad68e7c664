"""How many photos a server answers, how fast, and whether its memory stays.

A real server in a process of its own, asked over loopback by 1, 8 and 32 clients at a time, each with the next photo
as soon as the last is answered. The same queries come again and again; answers other than 200, 429 and 503 end it.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle, islice
from pathlib import Path

import httpx
import numpy as np

import whence
from common import heading, parser, photo_set, show, work_folder

CLIENTS = (1, 8, 32)


def main() -> None:
    """Prints the tables."""
    arguments = parser(__doc__, queries=120)
    arguments.add_argument("--soak", type=int, default=1000, help="queries after which memory is looked at again")
    args = arguments.parse_args()
    heading("A server asked by many")
    with work_folder(args.work) as work:
        photos = photo_set(args, work)
        gallery = work / photos.name
        whence.index(photos.table, gallery, tolerance_m=photos.tolerance_m)
        paths = [Path(query.path) for query in photos.queries]
        with served(gallery) as (address, pid):
            _asked(address, paths, 8, 1)  # every cache is warm
            rows = [_row(address, paths, args.queries, clients) for clients in CLIENTS]
            title = f"{photos.name}: {len(whence.Gallery.open(gallery)):,} photos"
            show(title, ("clients", "answered", "refused", "photos/s", "p50 s", "p95 s"), rows)
            memory = [("0", f"{_memory_mb(pid):.0f}")]
            for quarter in range(1, 5):
                _asked(address, paths, args.soak // 4, 4)
                memory.append((f"{quarter * (args.soak // 4):,}", f"{_memory_mb(pid):.0f}"))
            show("memory of the server", ("more queries", "MB"), memory)


def _row(address: str, photos: list[Path], count: int, clients: int) -> tuple[str, ...]:
    start = time.perf_counter()
    statuses, seconds = _asked(address, photos, count, clients)
    wall = time.perf_counter() - start
    good, refused = statuses[200], statuses[429] + statuses[503]
    others = sum(statuses.values()) - good - refused
    if others:
        raise SystemExit(f"{others} answers were errors: {dict(statuses)}")
    middle, late = np.quantile(seconds, (0.5, 0.95))
    return str(clients), str(good), str(refused), f"{good / wall:.2f}", f"{middle:.3f}", f"{late:.3f}"


def _asked(address: str, photos: list[Path], count: int, clients: int) -> tuple[Counter[int], list[float]]:
    """Statuses of all answers, and seconds of those that are answers."""
    waiting = islice(cycle([(path.name, path.read_bytes()) for path in photos]), count)
    statuses: Counter[int] = Counter()
    seconds: list[float] = []
    lock = threading.Lock()

    def client() -> None:
        with httpx.Client(base_url=f"{address}api/v1", timeout=300) as http:
            while True:
                with lock:
                    named = next(waiting, None)
                if named is None:
                    return
                start = time.perf_counter()
                answer = http.post("/locate", files={"photo": named})
                with lock:
                    statuses[answer.status_code] += 1
                    if answer.status_code == 200:
                        seconds.append(time.perf_counter() - start)

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return statuses, seconds


@contextmanager
def served(gallery: Path) -> Iterator[tuple[str, int]]:
    command = [sys.executable, "-m", "whence", "serve", "--gallery", os.fspath(gallery), "--port", "0"]
    process = subprocess.Popen([*command, "--per-minute", "1000000"], stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        for line in process.stderr:
            if found := re.search(r"at (http://\S+/) ", line):
                yield found[1], process.pid
                return
        raise SystemExit("the server did not start")
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()


def _memory_mb(pid: int) -> float:
    """Resident, of the server's own process; its decoders have limits of their own."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise SystemExit("this system does not tell a process's memory")


if __name__ == "__main__":
    main()

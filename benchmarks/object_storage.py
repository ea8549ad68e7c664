"""A gallery in object storage beside the same gallery in a folder: seconds and requests, to open it and per query.

The server is moto, on this computer, which waits ``--delay-ms`` before each answer: 0 is loopback, 20 to 50 what a
bucket in the same region takes. The gallery is indexed into a folder and copied as it is. Every query is asked of a
gallery opened anew, so that nothing is in memory: "cold" keeps no features on this computer, "warm" has those of all
photos. The three are asked in turn, so that all see the same load.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from time import perf_counter

import numpy as np
import obstore
from obstore.store import S3Store

import whence
from common import PhotoSet, heading, parser, photo_set, show, work_folder
from object_server import ObjectServer, serving
from whence.types import Location

_CANDIDATES, _REPEATS = 50, 9


class Asked:
    """One way to a gallery."""

    def __init__(self, name: str, place: str, server: ObjectServer, cache_mb: int) -> None:
        self.name, self._place, self._server, self._cache_mb = name, place, server, cache_mb
        self.opened_s: list[float] = []
        self.seconds: list[float] = []
        self.opened: list[int] = []
        self.requests: list[int] = []
        self.answers: list[Location] = []

    def opened_gallery(self) -> whence.Gallery:
        """With nothing in memory."""
        os.environ["WHENCE_CACHE_MB"] = str(self._cache_mb)
        return whence.Gallery.open(self._place)

    def _open(self) -> whence.Locator:
        locator = whence.Locator(self.opened_gallery())
        _ = locator.gallery.search  # reads the descriptors
        return locator

    def fill(self) -> None:
        """Asks for the features of all photos."""
        gallery = self.opened_gallery()
        gallery.features(range(len(gallery)))

    def ask(self, photo: Path) -> None:
        """Opens the gallery, and asks."""
        self._server.requests()
        start = perf_counter()
        locator = self._open()
        self.opened_s.append(perf_counter() - start)
        self.opened.append(self._server.requests().total())
        start = perf_counter()
        self.answers.append(locator.locate(photo))
        self.seconds.append(perf_counter() - start)
        self.requests.append(self._server.requests().total())

    def row(self, beside: Asked) -> list[object]:
        """Figures, and what they are of the other's."""
        same = all(
            (one.position, one.candidates) == (two.position, two.candidates)
            for one, two in zip(self.answers, beside.answers, strict=True)
        )
        more = np.array(self.seconds) - np.array(beside.seconds)
        return [
            self.name,
            float(np.median(self.opened_s)),
            float(np.mean(self.opened)),
            float(np.median(self.seconds)),
            f"{float(np.median(more)):+.3f}",
            float(np.mean(self.requests)),
            max(self.requests),
            "same" if same else "OTHER",
        ]


def reading(ways: list[Asked], server: ObjectServer, delay_ms: float) -> None:
    """What a query's candidates take by themselves: the features of 50 photos, from a gallery opened anew each time."""
    spent: dict[str, list[float]] = {way.name: [] for way in ways}
    asked: dict[str, int] = {}
    for _ in range(_REPEATS):
        for way in ways:
            gallery = way.opened_gallery()
            server.requests()
            start = perf_counter()
            gallery.features(range(min(_CANDIDATES, len(gallery))))
            spent[way.name].append(perf_counter() - start)
            asked[way.name] = server.requests().total()
    rows = [[name, float(np.median(seconds)), min(seconds), asked[name]] for name, seconds in spent.items()]
    show(f"features of {_CANDIDATES} photos, {delay_ms:g} ms", ("", "median s", "least s", "requests"), rows)


def copied(folder: Path, server: ObjectServer, name: str) -> str:
    """The files of a gallery, as they are, in object storage."""
    place = server.place(name)
    bucket, _, prefix = place.removeprefix("s3://").partition("/")
    store = S3Store(bucket, prefix=prefix, client_options={"allow_http": True})
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.name.endswith(".lock"):
            obstore.put(store, path.relative_to(folder).as_posix(), path.read_bytes())
    return place


def written(photos: PhotoSet, count: int, work: Path, server: ObjectServer) -> None:
    """Indexing into both."""
    rows: list[list[object]] = []
    few = work / "few.csv"
    lines = photos.table.read_text("utf-8").splitlines(keepends=True)
    few.write_text("".join(lines[: count + 1]), "utf-8")
    for name, place in (("folder", str(work / "few")), ("object storage", server.place("few"))):
        for what in ("", ", again"):
            server.requests()
            report = whence.index(few, place)
            asked: Counter[str] = server.requests()
            rows.append([name + what, report.seconds, report.added, asked["GET"] + asked["HEAD"], asked["PUT"]])
    show(f"whence index, {count} photos", ("into", "seconds", "added", "GET, HEAD", "PUT"), rows)


def main() -> None:
    """Prints the tables."""
    options = parser(__doc__, queries=40)
    options.add_argument("--delay-ms", type=float, default=0.0, help="that the server waits before each answer")
    options.add_argument("--written", type=int, default=40, help="photos to index into both")
    args = options.parse_args()
    heading("Object storage")
    with work_folder(args.work) as work, serving(args.delay_ms / 1000) as server:
        os.environ.update(server.environment, WHENCE_CACHE=str(work / f"cache-{os.getpid()}"))
        photos = photo_set(args, work)
        folder = work / f"gallery-{photos.name}"
        whence.index(photos.table, folder, thumbnails=False)
        place = copied(folder, server, "copy")
        ways = [
            Asked("folder", str(folder), server, 0),
            Asked("object storage, cold", place, server, 0),
            Asked("object storage, warm", place, server, 1000),
        ]
        ways[-1].fill()
        for query in photos.queries:
            for way in ways:
                way.ask(query.path)
        columns = ("", "open s", "requests", "query s", "beside folder", "requests", "most", "answers")
        title = f"{photos.name}: {len(photos.database)} photos, {len(photos.queries)} queries, {args.delay_ms:g} ms"
        show(title, columns, [way.row(ways[0]) for way in ways])
        reading(ways, server, args.delay_ms)
        if args.written:
            written(photos, args.written, work, server)


if __name__ == "__main__":
    main()

"""A gallery in object storage beside the same gallery in a folder: seconds and requests, to open it and per query.

The server is moto, on this computer, which waits ``--delay-ms`` before each answer: 0 is loopback, 20 to 50
what a bucket in the same region takes. The gallery is indexed into a folder and copied as it is. "Cold" has an empty
cache of features, "warm" is opened anew with what the cold one left. Folder and storage are asked in turn, so that both
see the same load.
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


class Asked:
    """One way to a gallery, opened and asked."""

    def __init__(self, name: str, place: str, server: ObjectServer) -> None:
        self.name, self._server = name, server
        server.requests()
        start = perf_counter()
        self.locator = whence.Locator(whence.Gallery.open(place))
        self.opened_s, self.opened = perf_counter() - start, server.requests()
        self.seconds: list[float] = []
        self.requests: list[int] = []
        self.answers: list[Location] = []

    def ask(self, photo: Path) -> None:
        """One query."""
        self._server.requests()
        start = perf_counter()
        self.answers.append(self.locator.locate(photo))
        self.seconds.append(perf_counter() - start)
        self.requests.append(self._server.requests().total())

    def row(self, beside: Asked) -> list[object]:
        """Figures, and what they are of the other's."""
        spent, other = np.array(self.seconds), np.array(beside.seconds)
        same = all(
            (one.position, one.candidates) == (two.position, two.candidates)
            for one, two in zip(self.answers, beside.answers, strict=True)
        )
        return [
            self.name,
            self.opened_s,
            self.opened.total(),
            float(np.median(spent)),
            float(spent[0]),
            f"{spent.sum() / other.sum():.2f} x",
            float(np.mean(self.requests)),
            max(self.requests),
            "same" if same else "OTHER",
        ]


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
        rows: list[list[object]] = []
        for name in ("cold", "warm"):
            here, there = Asked(f"folder, beside {name}", str(folder), server), Asked(f"S3, {name}", place, server)
            for query in photos.queries:
                here.ask(query.path)
                there.ask(query.path)
            rows += [here.row(here), there.row(here)]
        columns = ("", "open s", "requests", "median s", "first s", "of folder", "requests/query", "most", "answers")
        title = f"{photos.name}: {len(photos.database)} photos, {len(photos.queries)} queries, {args.delay_ms:g} ms"
        show(title, columns, rows)
        if args.written:
            written(photos, args.written, work, server)


if __name__ == "__main__":
    main()

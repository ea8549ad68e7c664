"""Photos per second of indexing and locating on a Ray cluster beside threads of one process, with the same cores.

The cluster is one of this machine's cores, so what is seen is what Ray costs, not what more machines bring. Starting it
is timed apart. The processor time of the driver, which all photos pass through, says how many workers one can serve.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter, process_time

import whence
from common import Row, heading, parser, photo_set, show, spread, work_folder, write_table
from whence.cluster import Cluster
from whence.locate.batches import LocateJob, photos_asked
from whence.locate.progress import Progress
from whence.types import Photo


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Wall time and processor time of this process, in seconds."""
    start, busy = perf_counter(), process_time()
    work()
    return perf_counter() - start, process_time() - busy


def indexing(table: Path, gallery: Path, cluster: Cluster | None) -> tuple[float, float, float]:
    """Wall and processor time of reading, describing and storing, and wall time of all that comes after."""
    shutil.rmtree(gallery, ignore_errors=True)
    marks: list[tuple[float, float]] = []

    def tell(step: Progress) -> None:
        if step.stage == "photos" and step.done == step.total:
            marks.append((perf_counter(), process_time()))

    start, busy = perf_counter(), process_time()
    whence.index(table, gallery, cluster=cluster, progress=tell)
    described, ours = marks[0]
    return described - start, ours - busy, perf_counter() - described


def locating(gallery: Path, photos: Sequence[Row], cluster: Cluster | None) -> tuple[float, float]:
    """Wall and processor time of answering."""
    opened = whence.Gallery.open(gallery)
    asked = [Photo(row.path, row.path.name) for row in photos]
    if cluster is None:
        locator = whence.Locator(opened)
        return timed(lambda: list(locator.answers(asked)))
    job = LocateJob.of(opened, {}, "location")
    return timed(lambda: list(photos_asked(cluster, job, asked)))


def main() -> None:
    made = parser(__doc__, queries=40)
    made.set_defaults(photos=200)
    args = made.parse_args()
    cores = os.cpu_count() or 1
    with work_folder(args.work) as work:
        chosen = photo_set(args, work)
        heading(f"Ray beside threads: {chosen.name}")
        rows = chosen.database[: args.photos]
        asked = spread(rows, args.queries)  # what they answer is not looked at
        table, gallery = write_table(work / "cluster.csv", rows), work / "cluster.gallery"
        read: list[list[object]] = []
        answered: list[list[object]] = []
        cluster = Cluster()
        started, _ = timed(cluster.__enter__)
        try:
            # the first run of Ray starts the workers' processes, which stay for the second
            for name, by in (
                (f"{cores} threads", None),
                (f"Ray, {cores} workers, first run", cluster),
                (f"{cores} threads, again", None),
                (f"Ray, {cores} workers, again", cluster),
            ):
                wall, ours, after = indexing(table, gallery, by)
                read.append([name, wall, len(rows) / wall, 1000 * ours / len(rows), after])
                wall, ours = locating(gallery, asked, by)
                answered.append([name, wall, wall / len(asked), 1000 * ours / len(asked)])
        finally:
            cluster.__exit__()
        print(f"Starting Ray on this machine: {started:.1f} s; load {os.getloadavg()[0]:.1f} at the end\n")
        columns = ["way", "s", "photos/s", "ms of this process a photo", "s for what follows"]
        show(f"Indexing {len(rows)} photos", columns, read)
        show(f"Locating {len(asked)} photos", ["way", "s", "s a photo", "ms of this process a photo"], answered)
        shutil.rmtree(gallery, ignore_errors=True)


if __name__ == "__main__":
    main()

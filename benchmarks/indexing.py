"""Photos per second of indexing beside a plain loop, memory as the gallery grows, bytes per photo.

The plain loop reads each photo and finds 1,000 SIFT keypoints with OpenCV, and keeps nothing; whence also hashes,
describes, makes a thumbnail, stores, and learns a vocabulary.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter

import cv2
import numpy as np

import whence
from common import PhotoSet, Row, heading, parser, photo_set, show, spread, work_folder, write_table
from peak import Peak, index_apart
from plain import Plain
from whence.gallery import schema
from whence.gallery.store import Store
from whence.locate.progress import Progress

Timed = tuple[float, float]
"""Seconds in all, and of those for learning."""


def indexed(table: Path, gallery: Path, workers: int) -> Timed:
    """``whence.index`` into a new gallery."""
    shutil.rmtree(gallery, ignore_errors=True)
    learning: list[float] = []

    def tell(progress: Progress) -> None:
        if progress.stage == "learning":
            learning.append(perf_counter())

    start = perf_counter()
    whence.index(table, gallery, workers=workers, progress=tell)
    end = perf_counter()
    return end - start, end - learning[0] if learning else 0.0


def looped(rows: Sequence[Row], threads: int) -> Timed:
    """The plain loop; ``threads`` is for OpenCV, -1 for its default."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(threads)
    try:
        plain, start = Plain(), perf_counter()
        for row in rows:
            plain.features(row.path)
        return perf_counter() - start, 0.0
    finally:
        cv2.setNumThreads(before)


def speed(rows: Sequence[Row], work: Path, repeats: int) -> None:
    """All ways in turn, several times over; the median counts."""
    table, gallery, cores = write_table(work / "speed.csv", rows), work / "speed.gallery", os.cpu_count() or 1
    ways: dict[str, Callable[[], Timed]] = {
        f"whence, {cores} workers": lambda: indexed(table, gallery, cores),
        "whence, 1 worker": lambda: indexed(table, gallery, 1),
        "plain loop, 1 thread": lambda: looped(rows, 1),
        "plain loop, OpenCV's threads": lambda: looped(rows, -1),
    }
    times: dict[str, list[Timed]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, run in ways.items():
            times[name].append(run())
    shutil.rmtree(gallery, ignore_errors=True)
    single = float(np.median([total for total, _ in times["plain loop, 1 thread"]]))
    lines: list[list[object]] = []
    for name, runs in times.items():
        total, learning = (float(np.median(column)) for column in zip(*runs, strict=True))
        rate, reading = len(rows) / total, len(rows) / (total - learning)
        lines.append([name, total, learning, rate, reading, f"{single / total:.2f} x"])
    columns = ["way", "s", "of it learning", "photos/s", "without learning", "speed over the plain loop"]
    show(f"{len(rows)} photos, median of {repeats}", columns, lines)


def growth(photos: PhotoSet, sizes: Sequence[int], work: Path) -> None:
    """Peak memory of a process that indexes so many photos, and what its gallery takes."""
    lines: list[list[object]] = []
    folder = work / "growth.gallery"
    for size in sorted({min(size, len(photos.database)) for size in sizes}):
        shutil.rmtree(folder, ignore_errors=True)
        peak: Peak = index_apart(write_table(work / "growth.csv", photos.database[:size]), folder)
        rate = peak.photos / peak.seconds
        print(f"{peak.photos:,} photos: {peak.peak_mb:,.0f} MB", file=sys.stderr)
        lines.append([peak.photos, peak.before_mb, peak.peak_mb, "yes" if peak.learned else "no", rate])
    show(
        "A process of its own for each size; MB = 1,000,000 bytes",
        ["photos", "MB before", "peak MB", "learned", "photos/s"],
        lines,
    )
    takes(folder)
    shutil.rmtree(folder, ignore_errors=True)


def takes(folder: Path) -> None:
    """Bytes per photo, from the columns and from the folder."""
    store = Store.open(folder)
    photos, described = store.table(schema.PHOTOS), store.table(schema.DESCRIPTORS)
    assert photos is not None
    assert described is not None
    count, features, thumbnails, keypoints = 0, 0, 0, 0
    for batch in photos.search().select(["features", "thumbnail", "feature_count"]).to_batches(batch_size=256):
        for row in batch.to_pylist():
            count += 1
            features += len(row["features"])
            thumbnails += len(row["thumbnail"] or b"")
            keypoints += row["feature_count"]
    descriptor = described.schema.field("descriptor").type.list_size * 2  # float16
    on_disk = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    lines: list[list[object]] = [
        ["features", features / count / 1000],
        ["descriptor", descriptor / 1000],
        ["features and descriptor", (features / count + descriptor) / 1000],
        ["thumbnail", thumbnails / count / 1000],
        ["folder, all that it holds", on_disk / count / 1000],
        ["folder beside the thumbnail", (on_disk - thumbnails) / count / 1000],
    ]
    title = f"{count:,} photos with {keypoints / count:,.0f} keypoints on average; KB = 1,000 bytes"
    show(title, ["part", "KB per photo"], lines)


def main() -> None:
    """Runs and prints."""
    options = parser(__doc__)
    options.add_argument("--photos", type=int, default=400, help="photos to measure the speed with; 0 to leave it out")
    options.add_argument("--repeats", type=int, default=2, help="of each way")
    options.add_argument("--sizes", type=int, nargs="*", default=[250, 500, 1000, 1770], help="to measure memory with")
    args = options.parse_args()
    speed_photos, args.photos = args.photos, 0
    with work_folder(args.work) as work:
        photos = photo_set(args, work, hold_out=False)
        heading(f"Indexing: {photos.name}")
        if speed_photos:
            speed(spread(photos.database, speed_photos), work, args.repeats)
        if args.sizes:
            growth(photos, args.sizes, work)


if __name__ == "__main__":
    main()

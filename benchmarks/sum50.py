"""The smallest sum of the 50 closest descriptors: over every photo, and over those that an index names.

Held-out groups of a database are the queries, asked of one gallery by the recipes ``sift-sum50`` and
``sift-sum50-fast`` in turn. Prints how often both name the same first photo, and what each takes.
"""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path
from time import perf_counter

import numpy as np

import whence
from common import PhotoSet, error_m, heading, parser, photo_set, show, work_folder
from whence.locate.retrievers.local import LocalSearch
from whence.types import Location

EXHAUSTIVE, FAST = "sift-sum50", "sift-sum50-fast"


def peak_mb() -> float:
    """Largest memory of this process so far; the unit that the system gives it in differs."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def warm(gallery: whence.Gallery) -> int:
    """Reads all features once, so that no recipe pays for the disk; keypoints in all."""
    return sum(len(features) for features in gallery.features(range(len(gallery))))


def index(gallery: whence.Gallery) -> None:
    """What the fast way needs before its first query."""
    keypoints, _, before = warm(gallery), gallery.descriptors, peak_mb()
    start = perf_counter()
    LocalSearch().prepare(gallery)
    rows = [[keypoints, perf_counter() - start, keypoints * 76 / 2**20, peak_mb() - before]]
    columns = ["keypoints", "build s", "MB of the index", "more MB at the peak"]
    show("Index of all local descriptors", columns, rows)


def figures(photos: PhotoSet, folder: Path, workers: int) -> None:
    """Both ways over the queries, one after the other for each."""
    gallery = whence.Gallery.open(folder)
    locators = {name: whence.Locator(gallery, recipe=name, workers=workers) for name in (EXHAUSTIVE, FAST)}
    warm(gallery)
    seconds: dict[str, list[float]] = {name: [] for name in locators}
    found: dict[str, list[Location]] = {name: [] for name in locators}
    for number, query in enumerate(photos.queries):
        for name, locator in locators.items():
            start = perf_counter()
            found[name].append(locator.locate(query.path))
            seconds[name].append(perf_counter() - start)
        if not (number + 1) % 20:
            print(f"{number + 1} queries", file=sys.stderr, flush=True)
    rows = []
    for name, answers in found.items():
        errors = np.array([error_m(a.position, q.position) for a, q in zip(answers, photos.queries, strict=True)])
        spent, within = np.array(seconds[name]), float(np.mean(errors <= photos.tolerance_m))
        search, verify = (float(np.mean([a.seconds[stage] for a in answers])) for stage in ("search", "verify"))
        rows.append(
            [name, float(spent.mean()), float(np.median(spent)), search, verify, within, float(np.median(errors))]
        )
    columns = [
        "recipe",
        "mean s",
        "median s",
        "search s",
        "sums s",
        f"within {photos.tolerance_m:g} m",
        "median error m",
    ]
    show(f"{len(photos.queries)} queries, {len(gallery):,} photos", columns, rows)
    pairs = list(zip(found[EXHAUSTIVE], found[FAST], strict=True))
    same = sum(_first(exhaustive) == _first(fast) for exhaustive, fast in pairs)
    print(f"the same first photo: {same} of {len(pairs)} ({same / len(pairs):.1%})")


def _first(answer: Location) -> str | None:
    return answer.candidates[0].path if answer.candidates else None


def main() -> None:
    """Runs and prints."""
    options = parser(__doc__, queries=200)
    options.add_argument("--workers", type=int, default=os.cpu_count(), help="threads")
    args = options.parse_args()
    with work_folder(args.work) as work:
        photos = photo_set(args, work)
        heading(f"Sum of 50: {photos.name}, {len(photos.queries)} queries")
        folder = work / f"{photos.name}.gallery"
        whence.index(photos.table, folder, tolerance_m=photos.tolerance_m)
        index(whence.Gallery.open(folder))
        figures(photos, folder, args.workers)


if __name__ == "__main__":
    main()

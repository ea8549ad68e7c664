"""Seconds per query of whence beside the plain way, for the same queries and the same candidates.

The plain way: OpenCV's SIFT for the query and for each candidate, brute-force matching with the ratio test, RANSAC; the
answer is the position of the photo with most inliers. "Stored" has the candidates' features in memory already. Both
plain ways are given whence's shortlist for nothing. Queries are run in turn by each, so that all see the same load.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

import numpy as np

import whence
from common import PhotoSet, Row, error_m, heading, parser, photo_set, show, work_folder
from plain import KEYPOINTS, Features, Plain
from whence.types import Location, Photo, Position

WHENCE, RECOMPUTED, STORED = "whence", "plain, recomputed", "plain, stored"


class Run:
    """The three ways over the queries, one after the other for each query."""

    def __init__(self, photos: PhotoSet, locator: whence.Locator) -> None:
        self._photos, self._locator = photos, locator
        self._plain = Plain()
        self._stored: dict[Path, Features] = {}
        self.locations: list[Location] = []
        self.seconds: dict[str, list[float]] = {WHENCE: [], RECOMPUTED: [], STORED: []}
        self.answers: dict[str, list[Position | None]] = {WHENCE: [], RECOMPUTED: [], STORED: []}

    def query(self, query: Row) -> None:
        """Whence first: it gives the shortlist."""
        start = perf_counter()
        answer = self._locator.answer(query.path)
        self._note(WHENCE, start, answer.location.position)
        self.locations.append(answer.location)
        ranked = sorted(answer.location.candidates, key=lambda candidate: candidate.retrieval_rank)
        root = Path(self._locator.gallery.settings.root)
        paths, positions = [root / candidate.path for candidate in ranked], [c.position for c in ranked]

        start = perf_counter()
        own = self._plain.features(query.path)
        counts = []
        for path in paths:
            self._stored[path] = self._plain.features(path)
            counts.append(self._plain.inliers(own, self._stored[path]))
        self._note(RECOMPUTED, start, _best(counts, positions))

        start = perf_counter()
        own = self._plain.features(query.path)
        counts = [self._plain.inliers(own, self._stored[path]) for path in paths]
        self._note(STORED, start, _best(counts, positions))

    def _note(self, way: str, start: float, position: Position | None) -> None:
        self.seconds[way].append(perf_counter() - start)
        self.answers[way].append(position)

    def figures(self) -> None:
        """Seconds and shares side by side."""
        truths, limit = [query.position for query in self._photos.queries], self._photos.tolerance_m
        whence_total = sum(self.seconds[WHENCE])
        rows: list[list[object]] = []
        for way, seconds in self.seconds.items():
            errors = [error_m(said, truth) for said, truth in zip(self.answers[way], truths, strict=True)]
            spent = np.array(seconds)
            rows.append(
                [
                    way,
                    float(spent.mean()),
                    float(np.median(spent)),
                    float(spent.max()),
                    f"{spent.sum() / whence_total:.1f} x",
                    float(np.mean(np.array(errors) <= limit)),
                ]
            )
        columns = ["one query after the other", "mean s", "median s", "most s", "over whence", f"within {limit:g} m"]
        show(f"{len(truths)} queries, the same candidates", columns, rows)

    def stages(self) -> None:
        """Where whence's time goes."""
        total = float(np.mean([sum(location.seconds.values()) for location in self.locations]))
        means = {name: float(np.mean([loc.seconds[name] for loc in self.locations])) for name in self._names()}
        show(
            "Stages of whence",
            ["stage", "mean s", "share"],
            [[name, mean, f"{mean / total:.0%}"] for name, mean in means.items()],
        )

    def _names(self) -> list[str]:
        return list(self.locations[0].seconds)


def _best(inliers: Sequence[int], positions: Sequence[Position]) -> Position | None:
    """Of the photo with most inliers, the most similar one among equals."""
    return positions[int(np.argmax(inliers))] if positions else None


def batches(photos: PhotoSet, gallery: Path, workers: int | None) -> None:
    """Throughput of ``Locator.answers``, which reads ahead: a gallery just opened, then its features in memory."""
    locator = whence.Locator(whence.Gallery.open(gallery), workers=workers)
    named = [Photo(query.path, str(query.path)) for query in photos.queries]
    rows: list[list[object]] = []
    for state in ("features on disk", "features in memory"):
        start = perf_counter()
        count = sum(1 for _ in locator.answers(named))
        rows.append([state, (perf_counter() - start) / count])
    show("Locator.answers, many photos at once", ["state", "s per query"], rows)


def recipes(photos: PhotoSet, gallery: Path, names: Sequence[str], workers: int | None) -> None:
    """Seconds per query of recipes that can use the same gallery, in turn for each query."""
    opened = whence.Gallery.open(gallery)
    locators = {name: whence.Locator(opened, recipe=name, workers=workers) for name in names}
    opened.features(range(len(opened)))  # all from memory
    seconds: dict[str, list[float]] = {name: [] for name in names}
    errors: dict[str, list[float]] = {name: [] for name in names}
    for query in photos.queries:
        for name, locator in locators.items():
            start = perf_counter()
            answer = locator.locate(query.path)
            seconds[name].append(perf_counter() - start)
            errors[name].append(error_m(answer.position, query.position))
    rows = [
        [
            name,
            float(np.mean(spent)),
            float(np.median(spent)),
            float(np.mean(np.array(errors[name]) <= photos.tolerance_m)),
        ]
        for name, spent in seconds.items()
    ]
    show("Recipes on one gallery", ["recipe", "mean s", "median s", f"within {photos.tolerance_m:g} m"], rows)


def main() -> None:
    """Runs and prints."""
    options = parser(__doc__, queries=20)
    options.add_argument("--recipes", default="", help="others on the same gallery, as sift-exhaustive,sift-sum50-fast")
    options.add_argument("--workers", type=int, help="threads of whence; else one per core")
    options.add_argument("--shortlist", type=int, default=50, help="candidates named by whence and tried by all")
    args = options.parse_args()
    with work_folder(args.work) as work:
        photos = photo_set(args, work)
        heading(f"Locating: {photos.name}, {len(photos.queries)} queries, {KEYPOINTS:,} keypoints")
        folder = work / f"{photos.name}.gallery"
        whence.index(photos.table, folder, tolerance_m=photos.tolerance_m)
        gallery = whence.Gallery.open(folder)
        locator = whence.Locator(gallery, candidates=args.shortlist, workers=args.workers or os.cpu_count())
        locator.answer(np.random.default_rng(0).integers(0, 255, (480, 640, 3), dtype=np.uint8))  # late imports
        run = Run(photos, locator)
        for query in photos.queries:
            run.query(query)
        run.figures()
        run.stages()
        batches(photos, folder, args.workers)
        if args.recipes:
            recipes(photos, folder, ["default", *args.recipes.split(",")], args.workers)


if __name__ == "__main__":
    main()

"""The museum report's questions about RANSAC: which ratio, which tolerance, how many iterations, which estimator, and
whether radial distortion matters.

Held-out groups of a database are the queries; each gets the shortlist of the recipe ``default``, and answers with the
position of the photo with most inliers. Features are found once. Every variant changes one thing in the reference: the
one-way ratio test at 0.75 and plain RANSAC; distortion is asked of LO-RANSAC, which has less noise of its own.
Intervals of 95 % are of the difference to the reference on the same queries, whole groups being drawn again 10,000
times. Prints Markdown.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

import whence
from common import PhotoSet, heading, parser, photo_set, work_folder
from whence.geo.plane import Plane
from whence.photos.threads import one_thread_each
from whence.plugins import GeometryEstimator, Matcher
from whence.types import DoubleArray, FloatArray, LocalFeatures, Matches, Photo
from whence.verify.geometry import GeometryOptions, RobustGeometry
from whence.verify.lo_ransac import LoRansac, LoRansacOptions
from whence.verify.matching import MatchingOptions, MutualNearestNeighbour
from whence.verify.ransac import Ransac, RansacOptions
from whence.verify.ratio import Ratio, RatioOptions

DRAWS = 10_000
REFERENCE = "**reference**: ratio 0.75, plain RANSAC, 1.5 px, at most 1,000, adaptive"
STRONGEST_BARREL = 0.2


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """One query and its shortlist.

    Attributes:
        features: Of the query.
        shortlist: Of the photos.
        offsets: ``(C, 2)`` from the truth to each photo, in metres east and north.
        group: The query's.
    """

    features: LocalFeatures
    shortlist: Sequence[LocalFeatures]
    offsets: DoubleArray
    group: str


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to count inliers.

    Attributes:
        name: For the table.
        matcher: First step.
        estimator: Second step; asked for each distortion in ``barrels``, of which the one with most inliers counts.
        barrels: What keypoints are freed from, see ``straightened``.
    """

    name: str
    matcher: Matcher
    estimator: GeometryEstimator
    barrels: tuple[float, ...] = (0.0,)


@dataclass(frozen=True, slots=True, eq=False)
class Counted:
    """What a variant came to, a row for each query.

    Attributes:
        offsets: ``(Q, 2)`` from the truth to the best photo.
        inliers: ``(Q,)`` of the best photo.
        matches: Mean of all pairs.
        match_ms: For each pair.
        fit_ms: For each pair.
        chosen: How often each distortion was the best, over pairs with inliers.
    """

    offsets: DoubleArray
    inliers: NDArray[np.intp]
    matches: float
    match_ms: float
    fit_ms: float
    chosen: NDArray[np.intp]


def straightened(features: LocalFeatures, barrel: float) -> LocalFeatures:
    """Keypoints as a lens without distortion would have them, by the division model (A. Fitzgibbon, CVPR 2001).

    Args:
        features: Of one photo, its middle being that of the lens.
        barrel: Above zero for barrel, below for pincushion distortion: by about this share of itself, less a third for
            all, does the corner move outwards. A third leaves the size of a photo as a whole as it is, or the same
            tolerance in pixels would mean less.
    """
    if not barrel:
        return features
    middle = (np.array([features.width, features.height]) - 1) / 2
    centred = features.keypoints[:, :2] - middle
    squares = np.square(centred).sum(axis=1, keepdims=True) / np.square(middle).sum()
    keypoints = features.keypoints.copy()
    keypoints[:, :2] = middle + centred * (1 - barrel / 3) / (1 - barrel * squares)
    return replace(features, keypoints=keypoints)


def variants(ratio: Matcher, plain: GeometryEstimator) -> list[tuple[str, list[Variant]]]:
    """By question, each with one thing changed in the reference."""
    mutual = MutualNearestNeighbour(MatchingOptions())
    ratios = (0.6, 0.7, 0.8, 0.85, 0.9, 0.95)
    counts = (100, 300, 1000, 10_000)
    barrels = (-0.1, 0.05, 0.1, STRONGEST_BARREL)
    return [
        ("Ratio", [Variant(f"ratio {value}", Ratio(RatioOptions(value)), plain) for value in ratios]),
        (
            "Mismatch tolerance",
            [
                Variant(f"{value} px", ratio, Ransac(RansacOptions(threshold_px=value)))
                for value in (0.5, 1.0, 2.0, 3.0, 5.0, 8.0)
            ],
        ),
        (
            "Iterations, adaptive",
            [Variant(f"at most {n:,}", ratio, Ransac(RansacOptions(iterations=n))) for n in counts if n != 1000],
        ),
        (
            "Iterations, fixed",
            [Variant(f"always {n:,}", ratio, Ransac(RansacOptions(iterations=n, adaptive=False))) for n in counts],
        ),
        (
            "Estimator",
            [
                Variant("LO-RANSAC", ratio, LoRansac()),
                Variant("LO-RANSAC, always 1,000", ratio, LoRansac(LoRansacOptions(adaptive=False))),
                Variant("LO-RANSAC, at most 10,000", ratio, LoRansac(LoRansacOptions(iterations=10_000))),
                Variant("MAGSAC++", ratio, RobustGeometry()),
                Variant("MAGSAC++, at most 10,000", ratio, RobustGeometry(GeometryOptions(iterations=10_000))),
            ],
        ),
        (
            "Matches of `default`: mutual, ratio 0.8, agreeing in rotation",
            [
                Variant("plain RANSAC", mutual, plain),
                Variant("LO-RANSAC", mutual, LoRansac()),
                Variant("MAGSAC++ (`default`)", mutual, RobustGeometry()),
            ],
        ),
        (
            "Radial distortion, with LO-RANSAC",
            [
                Variant("**none, the reference of this question**", ratio, LoRansac()),
                *(Variant(f"all photos freed from {value}", ratio, LoRansac(), (value,)) for value in barrels),
                Variant("for each pair what gives most inliers", ratio, LoRansac(), (0.0, *barrels)),
            ],
        ),
    ]


class Ablation:
    """Queries with their shortlists, matched once for each matcher."""

    def __init__(self, queries: Sequence[Asked], workers: int) -> None:
        self.queries = queries
        self._threads = ThreadPoolExecutor(workers)
        self._matched: dict[Matcher, tuple[list[list[Matches]], float]] = {}

    def run(self, variant: Variant) -> Counted:
        """Inliers of every pair, and the photo with most of each query."""
        matched, match_ms = self._matches(variant.matcher)
        spent, inliers = [], []
        chosen = np.zeros(len(variant.barrels), np.intp)
        for query, matches in zip(self.queries, matched, strict=True):
            with one_thread_each:
                found = list(self._threads.map(_fitted(query, variant), query.shortlist, matches))
            spent += [ms for _, ms in found]
            counts = np.array([counts for counts, _ in found])
            inliers.append(counts.max(axis=1))
            np.add.at(chosen, counts.argmax(axis=1)[counts.max(axis=1) > 0], 1)
        best = [int(counts.argmax()) for counts in inliers]
        return Counted(
            offsets=np.array([query.offsets[row] for query, row in zip(self.queries, best, strict=True)]),
            inliers=np.array([counts[row] for counts, row in zip(inliers, best, strict=True)]),
            matches=float(np.mean([len(pair) for pairs in matched for pair in pairs])),
            match_ms=match_ms,
            fit_ms=float(np.mean(spent)),
            chosen=chosen,
        )

    def _matches(self, matcher: Matcher) -> tuple[list[list[Matches]], float]:
        if matcher not in self._matched:
            spent, found = [], []
            for query in self.queries:
                with one_thread_each:
                    pairs = list(self._threads.map(_timed(matcher.match, query.features), query.shortlist))
                found.append([matches for matches, _ in pairs])
                spent += [ms for _, ms in pairs]
            self._matched[matcher] = found, float(np.mean(spent))
        return self._matched[matcher]


def _timed(
    work: Callable[[LocalFeatures, LocalFeatures], Matches], query: LocalFeatures
) -> Callable[[LocalFeatures], tuple[Matches, float]]:
    def done(photo: LocalFeatures) -> tuple[Matches, float]:
        start = perf_counter()
        found = work(query, photo)
        return found, (perf_counter() - start) * 1e3

    return done


def _fitted(query: Asked, variant: Variant) -> Callable[[LocalFeatures, Matches], tuple[list[int], float]]:
    straight = [straightened(query.features, barrel) for barrel in variant.barrels]

    def done(photo: LocalFeatures, matches: Matches) -> tuple[list[int], float]:
        start = perf_counter()
        counts = [
            int(variant.estimator.estimate(own, straightened(photo, barrel), matches).inliers.sum())
            for own, barrel in zip(straight, variant.barrels, strict=True)
        ]
        return counts, (perf_counter() - start) * 1e3

    return done


def asked(photos: PhotoSet, locator: whence.Locator) -> list[Asked]:
    """Every query with the shortlist of the gallery's own recipe."""
    gallery, found = locator.gallery, []
    for query, answer in zip(
        photos.queries, locator.answers(Photo(row.path, str(row.path)) for row in photos.queries), strict=True
    ):
        if answer.query is None or not answer.shortlist:
            raise SystemExit(f"{query.path} cannot be asked: {answer.location.error or 'nothing was found in it'}")
        plane, rows = Plane.around([query.position]), list(answer.shortlist)
        offsets = plane.metres(gallery.coordinates[rows]) - np.array(plane.point(query.position))
        found.append(Asked(answer.query.features, gallery.features(rows), offsets, query.group))
    return found


def interval(differences: FloatArray | DoubleArray, groups: Sequence[str]) -> tuple[float, float]:
    """95 % of the means of ``(Q,)`` differences when whole groups are drawn again."""
    _, group = np.unique(np.array(groups), return_inverse=True)
    sums, sizes = np.bincount(group, differences), np.bincount(group)
    drawn = np.random.default_rng(0).multinomial(len(sums), np.full(len(sums), 1 / len(sums)), DRAWS)
    low, high = np.percentile((drawn @ sums) / (drawn @ sizes), [2.5, 97.5])
    return float(low), float(high)


def line(name: str, found: Counted, base: Counted, groups: Sequence[str], tolerance_m: float) -> str:
    """One row of the table."""
    within, manhattan = _scores(found, tolerance_m)
    base_within, base_manhattan = _scores(base, tolerance_m)
    cells = [
        name,
        f"{within.mean():.3f}",
        "" if found is base else "{:+.3f} to {:+.3f}".format(*interval(within - base_within, groups)),
        f"{manhattan.mean():.2f}",
        "" if found is base else "{:+.2f} to {:+.2f}".format(*interval(manhattan - base_manhattan, groups)),
        f"{np.median(found.inliers):.0f}",
        f"{found.matches:.0f}",
        f"{found.match_ms:.1f}",
        f"{found.fit_ms:.2f}",
    ]
    return f"| {' | '.join(cells)} |"


def _scores(found: Counted, tolerance_m: float) -> tuple[DoubleArray, DoubleArray]:
    within = np.hypot(*found.offsets.T) <= tolerance_m
    return within.astype(np.float64), np.abs(found.offsets).sum(axis=1)


def table(ablation: Ablation, tolerance_m: float, only: str | None) -> None:
    """Prints a row as soon as it is there."""
    groups = [query.group for query in ablation.queries]
    columns = (
        "", f"within {tolerance_m:g} m", "95 % of difference", "Manhattan mean, m", "95 % of difference",
        "inliers of the best", "matches a pair", "ms to match a pair", "ms to fit a pair",
    )  # fmt: skip
    print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    ratio, plain = Ratio(RatioOptions(0.75)), Ransac()
    reference = ablation.run(Variant(REFERENCE, ratio, plain))
    print(line(REFERENCE, reference, reference, groups, tolerance_m), flush=True)
    for question, asked_for in variants(ratio, plain):
        if only and not any(part.lower() in question.lower() for part in only.split(",")):
            continue
        print(f"| *{question}* |{' |' * (len(columns) - 1)}")
        base = reference
        for variant in asked_for:
            found = ablation.run(variant)
            base = found if variant.name.startswith("**") else base
            print(line(variant.name, found, base, groups, tolerance_m), flush=True)
            if len(variant.barrels) > 1:
                shares = zip(variant.barrels, found.chosen / max(found.chosen.sum(), 1), strict=True)
                told = ", ".join(f"{barrel:g} for {share:.0%}" for barrel, share in shares)
    if "told" in locals():
        print(f"\nDistortion that gave most inliers: {told}.")


def main() -> None:
    """Runs and prints."""
    options = parser(__doc__, queries=100)
    options.add_argument("--only", help="parts of questions' names, as estimator,radial")
    options.add_argument("--workers", type=int, default=os.cpu_count(), help="threads")
    args = options.parse_args()
    with work_folder(args.work) as work:
        photos = photo_set(args, work)
        heading(f"RANSAC: {photos.name}, {len(photos.queries)} queries")
        folder = work / f"{photos.name}.gallery"
        whence.index(photos.table, folder, tolerance_m=photos.tolerance_m)
        queries = asked(photos, whence.Locator(whence.Gallery.open(folder), workers=args.workers))
        table(Ablation(queries, args.workers), photos.tolerance_m, args.only)


if __name__ == "__main__":
    main()

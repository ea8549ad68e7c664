"""What compact features cost in accuracy, and save in bytes and time.

The same keypoints, the same shortlist (by whence), the same matcher and geometry; only the descriptors differ. The
answer is the photo with most inliers, so that nothing but matching is judged. "Shipped" projects with the basis that
comes with whence, "own" with one learned from photos of this database.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

import whence
from common import PhotoSet, Row, error_m, heading, parser, photo_set, show, spread, work_folder
from whence.describe import builtin
from whence.describe.sift import STEPS, SiftOptions, compact
from whence.gallery.codec import pack, unpack
from whence.photos import files
from whence.photos.decode import decode
from whence.types import LocalFeatures
from whence.verify.geometry import RobustGeometry
from whence.verify.matching import MutualNearestNeighbour

FULL, STORED = "full: 128 float32", "whence: 64 int8, as stored"
_SAMPLE = 60
"""Photos that the own basis is learned from."""
_KEYPOINT_BYTES = 6
"""Position, scale and orientation as whence stores them."""

Descriptors = NDArray[np.generic]
Variant = Callable[[NDArray[np.float32]], Descriptors]
"""``(N, 128)`` SIFT to the descriptors that are matched."""


class Sifts:
    """Keypoints and SIFT of photos, as whence finds them; kept in uint8, which is exact: SIFT gives whole numbers."""

    def __init__(self) -> None:
        options = SiftOptions()
        self._count = options.keypoints
        self._sift = cv2.SIFT.create(
            nfeatures=options.keypoints,
            contrastThreshold=options.contrast_threshold,
            enable_precise_upscale=True,
        )
        self._known: dict[Path, LocalFeatures] = {}

    def of(self, path: Path) -> LocalFeatures:
        """Features of one photo, ``(N, 128)`` uint8."""
        if path not in self._known:
            pixels = decode(files.read(path), max_side=1024).pixels
            self._known[path] = self._find(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY))
        return self._known[path]

    def _find(self, grey: NDArray[Any]) -> LocalFeatures:
        found, raw = self._sift.detectAndCompute(grey, None)
        height, width = grey.shape
        if not found:
            return LocalFeatures(np.zeros((0, 4), np.float32), np.zeros((0, 128), np.uint8), width, height)
        order = np.argsort([-point.response for point in found], kind="stable")[: self._count]
        keypoints = np.array([(*point.pt, point.size, point.angle) for point in found], np.float32)
        return LocalFeatures(keypoints[order], np.asarray(raw[order], np.uint8), width, height)


def root_sift(sift: NDArray[np.float32]) -> NDArray[np.float32]:
    """``(N, 128)`` of unit length."""
    return np.asarray(np.sqrt(sift / np.maximum(sift.sum(axis=1, keepdims=True), 1e-9)), np.float32)


def projected(mean: NDArray[np.float32], basis: NDArray[np.float32]) -> Variant:
    """RootSIFT on the axes of ``basis (d, 128)``, in int8 as whence does it."""

    def variant(sift: NDArray[np.float32]) -> Descriptors:
        steps = np.rint((root_sift(sift) - mean) @ basis.T * STEPS)
        return np.asarray(np.clip(steps, -127, 127), np.int8)

    return variant


def variants(sifts: Sifts, database: tuple[Row, ...]) -> dict[str, Variant]:
    """All that are compared; the full one first."""
    shipped = builtin.arrays()
    sample = [sifts.of(row.path).descriptors.astype(np.float32) for row in spread(database, _SAMPLE)]
    points = root_sift(np.concatenate(sample))
    mean = points.mean(axis=0)
    axes = np.linalg.svd(np.cov((points - mean).T))[2].astype(np.float32)
    made: dict[str, Variant] = {
        FULL: root_sift,
        "128 uint8": lambda sift: np.asarray(np.clip(np.rint(root_sift(sift) * 2 * STEPS), 0, 255), np.uint8),
        "shipped: 64 int8": compact,
        "shipped: 32 int8": projected(shipped["mean"], shipped["basis"][:32]),
    }
    for dimension in (96, 64, 32):
        made[f"own: {dimension} int8"] = projected(mean, axes[:dimension])
    made[STORED] = compact
    return made


@dataclass(slots=True)
class Score:
    """Sums over the queries of one variant."""

    right: list[bool]
    best: list[int]
    true: list[int]
    seconds: float = 0.0
    pairs: int = 0
    size: int = 0


def run(name: str, variant: Variant, sifts: Sifts, photos: PhotoSet, shortlists: list[list[Row]]) -> Score:
    """Matches every query with its shortlist."""
    matcher, geometry, score = MutualNearestNeighbour(), RobustGeometry(), Score([], [], [])
    made: dict[Path, LocalFeatures] = {}

    def features(path: Path) -> LocalFeatures:
        if path not in made:
            raw = sifts.of(path)
            made[path] = replace(raw, descriptors=variant(raw.descriptors.astype(np.float32)))
            if name == STORED:
                made[path] = unpack(pack(made[path]))
        return made[path]

    for query, shortlist in zip(photos.queries, shortlists, strict=True):
        own, counts = features(query.path), []
        for row in shortlist:
            other = features(row.path)
            start = perf_counter()
            matches = matcher.match(own, other)
            score.seconds += perf_counter() - start
            counts.append(int(geometry.estimate(own, other, matches).inliers.sum()))
        errors = [error_m(row.position, query.position) for row in shortlist]
        near = [count for count, error in zip(counts, errors, strict=True) if error <= photos.tolerance_m]
        best = int(np.argmax(counts))
        score.right.append(errors[best] <= photos.tolerance_m)
        score.best.append(counts[best])
        score.true += near
        score.pairs += len(shortlist)
    bytes_each = [len(f) * (_KEYPOINT_BYTES + f.descriptors.shape[1] * f.descriptors.itemsize) for f in made.values()]
    score.size = round(float(np.mean(bytes_each)))
    return score


def shortlisted(photos: PhotoSet, gallery: Path, count: int) -> list[list[Row]]:
    """Whence's most similar photos for each query, most similar first."""
    whence.index(photos.table, gallery, tolerance_m=photos.tolerance_m)
    opened = whence.Gallery.open(gallery)
    locator, root = whence.Locator(opened, candidates=1000), Path(opened.settings.root)
    found = []
    for query in photos.queries:
        ranked = sorted(locator.locate(query.path).candidates, key=lambda candidate: candidate.retrieval_rank)
        found.append([Row(root / c.path, c.position, c.group or "") for c in ranked[:count]])
    return found


def main() -> None:
    """Runs and prints."""
    options = parser(__doc__, queries=60)
    options.add_argument("--shortlist", type=int, default=50, help="photos that each query is matched with, at most 50")
    args = options.parse_args()
    with work_folder(args.work) as work:
        photos = photo_set(args, work)
        heading(f"Compact features: {photos.name}, {len(photos.queries)} queries, shortlist {args.shortlist}")
        shortlists = shortlisted(photos, work / f"{photos.name}.gallery", args.shortlist)
        sifts, scores = Sifts(), {}
        with threadpool_limits(limits=1):
            for name, variant in variants(sifts, photos.database).items():
                print(f"matching: {name}", file=sys.stderr)
                scores[name] = run(name, variant, sifts, photos, shortlists)
        full, lines = scores[FULL], list[list[object]]()
        for name, score in scores.items():
            both = list(zip(score.right, full.right, strict=True))
            lines.append(
                [
                    name,
                    float(np.mean(score.right)),
                    f"+{sum(a and not b for a, b in both)} -{sum(b and not a for a, b in both)}",
                    float(np.mean(score.best)),
                    float(np.mean(score.true)) if score.true else 0.0,
                    score.size / 1000,
                    1000 * score.seconds / score.pairs,
                ]
            )
        columns = [
            "descriptors",
            f"within {photos.tolerance_m:g} m",
            "queries won, lost",
            "inliers, best photo",
            "inliers, photos in tolerance",
            "KB/photo",
            "matching ms/pair",
        ]
        show("The photo with most inliers; matching on one thread, without geometry", columns, lines)


if __name__ == "__main__":
    main()

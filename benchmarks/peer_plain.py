"""The plain way for ``peers.py``: OpenCV's SIFT kept in memory, matched with whence's shortlist."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter

import cv2
import numpy as np

from peers_apart import Job, Located, Outcome
from plain import Features, Plain


def run(job: Job) -> Outcome:
    """One photo after the other; OpenCV's functions use the threads."""
    cv2.setNumThreads(job.threads)
    cv2.setRNGSeed(job.seed)
    plain = Plain()
    first = plain.features(Path(job.database[0]))  # warm-up
    plain.inliers(first, first)

    start = perf_counter()
    kept = [plain.features(Path(path)) for path in job.database]
    indexed = perf_counter() - start

    start, own, inliers = perf_counter(), [], []
    for path, rows in zip(job.queries, job.given, strict=True):
        own.append(plain.features(Path(path)))
        inliers.append([plain.inliers(own[-1], kept[row]) for row in rows])
    located = Located("OpenCV, whence's shortlist", perf_counter() - start, job.given, inliers)
    keypoints = float(np.mean([len(points) for points, _ in own]))
    return Outcome(indexed, 0.0, sum(map(_bytes, kept)), keypoints, [located], [])


def _bytes(features: Features) -> int:
    points, descriptors = features
    return points.nbytes + (0 if descriptors is None else descriptors.nbytes)

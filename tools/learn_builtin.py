"""Learns the arrays that ship with whence from rendered towns: ``python tools/learn_builtin.py``.

Writes src/whence/describe/builtin.npz: the PCA of RootSIFT, and the vocabulary for galleries too small to learn one.
Only pictures that whence renders itself go in.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import faiss
import numpy as np

from whence.types import FloatArray, Image
from whence.worlds import Town

TOWNS = ((101, "north"), (102, "south"), (103, "north"), (104, "south"))
VIEWS_PER_TOWN = 80
DIMENSIONS, WORDS = 64, 128
TARGET = Path(__file__).parents[1] / "src/whence/describe/builtin.npz"


def main() -> None:
    """Renders, describes, learns, writes."""
    detector = cv2.SIFT.create(nfeatures=1000, contrastThreshold=0.01, enable_precise_upscale=True)
    parts = []
    for picture in pictures():
        _, raw = detector.detectAndCompute(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), None)
        parts.append(raw[:600])
    learn(np.concatenate(parts), TARGET)


def pictures(per_town: int = VIEWS_PER_TOWN) -> Iterator[Image]:
    """Views of all towns."""
    for seed, family in TOWNS:
        town = Town(seed, family=family)
        views = town.survey(seed=seed)
        chosen = np.random.default_rng(seed).permutation(len(views))[:per_town]
        for index in sorted(chosen):
            yield town.render(views[index])


def learn(sift: FloatArray, target: Path) -> None:
    """Basis and vocabulary of ``(N, 128)`` descriptors."""
    root = np.sqrt(sift / sift.sum(axis=1, keepdims=True))
    mean = root.mean(axis=0)
    _, vectors = np.linalg.eigh(np.cov((root - mean).T.astype(np.float64)))
    basis = vectors[:, ::-1][:, :DIMENSIONS].T.astype(np.float32)
    points = np.ascontiguousarray((root - mean) @ basis.T)
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    kmeans = faiss.Kmeans(DIMENSIONS, WORDS, niter=30, seed=0, max_points_per_centroid=4000)
    kmeans.train(points)
    np.savez_compressed(target, mean=mean.astype(np.float32), basis=basis, vocabulary=kmeans.centroids)


if __name__ == "__main__":
    main()

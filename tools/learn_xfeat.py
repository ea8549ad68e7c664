"""Learns the vocabulary of XFeat descriptors that ships with whence: ``python tools/learn_xfeat.py``.

Writes src/whence/describe/xfeat.npz, for galleries too small to learn one. Only pictures that whence renders itself go
in; the network has to be there (``whence models download xfeat``).
"""

from __future__ import annotations

from pathlib import Path

import faiss
import numpy as np
from learn_builtin import pictures

from whence.describe.vlad import unit
from whence.describe.xfeat import Xfeat, XfeatOptions

DIMENSIONS, WORDS = 64, 128
TARGET = Path(__file__).parents[1] / "src/whence/describe/xfeat.npz"


def main() -> None:
    """Renders, finds features, learns, writes."""
    extractor = Xfeat(XfeatOptions(keypoints=500))
    found = [extractor.extract(picture).descriptors for picture in pictures(60)]
    points = unit(np.concatenate(found).astype(np.float32))
    kmeans = faiss.Kmeans(DIMENSIONS, WORDS, niter=30, seed=0, max_points_per_centroid=4000)
    kmeans.train(points)
    np.savez_compressed(TARGET, vocabulary=kmeans.centroids)


if __name__ == "__main__":
    main()

"""Learns what dense VLAD ships with from rendered towns: ``python tools/learn_dense.py``.

Writes src/whence/describe/dense.npz: the PCA of upright RootSIFT on a grid, and its vocabulary. Only pictures that
whence renders itself go in.
"""

from __future__ import annotations

import cv2
import numpy as np
from learn_builtin import TARGET, learn, pictures

from whence.describe.dense import dense_sift

STEP_PX, BINS_PX = 8, (4, 6, 8, 10)
VIEWS_PER_TOWN, PER_VIEW = 30, 1200


def main() -> None:
    """Renders, describes, learns, writes."""
    random, parts = np.random.default_rng(0), []
    for picture in pictures(VIEWS_PER_TOWN):
        found = dense_sift(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32), STEP_PX, BINS_PX)
        found = found[found.any(axis=1)]
        parts.append(found[random.permutation(len(found))[:PER_VIEW]])
    learn(np.concatenate(parts), TARGET.with_name("dense.npz"))


if __name__ == "__main__":
    main()

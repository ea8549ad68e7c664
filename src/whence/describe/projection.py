"""PCA of global descriptors with shrunk eigenvalues: fewer dimensions, axes weighted by what they are worth."""

from __future__ import annotations

import numpy as np

from whence.types import FloatArray


def learn_projection(vectors: FloatArray, dimension: int, shrinkage: float = 0.5) -> FloatArray:
    """``(d, D)`` whitening axes of ``(N, D)`` vectors; N is usually smaller than D, so by way of the Gram matrix.

    With few photos the small eigenvalues are mostly noise, and dividing by them would blow it up, so all are shrunk
    towards their mean, by default halfway. The axes are those of the centred data, but vectors are projected as they
    are: subtracting the mean from them cost recall on every set tried (docs/benchmarks.md).

    Args:
        vectors: Descriptors of a sample of the gallery.
        dimension: Axes to keep; fewer where the sample spans fewer.
        shrinkage: 0 whitens fully, 1 not at all.
    """
    centred = (vectors - vectors.mean(axis=0)).astype(np.float64)
    values, left = np.linalg.eigh(centred @ centred.T)
    values, left = values[::-1], left[:, ::-1]
    if values[0] < 1e-12:  # one picture again and again: there is no axis to tell them apart by
        return np.asarray(vectors[:1] / max(float(np.linalg.norm(vectors[0])), 1e-12), dtype=np.float32)
    kept = max(1, min(dimension, int((values > values[0] * 1e-6).sum())))
    values, left = values[:kept], left[:, :kept]
    axes = (left.T @ centred) / np.sqrt(values)[:, None]
    variances = values / len(vectors)
    shrunk = (1 - shrinkage) * variances + shrinkage * variances.mean()
    return np.asarray(axes / np.sqrt(shrunk)[:, None], dtype=np.float32)

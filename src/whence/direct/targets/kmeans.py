"""Places by k-means over positions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import faiss
import numpy as np

from whence.direct.targets.target import Arrays, Classes
from whence.errors import InputError
from whence.geo.plane import coordinates
from whence.geo.sphere import on_sphere
from whence.types import DoubleArray, LatLon, Photo, Position


@dataclass(frozen=True, slots=True)
class KmeansOptions:
    """Options of k-means.

    Attributes:
        places: How many classes.
        seed: Of the draw that k-means begins with.
    """

    places: int = 10
    seed: int = 0


class Kmeans(Classes[KmeansOptions]):
    """The nearest of some centres."""

    options_type = KmeansOptions

    @classmethod
    def _learned(cls, options: KmeansOptions, photos: Sequence[Photo]) -> Arrays:
        points = _points([photo.position for photo in photos if photo.position is not None])
        apart = len(np.unique(points, axis=0))
        if apart < options.places:
            raise InputError(
                f"{apart} different positions cannot be {options.places} places; fewer [target] places, or more photos"
            )
        middle, scale = points.mean(axis=0), max(float(points.std()), 1e-12)
        made = faiss.Kmeans(
            points.shape[1], options.places, niter=50, nredo=3, seed=options.seed, min_points_per_centroid=1
        )
        made.train(((points - middle) / scale).astype(np.float32))
        return {"centres": np.asarray(made.centroids, np.float64) * scale + middle}

    def labels(self, photo: Photo) -> tuple[str, ...] | None:
        """See ``Classes``."""
        if photo.position is None:
            return None
        centres = self.learned["centres"]
        nearest = int(np.linalg.norm(centres - _points([photo.position]), axis=1).argmin())
        return (f"place {nearest + 1:0{len(str(len(centres)))}d}",)


def _points(positions: Sequence[Position]) -> DoubleArray:
    """``(N, 2)`` metres, or ``(N, 3)`` on the unit sphere."""
    found = coordinates(positions)
    return on_sphere(found) if positions and isinstance(positions[0], LatLon) else found

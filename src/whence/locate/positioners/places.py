"""Places compete, not photos: the position is a weighted mean over the place that the evidence supports best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from whence.locate.confidence import confidence
from whence.locate.fusion import best_place, clusters, hypotheses
from whence.locate.stages import Proposal, Shortlist
from whence.types import DoubleArray, FloatArray
from whence.verify.rerank import Verification, distinctive_weights

_PLENTY, _LEAD = 60.0, 10.0
"""Evidence that no unrelated place was seen to reach, and how many times that of the best place elsewhere."""


@dataclass(frozen=True, slots=True)
class PlacesOptions:
    """There is nothing to choose."""


class Places:
    """Inliers, weighted by how distinctive they are, are pooled over photos of one place (see ``locate.fusion``)."""

    options_type = PlacesOptions

    def __init__(self, options: PlacesOptions | None = None) -> None:
        self.options = options or PlacesOptions()

    def position(self, shortlist: Shortlist) -> Proposal | None:
        """See ``Positioner``; None where no photo has more inliers than chance gives, or is similar at all."""
        groups = [photo.group for photo in shortlist.photos]
        evidence, scales = _evidence(shortlist.points, groups, shortlist.verifications, shortlist.tolerance_m)
        similarities = np.asarray(shortlist.similarities, np.float64)
        place = best_place(shortlist.points, evidence, scales, similarities, shortlist.tolerance_m)
        if place is None:
            return None
        others = hypotheses(shortlist.points, evidence, scales, similarities, shortlist.tolerance_m)
        first = int(np.argmin([np.hypot(*(point - place.east_north)) for point, _ in others]))
        others.insert(0, others.pop(first))
        order = np.lexsort((-similarities, -evidence, ~place.members))
        told = place.support, place.rival
        return Proposal(place.east_north, confidence(*told), order.tolist(), evidence=told, hypotheses=tuple(others))


def beyond_doubt(
    points: DoubleArray,
    groups: Sequence[str | None],
    verifications: Sequence[Verification],
    similarities: FloatArray,
    tolerance_m: float,
) -> bool:
    """Whether some verified photos settle the place, so that further ones could only confirm it."""
    evidence, scales = _evidence(points, groups, verifications, tolerance_m)
    place = best_place(points, evidence, scales, np.asarray(similarities, np.float64), tolerance_m)
    return place is not None and place.support >= _PLENTY and place.support >= _LEAD * place.rival


def _evidence(
    points: DoubleArray, groups: Sequence[str | None], verifications: Sequence[Verification], tolerance_m: float
) -> tuple[DoubleArray, DoubleArray]:
    """``(C,)`` distinctive inliers and ``(C,)`` scale of each photo."""
    weights = distinctive_weights(verifications, clusters(points, groups, tolerance_m))
    evidence = np.array([weight.sum() for weight in weights], dtype=np.float64)
    return evidence, np.array([verification.scale for verification in verifications], dtype=np.float64)

"""Places compete, not photos: the position is a weighted mean over the place that the evidence supports best."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from whence.locate.confidence import confidence
from whence.locate.fusion import best_place, clusters
from whence.locate.stages import Proposal, Shortlist
from whence.verify.rerank import distinctive_weights


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
        places = clusters(shortlist.points, groups, shortlist.tolerance_m)
        weights = distinctive_weights(shortlist.verifications, places)
        evidence = np.array([weight.sum() for weight in weights], dtype=np.float64)
        scales = np.array([verification.scale for verification in shortlist.verifications], dtype=np.float64)
        similarities = np.asarray(shortlist.similarities, np.float64)
        place = best_place(shortlist.points, evidence, scales, similarities, shortlist.tolerance_m)
        if place is None:
            return None
        order = np.lexsort((-similarities, -evidence, ~place.members))
        told = place.support, place.rival
        return Proposal(place.east_north, confidence(*told), order.tolist(), evidence=told)

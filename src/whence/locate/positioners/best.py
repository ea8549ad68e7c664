"""The position of the best photo: where the published systems stop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from whence.errors import RecipeError
from whence.locate.confidence import confidence, unverified
from whence.locate.fusion import BANDWIDTH, CHANCE
from whence.locate.stages import Proposal, Shortlist
from whence.types import DoubleArray


@dataclass(frozen=True, slots=True)
class BestOptions:
    """Options of copying the best photo's position.

    Attributes:
        by: What makes a photo the best: ``inliers``, ``similarity`` of the global descriptors, or ``distances``, the
            least sum over the matches' descriptors.
    """

    by: str = "inliers"


class Best:
    """The position of one photo, copied."""

    options_type = BestOptions

    def __init__(self, options: BestOptions | None = None) -> None:
        self.options = options or BestOptions()
        if self.options.by not in _SCORES:
            raise RecipeError(f"[locate] by = {self.options.by!r}: expected one of {', '.join(_SCORES)}")

    def position(self, shortlist: Shortlist) -> Proposal | None:
        """See ``Positioner``; None by inliers where there are none."""
        scores = _SCORES[self.options.by](shortlist)
        order = np.lexsort((-shortlist.similarities, -scores))
        best = int(order[0])
        if self.options.by == "inliers" and scores[best] <= 0:
            return None
        apart = np.hypot(*(shortlist.points - shortlist.points[best]).T) > 3 * BANDWIDTH * shortlist.tolerance_m
        if self.options.by == "inliers":
            beyond = np.maximum(scores - CHANCE, 0)
            sure = confidence(float(beyond[best]), float(beyond[apart].max(initial=0)))
        else:
            sure = unverified(scores, best, apart)
        return Proposal(shortlist.points[best], sure, order.tolist())


def _distances(shortlist: Shortlist) -> DoubleArray:
    """Minus the sum over the matches; a photo with fewer of them than the others lacks some, each as bad as the worst
    seen."""
    found = [verification.matches for verification in shortlist.verifications]
    if any(matches.distances is None and len(matches) for matches in found):
        raise RecipeError("[locate] by = 'distances': the recipe's [match] method tells no distances")
    none = np.zeros(0, np.float32)
    known = [none if matches.distances is None else matches.distances for matches in found]
    most = max(map(len, known))
    worst = max((float(distances.max()) for distances in known if len(distances)), default=0.0)
    return np.array([-float(distances.sum()) - worst * (most - len(distances)) for distances in known])


_SCORES: dict[str, Callable[[Shortlist], DoubleArray]] = {
    "inliers": lambda shortlist: shortlist.inliers.astype(np.float64),
    "similarity": lambda shortlist: shortlist.similarities.astype(np.float64),
    "distances": _distances,
}

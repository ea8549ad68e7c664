"""The ratio test as published: nearest neighbours in one direction.

Source: D. Lowe, Distinctive Image Features from Scale-Invariant Keypoints, IJCV 2004, section 7.1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from whence.types import LocalFeatures, Matches
from whence.verify.kinds import each_kind
from whence.verify.matching import no_matches, one_each, squared_distances


@dataclass(frozen=True, slots=True)
class RatioOptions:
    """Options of the ratio test.

    Attributes:
        ratio: Distance to the best over distance to the second best; below it a match counts as distinctive.
    """

    ratio: float = 0.8


class Ratio:
    """Each query keypoint's nearest neighbour, if it is clearly nearer than the next.

    Of several query keypoints with one partner the closest keeps it.
    """

    options_type = RatioOptions

    def __init__(self, options: RatioOptions | None = None) -> None:
        self.options = options or RatioOptions()

    def match(self, query: LocalFeatures, database: LocalFeatures) -> Matches:
        """See ``Matcher``; with distances. None for a photo of a single keypoint, which has no second best."""
        return each_kind(query, database, self._match)

    def _match(self, query: LocalFeatures, database: LocalFeatures) -> Matches:
        if not len(query) or len(database) < 2:
            return no_matches()
        squared = squared_distances(query.descriptors, database.descriptors)
        rows = np.arange(len(query))
        best = squared.argmin(axis=1)
        nearest = squared[rows, best].copy()
        squared[rows, best] = np.inf
        kept = np.flatnonzero(nearest < self.options.ratio**2 * squared.min(axis=1))
        return one_each(kept, best[kept], nearest[kept])

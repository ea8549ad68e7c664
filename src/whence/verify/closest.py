"""The matches with the most similar descriptors: the photo with the least sum over them is the answer.

Source: students' report "Paintings / Photos geolocalisation", which compares a query with every photo of Venice.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from whence.types import LocalFeatures, Matches
from whence.verify.kinds import each_kind
from whence.verify.matching import no_matches, one_each, squared_distances


@dataclass(frozen=True, slots=True)
class ClosestOptions:
    """Options of the closest matches.

    Attributes:
        count: How many are kept.
    """

    count: int = 50


class Closest:
    """Each query keypoint's nearest neighbour; the closest few of these, without any test.

    Of several query keypoints with one partner the closest keeps it, or a single blob would make up the whole sum.
    """

    options_type = ClosestOptions

    def __init__(self, options: ClosestOptions | None = None) -> None:
        self.options = options or ClosestOptions()

    def match(self, query: LocalFeatures, database: LocalFeatures) -> Matches:
        """See ``Matcher``; with distances."""
        return each_kind(query, database, self._match)

    def _match(self, query: LocalFeatures, database: LocalFeatures) -> Matches:
        if not len(query) or not len(database):
            return no_matches()
        squared = squared_distances(query.descriptors, database.descriptors)
        best = squared.argmin(axis=1)
        rows = np.arange(len(query))
        return one_each(rows, best, squared[rows, best], self.options.count)

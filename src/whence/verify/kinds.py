"""Features of several kinds in one photo: each kind is matched with its own."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from whence.types import LocalFeatures, Matches

Match = Callable[[LocalFeatures, LocalFeatures], Matches]


def each_kind(query: LocalFeatures, database: LocalFeatures, match: Match, others: Match | None = None) -> Matches:
    """Matches of all kinds together, as indices into all keypoints of each photo.

    Args:
        query: Features.
        database: Features of as many kinds.
        match: For the first kind.
        others: For the other kinds; the same unless it is told.
    """
    ours, theirs = query.parts, database.parts
    if len(ours) == len(theirs) == 1:
        return match(query, database)
    found, start, other_start = [], 0, 0
    for one, other in zip(ours, theirs, strict=True):
        matches = match(one, other)
        found.append(Matches(matches.query + start, matches.database + other_start, matches.distances))
        start, other_start, match = start + len(one), other_start + len(other), others or match
    told = [matches.distances for matches in found if matches.distances is not None]
    return Matches(
        np.concatenate([matches.query for matches in found]),
        np.concatenate([matches.database for matches in found]),
        np.concatenate(told) if len(told) == len(found) else None,
    )

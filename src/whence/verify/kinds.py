"""Features of several kinds in one photo: each kind is matched with its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from whence.types import LocalFeatures, Matches

Match = Callable[[LocalFeatures, LocalFeatures], Matches]


def each_kind(query: LocalFeatures, database: LocalFeatures, match: Match, *others: Match) -> Matches:
    """Matches of all kinds together, as indices into all keypoints of each photo.

    Args:
        query: Features.
        database: Features of as many kinds.
        match: For the first kind, and for all others unless these have one of their own.
        others: For the second kind, the third, and so on.
    """
    ours, theirs = query.parts, database.parts
    if len(ours) == len(theirs) == 1:
        return match(query, database)
    found = []
    for place, (one, other) in enumerate(zip(ours, theirs, strict=True)):
        by = others[place - 1] if 0 < place <= len(others) else match
        found.append(by(one, other))
    return _together(found, [len(part) for part in ours], [len(part) for part in theirs])


def _together(found: Sequence[Matches], ours: Sequence[int], theirs: Sequence[int]) -> Matches:
    starts, others = np.cumsum([0, *ours]), np.cumsum([0, *theirs])
    query = [matches.query + start for matches, start in zip(found, starts, strict=False)]
    database = [matches.database + start for matches, start in zip(found, others, strict=False)]
    told = [matches.distances for matches in found if matches.distances is not None]
    distances = np.concatenate(told) if len(told) == len(found) else None
    return Matches(np.concatenate(query), np.concatenate(database), distances)

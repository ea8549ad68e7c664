"""Which photos a query is trained with: the most similar one of its place, and the hardest of other places.

Source: R. Arandjelović et al., NetVLAD: CNN architecture for weakly supervised place recognition, CVPR 2016, section 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from whence.train.material import Rows, Task
from whence.types import FloatArray


@dataclass(frozen=True, slots=True)
class Triplet:
    """Rows of a task.

    Attributes:
        query: Of the queries.
        positive: Of the database, of the same place.
        negatives: Of the database, of other places.
    """

    query: int
    positive: int
    negatives: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """The part of a database that is looked at.

    Attributes:
        rows: ``(P,)`` of the database.
        near: Of each query, places among ``rows`` that show its place.
        other: Of each query, ``(P,)`` whether a photo shows another place.
    """

    rows: Rows
    near: Sequence[Rows]
    other: Sequence[np.ndarray]


def pool(task: Task, queries: Rows, positive_m: float, beyond_m: float, drawn: Rows) -> Pool:
    """The photos of the queries' places, and some that were drawn.

    Args:
        task: Queries and database.
        queries: Q rows of its queries.
        positive_m: Up to so far a photo shows the place.
        beyond_m: Farther away, it shows another.
        drawn: Rows of the database.
    """
    distances = [task.distances(int(query)) for query in queries]
    rows = np.unique(np.concatenate([drawn, *(np.flatnonzero(metres <= positive_m) for metres in distances)]))
    return Pool(
        rows,
        [np.flatnonzero(metres[rows] <= positive_m) for metres in distances],
        [metres[rows] > beyond_m for metres in distances],
    )


def mine(queries: Rows, looked_at: Pool, asked: FloatArray, found: FloatArray, count: int) -> list[Triplet]:
    """A triplet of each query that has both, in their order.

    Args:
        queries: ``(Q,)`` rows.
        looked_at: Of them.
        asked: ``(Q, D)`` vectors of unit length; NaN for photos that could not be read.
        found: ``(P, D)`` of the pool.
        count: Negatives of each; those that lack some get their hardest ones again.
    """
    similar = asked @ found.T
    triplets = []
    for place, query in enumerate(queries):
        cosines = np.nan_to_num(similar[place], nan=-np.inf)
        near, others = looked_at.near[place], np.flatnonzero(looked_at.other[place])
        near, others = near[np.isfinite(cosines[near])], others[np.isfinite(cosines[others])]
        if not len(near) or not len(others):
            continue
        best = near[np.argmax(cosines[near])]
        hardest = others[np.argsort(-cosines[others], kind="stable")[:count]]
        rows = looked_at.rows[np.resize(hardest, count)]
        triplets.append(Triplet(int(query), int(looked_at.rows[best]), tuple(map(int, rows))))
    return triplets

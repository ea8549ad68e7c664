"""Queries that the database knows too well: copies, near duplicates, shared groups."""

from __future__ import annotations

from collections.abc import Sequence

from whence.describe.looks import Looks, near_duplicates
from whence.evaluate.model import Leak, Question


def leaks(
    asked: Sequence[Question], queries: Looks, photos: Sequence[tuple[str, str | None]], database: Looks
) -> list[Leak]:
    """Everything that ties queries to the database other than the place.

    Args:
        asked: The queries.
        queries: Their looks.
        photos: Path and group of each photo of the database.
        database: Their looks.
    """
    groups = {group for _, group in photos if group is not None}
    found = []
    for number, near in enumerate(near_duplicates(queries, database)):
        for row, bits in near:
            same = database.hashes[row] == queries.hashes[number]
            path = photos[row][0]
            found.append(Leak(number, "same file", path) if same else Leak(number, "near duplicate", path, bits))
        group = asked[number].group
        if group is not None and group in groups:
            found.append(Leak(number, "same group", group))
    return found

"""Photos with positions to train on, and to validate with."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from whence.errors import InputError
from whence.evaluate.inputs import Given, read_database, settled
from whence.evaluate.splits import hold_out
from whence.geo.distance import metres_from
from whence.geo.plane import coordinates
from whence.types import DoubleArray, Photo, Position

Rows = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Task:
    """Queries and the database that they are asked of. A query is never asked of itself.

    Attributes:
        database: N photos with positions.
        queries: Q of them.
        hide_groups: Nor is a query asked of its own group: they are of one collection.
    """

    database: Sequence[Photo]
    queries: Sequence[Photo]
    hide_groups: bool = False

    @cached_property
    def _points(self) -> DoubleArray:
        return coordinates([_position(photo) for photo in self.database])

    @cached_property
    def _files(self) -> NDArray[np.str_]:
        return np.array([_file(photo) for photo in self.database])

    @cached_property
    def _groups(self) -> NDArray[np.str_]:
        return np.array([photo.group or "" for photo in self.database])

    def distances(self, query: int) -> DoubleArray:
        """``(N,)`` metres from a query; NaN for photos that it is not asked of."""
        photo = self.queries[query]
        hidden = self._files == _file(photo)
        if self.hide_groups and photo.group:
            hidden |= self._groups == photo.group
        metres = metres_from(_position(photo), self._points)
        return np.where(hidden, np.nan, metres)

    def answerable(self, metres: float) -> Rows:
        """Queries that have a photo of the database up to so far away."""
        return np.array(
            [query for query in range(len(self.queries)) if (self.distances(query) <= metres).any()], np.intp
        )

    def digest(self) -> str:
        """Changes with which photos these are, and with what is said of them."""
        digest = hashlib.blake2b(digest_size=8)
        for photo in (*self.database, *self.queries):
            digest.update(repr((_file(photo), photo.position, photo.group)).encode("utf-8", "surrogatepass"))
        return digest.hexdigest()


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """What to train with and what to validate with."""

    training: Task
    validation: Task


def gather(
    database: Given,
    queries: Given | None = None,
    validation: tuple[Given, Given] | None = None,
    share: float = 0.2,
    seed: int = 0,
) -> Material:
    """Reads everything, and splits it where no validation is given.

    Args:
        database: To train with.
        queries: To train with; None to ask the database's own photos.
        validation: Database and queries to validate with; None to hold out some of those to train with.
        share: Of the queries that are held out, whole groups of them. No photo of such a group is trained with, and
            they are asked of the whole database but their own group.
        seed: Of that draw.

    Raises:
        InputError: Something cannot be read, positions of two kinds, or too little to split.
    """
    base = read(database)
    asked = base if queries is None else read(queries)
    if validation is not None:
        return Material(_task(base, asked), _task(read(validation[0]), read(validation[1])))
    held = hold_out([photo.group for photo in asked], share, seed)
    out = [photo for photo, chosen in zip(asked, held, strict=True) if chosen]
    groups, files = {photo.group for photo in out} - {None}, {_file(photo) for photo in out}
    rest = [photo for photo in base if photo.group not in groups and _file(photo) not in files]
    if not rest:
        raise InputError(f"{database.path}: no photo is left to train with when {share:g} of the groups are held out")
    others = rest if queries is None else [photo for photo, chosen in zip(asked, held, strict=True) if not chosen]
    return Material(_task(rest, others), _task(base, out, hide_groups=queries is None))


def read(given: Given) -> list[Photo]:
    """All photos of a table, folder or data set that have a position.

    Raises:
        InputError: There are none.
    """
    known, _ = settled(read_database(given).photos)
    if not known:
        raise InputError(f"{given.path}: no photo with a known position")
    return known


def _task(database: Sequence[Photo], queries: Sequence[Photo], hide_groups: bool = False) -> Task:
    if len({type(_position(photos[0])) for photos in (database, queries)}) > 1:
        raise InputError(
            "database and queries have positions of two kinds, degrees and metres: they cannot be compared"
        )
    return Task(database, queries, hide_groups)


def _file(photo: Photo) -> str:
    """What is the same for a file however it is named."""
    return os.path.realpath(photo.path)


def _position(photo: Photo) -> Position:
    assert photo.position is not None
    return photo.position

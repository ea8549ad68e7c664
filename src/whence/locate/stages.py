"""Stages of a recipe that see a gallery: which photos to look at, and where the query was taken given these.

Their methods are registered like all others (``whence.plugins``), under ``whence.retrievers`` and
``whence.positioners``; each class names its frozen dataclass of options as ``options_type``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from whence.gallery.gallery import Gallery
from whence.gallery.photo import GalleryPhoto
from whence.gallery.search import Found, Mask
from whence.geo.plane import Plane
from whence.types import DoubleArray, FloatArray, Intrinsics, LocalFeatures
from whence.verify.rerank import Verification


@dataclass(frozen=True, slots=True, eq=False)
class Shortlist:
    """What a query's position is chosen from: C gallery photos, in the order of the retriever.

    Attributes:
        photos: The photos.
        points: ``(C, 2)`` where they were taken, in metres east and north on ``plane``.
        similarities: ``(C,)`` cosines of the global descriptors; zeros where the recipe has none.
        verifications: What ties each to the query; without matches where nothing was verified.
        verified: Whether matches were held against a geometry.
        query: The query's features.
        features_of: Features of some photos, by their place in this list.
        plane: Around the best match, where metres have to be right, however large the gallery.
        tolerance_m: The error that the user would call right.
        camera: The query's, in the pixels that its features were found in, if it is known.
        y_down: Whether y of the positions points down, as on a drawing, so that they mirror the world; None if nothing
            told yet. Never on the Earth.
    """

    photos: Sequence[GalleryPhoto]
    points: DoubleArray
    similarities: FloatArray
    verifications: Sequence[Verification]
    verified: bool
    query: LocalFeatures
    features_of: Callable[[Sequence[int]], list[LocalFeatures]]
    plane: Plane
    tolerance_m: float
    camera: Intrinsics | None = None
    y_down: bool | None = None

    def __len__(self) -> int:
        return len(self.photos)

    @property
    def inliers(self) -> NDArray[np.intp]:
        """``(C,)`` matches of each that agree with one geometry; zeros where none was asked for."""
        counts = [len(verification) if self.verified else 0 for verification in self.verifications]
        return np.array(counts, dtype=np.intp)


@dataclass(frozen=True, slots=True, eq=False)
class Refined:
    """A position of the query's own, beside that of the photos that speak for it.

    Attributes:
        east_north: ``(2,)`` metres on the shortlist's plane.
        heading_deg: Direction of the query's view, clockwise from north.
        photos: How many photos it fits, each counted by the probability that it does.
        trusted: Whether it is to be taken, for galleries that have not found out how good such positions are.
        y_down: By how much likelier it is that the plan's y points down, as a logarithm; 0 where nothing told.
    """

    east_north: DoubleArray
    heading_deg: float
    photos: float
    trusted: bool
    y_down: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Proposal:
    """Where the query was taken.

    Attributes:
        east_north: ``(2,)`` metres on the shortlist's plane.
        confidence: Probability that the error is at most the tolerance.
        order: Places in the shortlist, the photos that speak for the position first.
        refined: From methods that tell more than which photos are near.
        evidence: For the position and for the best place elsewhere, from methods whose confidence a gallery can learn
            to judge by its own photos.
        hypotheses: All places that anything speaks for, each with how much does; the best first.
    """

    east_north: DoubleArray
    confidence: float
    order: Sequence[int]
    refined: Refined | None = None
    evidence: tuple[float, float] | None = None
    hypotheses: tuple[tuple[DoubleArray, float], ...] = ()


@runtime_checkable
class Retriever(Protocol):
    """Chooses the gallery photos that are worth a closer look. Safe to use from many threads once prepared."""

    def prepare(self, gallery: Gallery) -> None:
        """Called once, before the first query."""
        ...

    def shortlist(self, features: LocalFeatures, vector: FloatArray, allowed: Mask | None = None) -> Found:
        """Rows of the gallery, the most promising first, and the cosine of each.

        Args:
            features: Of the query.
            vector: ``(D,)`` the query's global descriptor.
            allowed: ``(N,)``: rows to look among; None for all.
        """
        ...


@runtime_checkable
class Positioner(Protocol):
    """Turns a shortlist into a position."""

    def position(self, shortlist: Shortlist) -> Proposal | None:
        """None where the list speaks for no position at all; ``shortlist`` has at least one photo."""
        ...

"""What an answer rests on, with the pixels: the input of all pages and pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from whence.types import Candidate, FloatArray, Image, Location, Position

Points = NDArray[np.floating]
"""``(M, 2)`` x, y in pixels."""


@dataclass(frozen=True, slots=True, eq=False)
class MatchView:
    """One gallery photo beside the query.

    Attributes:
        photo: The gallery photo, or None where the gallery keeps no pictures.
        candidate: The same photo as the answer lists it.
        query_points: ``(M, 2)`` x, y of the inliers in pixels of the query image as given here.
        photo_points: ``(M, 2)`` the same points in pixels of ``photo``.
    """

    photo: Image | None
    candidate: Candidate
    query_points: Points
    photo_points: Points


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """One answer and what speaks for it.

    Attributes:
        query: The photo that was located; None if it could not be read.
        location: The answer.
        matches: The gallery photos to show, best first.
        truth: Where the photo was really taken, if known.
        heat: Where it may have been taken, and how likely each place is, where a trained model tells.
        attention: ``(h, w)``: what of the photo spoke for the answer, where a network tells.
    """

    query: Image | None
    location: Location
    matches: Sequence[MatchView] = ()
    truth: Position | None = None
    heat: Sequence[tuple[Position, float]] = ()
    attention: FloatArray | None = None

"""A query as it is asked, and its answer with what that stands on."""

from __future__ import annotations

from dataclasses import dataclass

from whence.types import FloatArray, Image, Intrinsics, LocalFeatures, Location, Position
from whence.verify.rerank import Verification


@dataclass(frozen=True, slots=True, eq=False)
class Query:
    """One photo, read and described.

    Attributes:
        path: Exactly as given.
        pixels: As the features were found in; None for a photo of the gallery, asked anew.
        features: Its local features.
        vector: Its global descriptor.
        content_hash: Of the file; empty for an image in memory.
        seconds: Time spent so far, per stage.
        camera: In the pixels that the features were found in, if it is known.
        time_s: When it was taken, in seconds since some moment; None if that is not known.
        video: That it is a frame of; empty for a photo.
    """

    path: str
    pixels: Image | None
    features: LocalFeatures
    vector: FloatArray
    content_hash: str
    seconds: dict[str, float]
    camera: Intrinsics | None = None
    time_s: float | None = None
    video: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """What the geometry told of a position, whether or not it was taken.

    Attributes:
        without: The position of the place.
        position: The one that the geometry told.
        photos: How many photos it fits.
        y_down: By how much likelier it is that the plan's y points down, as a logarithm.
    """

    without: Position
    position: Position
    photos: float
    y_down: float


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """A location with what it stands on.

    Attributes:
        location: The answer.
        query: The photo; None if it could not be read.
        rows: Gallery rows of ``location.candidates``.
        verifications: Of the same candidates.
        shortlist: Gallery rows that were looked at, the most promising first, before anything was verified.
        evidence: For the position and for the best place elsewhere; None where the recipe names none.
        told: By the geometry; None if it told nothing.
        hypotheses: All places that anything speaks for, and how much does; that of the position first.
    """

    location: Location
    query: Query | None = None
    rows: tuple[int, ...] = ()
    verifications: tuple[Verification, ...] = ()
    shortlist: tuple[int, ...] = ()
    evidence: tuple[float, float] | None = None
    told: Told | None = None
    hypotheses: tuple[tuple[Position, float], ...] = ()

"""The nouns of whence, shared by all stages. Plain frozen data, no behaviour beyond conversion.

Conventions (docs/conventions.md; each is pinned by a test): latitude before longitude; metres; bearings in degrees
clockwise from north; pixel centres (the centre of the top left pixel is (0, 0)); images ``(H, W, 3)`` RGB uint8.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
"""``(H, W, 3)`` RGB uint8, upright."""

FloatArray = NDArray[np.float32]
DoubleArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LatLon:
    """A WGS84 position in degrees."""

    lat: float
    lon: float


@dataclass(frozen=True, slots=True)
class XY:
    """A position on a local plane in metres."""

    x: float
    y: float


Position = LatLon | XY


class Crs(StrEnum):
    """What the numbers of a gallery's positions mean."""

    WGS84 = "wgs84"
    LOCAL = "local"


@dataclass(frozen=True, slots=True)
class Intrinsics:
    """Pinhole camera in pixels of the full-size upright photo."""

    fx: float
    fy: float
    cx: float
    cy: float


@dataclass(frozen=True, slots=True)
class Fix:
    """What one witness says of a photo: its file's metadata, a sidecar, a GPS track.

    Attributes:
        position: Where the camera stood, if the witness knows.
        source: Who says so, as in ``Photo.position_source``.
        time: When; without a zone where the witness gives none.
        heading_deg: Direction of view, clockwise from north.
        altitude_m: Height above sea level.
        accuracy_m: Horizontal error that the witness claims for the position.
    """

    position: LatLon | None
    source: str
    time: datetime | None = None
    heading_deg: float | None = None
    altitude_m: float | None = None
    accuracy_m: float | None = None


@dataclass(frozen=True, slots=True)
class Photo:
    """One photo as a source names it; no pixels.

    Attributes:
        path: Where the file is.
        name: The path exactly as the source or the user gave it.
        position: Where the camera stood, if the source says so; it outdoes what the file says.
        position_source: Where the position comes from: ``csv``, ``exif`` and so on; empty without a position.
        time: When it was taken; without a zone where the source gives none.
        heading_deg: Direction of view, clockwise from north.
        altitude_m: Height above sea level, or z on a local plane.
        group: Photos taken at one place, or in one sequence; never split between training and testing.
        intrinsics: The camera, if the source states it.
        accuracy_m: Horizontal error that is claimed for the position.
        label: Class that a data set puts the photo in, such as a city or a country.
        fallback: What to go by where neither the source nor the file itself has a position.
        at_s: Which moment of a video it is, in seconds from its start; None for a photo of its own.
        burst: Of a photo of a gallery without a group: what it is a copy of, or was taken in one burst with.
    """

    path: Path
    name: str
    position: Position | None = None
    position_source: str = ""
    time: datetime | None = None
    heading_deg: float | None = None
    altitude_m: float | None = None
    group: str | None = None
    intrinsics: Intrinsics | None = None
    accuracy_m: float | None = None
    label: str | None = None
    fallback: Fix | None = None
    at_s: float | None = None
    burst: str | None = None

    @property
    def placed(self) -> bool:
        """Whether a position is known without opening the file."""
        return self.position is not None or (self.fallback is not None and self.fallback.position is not None)


@dataclass(frozen=True, slots=True)
class Skipped:
    """A photo that was left out.

    Attributes:
        name: Of the photo.
        reason: In words for the user.
        again: It was named before; nothing is lost.
    """

    name: str
    reason: str
    again: bool = False


@dataclass(frozen=True, slots=True)
class LocalFeatures:
    """Keypoints and descriptors of one image of ``width`` x ``height`` pixels.

    Attributes:
        keypoints: ``(N, 4)`` float32: x, y in pixels, scale (diameter in pixels), orientation in degrees.
        descriptors: ``(N, D)``; uint8 or int8 where the extractor quantises, else float32. Strongest keypoints first.
        width: Pixels of the image they were found in.
        height: Pixels of the image they were found in.
        whole: ``(W,)`` float32: what a describer that looks at pixels took of the whole image; else None.
        counts: Where features are of several kinds: how many are of each. Those of one kind follow each other.
    """

    keypoints: FloatArray
    descriptors: NDArray[Any]
    width: int
    height: int
    whole: FloatArray | None = None
    counts: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.keypoints)

    @property
    def oriented(self) -> bool:
        """Whether keypoints turn with what they show; learned ones mostly stand upright."""
        return len(self) > 0 and bool(np.ptp(self.keypoints[:, 3]) > 0)

    @property
    def parts(self) -> list[LocalFeatures]:
        """One for each kind; the features themselves where they are all of one."""
        if len(self.counts) < 2:
            return [self]
        ends = np.cumsum(self.counts)
        return [
            LocalFeatures(
                self.keypoints[end - count : end], self.descriptors[end - count : end], self.width, self.height
            )
            for end, count in zip(ends.tolist(), self.counts, strict=True)
        ]


@dataclass(frozen=True, slots=True)
class Matches:
    """Which keypoint of the query is which keypoint of the database photo.

    Attributes:
        query: ``(M,)`` indices into the query's keypoints.
        database: ``(M,)`` indices into the database photo's keypoints.
        distances: ``(M,)`` float32 between their descriptors, from matchers that tell.
    """

    query: NDArray[np.intp]
    database: NDArray[np.intp]
    distances: FloatArray | None = None

    def __len__(self) -> int:
        return len(self.query)

    def only(self, kept: NDArray[Any]) -> Matches:
        """Some of them, by a mask or by indices."""
        distances = None if self.distances is None else self.distances[kept]
        return Matches(self.query[kept], self.database[kept], distances)


@dataclass(frozen=True, slots=True)
class Geometry:
    """What robust estimation found in the matches of one pair.

    Attributes:
        inliers: ``(M,)`` bool, over the matches.
        kind: ``fundamental``, ``homography`` or ``none``.
        matrix: ``(3, 3)`` from query to database pixels, or None.
    """

    inliers: NDArray[np.bool_]
    kind: str = "none"
    matrix: DoubleArray | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """One gallery photo that may show the query's place.

    Attributes:
        path: As the gallery names it.
        position: Where that photo was taken.
        similarity: Cosine of the global descriptors.
        inliers: Matches that agree with one geometry.
        retrieval_rank: 0 for the most similar photo, before re-ranking.
        group: The photo's group in the gallery, if any.
    """

    path: str
    position: Position
    similarity: float
    inliers: int
    retrieval_rank: int
    group: str | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """One class, or one place, that a trained model takes for possible.

    Attributes:
        label: Name of the class; None for a place of a mixture.
        probability: Of all classes or places together 1.
        position: The middle of the class, or the place; None where no position is known.
    """

    label: str | None
    probability: float
    position: Position | None = None


class Status(StrEnum):
    """How an answer may be used."""

    LOCATED = "located"
    UNSURE = "unsure"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Location:
    """The answer for one photo.

    Attributes:
        path: Exactly as given.
        status: ``unsure`` still carries the best guess; ``failed`` has no position.
        position: In the gallery's coordinates; None also where a trained model knows classes and no positions.
        radius_m: 90 % of the truths are meant to lie inside.
        confidence: Probability that the error is at most the tolerance.
        candidates: Best first, after re-ranking.
        seconds: Time spent per stage.
        duplicate_of: Gallery photos with the same content; they are no evidence and were left out.
        error: What went wrong with a failed photo.
        heading_deg: Direction of view, clockwise from north, where known.
        place: A name for the position, where known.
        turned_deg: By how much the photo was turned clockwise before it was answered: 0, 90, 180 or 270. Not 0 where it
            lies on a side and its file does not say so; the heading is that of the turned photo.
        choices: What a trained model takes for possible, the likeliest first.
    """

    path: str
    status: Status
    position: Position | None = None
    radius_m: float | None = None
    confidence: float = 0.0
    candidates: tuple[Candidate, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)
    duplicate_of: tuple[str, ...] = ()
    error: str | None = None
    heading_deg: float | None = None
    place: str | None = None
    turned_deg: int = 0
    choices: tuple[Choice, ...] = ()

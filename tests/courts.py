"""A court full of points whose photos are known exactly: what relative poses and reconstructions are held against."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from whence.gallery.photo import GalleryPhoto
from whence.geo.plane import Plane
from whence.locate.stages import Shortlist
from whence.types import XY, DoubleArray, LocalFeatures, Matches
from whence.verify.rerank import UNVERIFIED, Verification
from whence.worlds import View
from whence.worlds.camera import project

TOLERANCE_M = 5.0
SIZE = (640, 480)


@dataclass
class Court:
    """A court full of points, photographed from several places.

    Attributes:
        query: Who asks.
        views: The gallery's photos.
        known: Whether cameras are told.
        noise_px: Of keypoints.
        wrong: Share of matches that are wrong.
        points: ``(N, 3)`` metres; seen by all cameras that look their way.
    """

    query: View
    views: Sequence[View]
    known: bool = True
    noise_px: float = 0.3
    wrong: float = 0.1
    points: DoubleArray = field(default_factory=lambda: court())

    def shortlist(self, seed: int = 0) -> Shortlist:
        rng = np.random.default_rng(seed)
        own, seen = self._features(self.query, rng)
        found = [self._features(view, rng) for view in self.views]
        verifications, cameras = [], View(0, 0, fov_deg=self.query.fov_deg).intrinsics(*SIZE) if self.known else None
        for _, other in found:
            both = np.flatnonzero(seen & other)
            partners = both.copy()
            mixed = rng.random(len(both)) < self.wrong
            partners[mixed] = rng.permutation(partners[mixed])
            verifications.append(Verification(Matches(both, partners), 1.0) if len(both) >= 8 else UNVERIFIED)
        return Shortlist(
            photos=[
                GalleryPhoto(f"{n}.jpg", XY(v.x, v.y), "csv", str(n), None, None, SIZE, cameras)
                for n, v in enumerate(self.views)
            ],
            points=np.array([(view.x, view.y) for view in self.views]),
            similarities=np.linspace(0.9, 0.1, len(self.views), dtype=np.float32),
            verifications=verifications,
            verified=True,
            query=own,
            features_of=lambda places: [found[place][0] for place in places],
            plane=Plane(None),
            tolerance_m=TOLERANCE_M,
            camera=cameras,
        )

    def _features(self, view: View, rng: np.random.Generator) -> tuple[LocalFeatures, np.ndarray]:
        pixels, depth = project(view, self.points, *SIZE)
        seen = (depth > 0.5) & (pixels > -0.5).all(axis=1) & (pixels < np.array(SIZE) - 0.5).all(axis=1)
        keypoints = np.zeros((len(pixels), 4), np.float32)
        keypoints[:, :2] = np.clip(pixels + rng.normal(0, self.noise_px, pixels.shape), -1e4, 1e4)
        keypoints[:, 2] = 8
        named = np.random.default_rng(7).integers(-40, 41, (len(pixels), 64))  # a point is told by its descriptor
        nobody = rng.integers(-40, 41, named.shape)
        descriptors = np.where(seen[:, None], named, nobody).astype(np.int8)
        return LocalFeatures(keypoints, descriptors, *SIZE), seen


def court(seed: int = 0, count: int = 600) -> DoubleArray:
    """Points of walls and things between them, 8 to 22 m north of the origin."""
    rng = np.random.default_rng(seed)
    return np.column_stack([rng.uniform(-12, 12, count), rng.uniform(8, 22, count), rng.uniform(-1, 6, count)])


def around(seed: int, count: int = 5) -> list[View]:
    """Photos of the court from places 2 to 4 m around the origin."""
    rng = np.random.default_rng(seed)
    turns = np.linspace(0, 2 * math.pi, count, endpoint=False) + rng.uniform(0, 1, count)
    return [
        View(
            float(r * math.sin(turn)),
            float(r * math.cos(turn)),
            heading_deg=float(rng.uniform(-12, 12)),
            pitch_deg=float(rng.uniform(0, 6)),
            roll_deg=float(rng.uniform(-3, 3)),
        )
        for r, turn in zip(rng.uniform(2, 4, count), turns, strict=True)
    ]


def visitor(seed: int) -> View:
    rng = np.random.default_rng(1000 + seed)
    x, y = rng.uniform(-1.2, 1.2, 2)
    return View(float(x), float(y), heading_deg=float(rng.uniform(-10, 10)), pitch_deg=3.0)

"""From the candidates of one photo to a position, with a radius and a confidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from whence.gallery.gallery import Gallery
from whence.gallery.photo import GalleryPhoto
from whence.geo.distance import metres_from
from whence.geo.line import Line
from whence.geo.plane import Plane
from whence.locate.answers import Answer, Query, Told
from whence.locate.calibration import Calibration
from whence.locate.confidence import promised, radius_m
from whence.locate.fusion import geometric_median
from whence.locate.pipeline import Pipeline
from whence.locate.stages import Proposal, Refined, Shortlist
from whence.locate.verifying import around_best
from whence.types import XY, Candidate, Crs, DoubleArray, FloatArray, LatLon, Location, Position, Status
from whence.verify.rerank import Verification

_SOME = 20_000
"""Photos whose positions stand for those of all, where only their distribution counts."""
_NO_IDEA = 0.0
"""Confidence of a guess that nothing speaks for."""


class Decider:
    """Weighs what was found for a photo, by the recipe and by what the gallery knows of itself."""

    def __init__(
        self,
        gallery: Gallery,
        pipeline: Pipeline,
        coordinates: DoubleArray,
        tolerance_m: float,
        candidates: int,
        calibration: Calibration | None,
        y_down: bool | None,
    ) -> None:
        """
        Args:
            gallery: Where was looked.
            pipeline: Stages of the recipe.
            coordinates: ``(N, 2)`` of the photos that count.
            tolerance_m: An error up to this counts as right.
            candidates: How many an answer names.
            calibration: What the gallery found out of its own photos; None for the recipe's own rules.
            y_down: Whether y of a plan points down; None where nobody knows.
        """
        self._gallery, self._pipeline, self._tolerance_m = gallery, pipeline, tolerance_m
        self._candidates, self._calibration, self._y_down = candidates, calibration, y_down
        self._some = coordinates[:: -(-len(coordinates) // _SOME)]
        # Labels along a line know of no left and right: what geometry sees of them must not count as distance.
        self._line = Line.through(gallery.coordinates) if gallery.settings.crs is not Crs.WGS84 else None
        self._promised = 1.0 if calibration is not None else promised(tolerance_m)

    def decide(
        self, query: Query, rows: NDArray[np.intp], cosines: FloatArray, verifications: Sequence[Verification]
    ) -> Answer:
        """The answer for one photo, without the seconds that it took.

        Args:
            query: The photo.
            rows: ``(K,)`` candidates, most similar first.
            cosines: ``(K,)`` their similarities.
            verifications: One for each of them.
        """
        photos = [self._gallery.photos[row] for row in rows]
        plane = self._plane(photos, verifications)
        shortlist = Shortlist(
            photos=photos,
            points=plane.metres(self._gallery.coordinates[rows]),
            similarities=cosines,
            verifications=verifications,
            verified=self._pipeline.estimator is not None,
            query=query.features,
            features_of=lambda places: self._gallery.features([int(rows[place]) for place in places]),
            plane=plane,
            tolerance_m=self._tolerance_m,
            camera=query.camera,
            y_down=self._y_down,
        )
        proposal = self._on_line(self._pipeline.positioner.position(shortlist)) if len(rows) else None
        refined = None if proposal is None else self._refined(proposal)
        position = self._position(refined or proposal, shortlist.points, plane)
        candidates_m = np.hypot(*(shortlist.points - plane.point(position)).T)
        probability, radius = self._sureness(proposal, position, candidates_m)
        order = (range(len(rows)) if proposal is None else proposal.order)[: self._candidates]
        inliers = shortlist.inliers
        named = tuple(
            Candidate(photo.path, photo.position, float(cosines[i]), int(inliers[i]), int(i), photo.group)
            for i, photo in ((i, photos[i]) for i in order)
        )
        sure = proposal is not None and probability >= self._pipeline.confidence.unsure_below
        location = Location(
            path=query.path,
            status=Status.LOCATED if sure else Status.UNSURE,
            position=position,
            radius_m=radius,
            confidence=probability,
            candidates=named,
            heading_deg=None if refined is None else refined.heading_deg,
        )
        chosen = tuple(int(rows[i]) for i in order), tuple(verifications[i] for i in order)
        if proposal is None:
            return Answer(location, query, *chosen, tuple(rows.tolist()))
        others = tuple((plane.position(*point.tolist()), weight) for point, weight in proposal.hypotheses)
        told = None
        if (own := proposal.refined) is not None:
            without, position = (plane.position(*point.tolist()) for point in (proposal.east_north, own.east_north))
            told = Told(without, position, own.photos, own.y_down)
        return Answer(location, query, *chosen, tuple(rows.tolist()), proposal.evidence, told, others)

    def _on_line(self, proposal: Proposal | None) -> Proposal | None:
        """With the geometry's position where the gallery's positions all lie, if that is a line."""
        if self._line is None or proposal is None or proposal.refined is None:
            return proposal
        return replace(
            proposal,
            refined=replace(proposal.refined, east_north=self._line.nearest(proposal.refined.east_north)),
        )

    def _refined(self, proposal: Proposal) -> Refined | None:
        """The geometry's word, where it is taken: the gallery found it better, or the recipe's own rule says so."""
        refined = proposal.refined
        if refined is None:
            return None
        taken = refined.trusted if self._calibration is None else refined.photos >= self._calibration.refine_from
        return refined if taken else None

    def _sureness(
        self, proposal: Proposal | None, position: Position, candidates_m: DoubleArray
    ) -> tuple[float, float]:
        """Probability that the error is within the tolerance, and the radius that holds nine of ten truths."""
        if proposal is not None and proposal.evidence is not None and self._calibration is not None:
            told = proposal.evidence
            return self._calibration.confidence(*told), self._calibration.radius_m(*told, candidates_m)
        probability = _NO_IDEA if proposal is None else proposal.confidence * self._promised
        return probability, radius_m(probability, self._tolerance_m, self._distances(position))

    def _plane(self, photos: Sequence[GalleryPhoto], verifications: Sequence[Verification]) -> Plane:
        """Around the best match, where metres have to be right, however large the gallery."""
        if not photos:
            kind = LatLon if self._gallery.settings.crs is Crs.WGS84 else XY
            return Plane.around([kind(*pair) for pair in self._some.tolist()])
        return around_best(photos, verifications)

    def _position(self, proposal: Proposal | Refined | None, points: DoubleArray, plane: Plane) -> Position:
        """The place found; else that of the most similar photo; else the middle of the gallery."""
        if proposal is not None:
            east, north = proposal.east_north.tolist()
        elif len(points):
            east, north = points[0].tolist()
        else:
            east, north = geometric_median(plane.metres(self._some)).tolist()
        return plane.position(east, north)

    def _distances(self, position: Position) -> DoubleArray:
        """Metres from a position to the photos that count; of very many, to some that are spread evenly."""
        return metres_from(position, self._some)

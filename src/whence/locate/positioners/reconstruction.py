"""A position of the query's own, from a reconstruction of the query and the photos of its place.

Relative poses of pairs (``epipolar``) use what the query shares with each photo; a reconstruction also uses what the
photos share with each other, and adjusts everything together. Its cameras, seen from the query, are a sketch as those
are, and are laid on the known positions in the same way. Where photos do not fit together the answer is that of
``epipolar``.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from whence.geo.similarity import Fit
from whence.locate.positioners.epipolar import Epipolar, EpipolarOptions, Sighting, guessed, proposed
from whence.locate.stages import Proposal, Shortlist
from whence.photos.threads import one_thread_each
from whence.types import LocalFeatures, Matches
from whence.verify.geometry import RobustGeometry
from whence.verify.matching import MutualNearestNeighbour
from whence.verify.reconstruction import Lens, library, reconstruct
from whence.verify.rerank import verify

_GUESS = 0.8
"""Focal length over the longest side that COLMAP starts from where relative poses told none."""


@dataclass(frozen=True, slots=True)
class ReconstructionOptions(EpipolarOptions):
    """Options of ``EpipolarOptions``, and these.

    Attributes:
        together: Verified matches that a pair of photos needs to be taken together.
    """

    together: int = 15


class Reconstruction:
    """``epipolar``, improved by a reconstruction where one comes about."""

    options_type = ReconstructionOptions

    def __init__(self, options: ReconstructionOptions | None = None) -> None:
        """Looks for COLMAP, so that it is not missed only after all the work.

        Raises:
            MissingExtraError: Without the extra ``sfm``.
        """
        library()
        self.options = options or ReconstructionOptions()
        self._epipolar = Epipolar(self.options)
        self._matcher, self._estimator = MutualNearestNeighbour(), RobustGeometry()

    def position(self, shortlist: Shortlist) -> Proposal | None:
        """See ``Positioner``; the confidence is that of ``places``."""
        place, sighting = self._epipolar.sighted(shortlist)
        if place is None or sighting is None:
            return place
        fit = self._fit(shortlist, sighting)
        known = 0.0 if sighting.fit is None else float(sighting.fit.belief.sum())
        if fit is None or float(fit.belief.sum()) < known:
            fit = sighting.fit
        return place if fit is None else proposed(place, fit, self.options.agree)

    def _fit(self, shortlist: Shortlist, sighting: Sighting) -> Fit | None:
        photos = [shortlist.query, *sighting.features]
        matches = self._matched(shortlist, sighting, photos)
        poses = reconstruct(photos, self._lenses(shortlist, sighting), matches)
        others = [place for place in poses if place > 0]
        if len(others) < 2:
            return None
        here = poses[0]
        sketch = np.array([(here.R @ (poses[place].centre - here.centre))[[0, 2]] for place in others])
        ground = np.array([shortlist.points[sighting.chosen[place - 1]] for place in others])
        laid = self._epipolar.laid(shortlist, sketch, ground, np.ones(len(others)), sighting.reach_m)
        return laid if self._epipolar.near(shortlist, laid, sighting) else None

    def _matched(
        self, shortlist: Shortlist, sighting: Sighting, photos: list[LocalFeatures]
    ) -> dict[tuple[int, int], Matches]:
        found = {(0, place + 1): shortlist.verifications[row].matches for place, row in enumerate(sighting.chosen)}
        with one_thread_each:
            for first, second in combinations(range(1, len(photos)), 2):
                found[first, second] = verify(photos[first], photos[second], self._matcher, self._estimator).matches
        return {pair: matches for pair, matches in found.items() if len(matches) >= self.options.together}

    def _lenses(self, shortlist: Shortlist, sighting: Sighting) -> list[Lens]:
        focal = sighting.focal or self.options.focal or _GUESS
        known = [shortlist.camera]
        known += [
            shortlist.photos[row].camera_at(features.width, features.height)
            for row, features in zip(sighting.chosen, sighting.features, strict=True)
        ]
        return [
            Lens(camera, True) if camera is not None else Lens(guessed(focal, features), False)
            for camera, features in zip(known, [shortlist.query, *sighting.features], strict=True)
        ]

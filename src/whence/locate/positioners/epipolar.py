"""A position of the query's own, from the epipolar geometry with photos whose positions are known.

The future work of the museum report, in its four steps: keypoints; inliers of a robust fundamental matrix (both as in
the default recipe); the essential matrix from the cameras; its rotation and translation. A translation of two photos
has no length, so two more steps lead to metres: depths of the query's keypoints are one ruler for the translations to
all photos (``verify.common_scale``), which gives a sketch of where these stand, seen from the query; and the sketch is
laid on their known positions (``geo.similarity``). Cameras are taken to be upright, and headings need not be known.

Where cameras are not known, several focal lengths are tried: the wrong ones bend the sketch, so that it does not fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from whence.errors import RecipeError
from whence.geo.plane import apart_m
from whence.geo.similarity import Errors, Fit, lay
from whence.locate.positioners.places import Places
from whence.locate.stages import Proposal, Refined, Shortlist
from whence.photos.cameras import central
from whence.types import DoubleArray, Intrinsics, LocalFeatures
from whence.verify.common_scale import common_lengths
from whence.verify.relative_pose import METHODS, depths, normalised, parallax, rotation_alone

_LEAST_PARALLAX = np.radians(1.0)
"""Depths of points seen at smaller angles are noise."""
_FOCALS = (0.55, 0.65, 0.8, 0.95, 1.15, 1.4)
"""Focal lengths over the longest side that are tried: of views 84 to 39 degrees wide."""
_PER_INLIER = 0.05
"""What an inlier adds to the logarithm of a focal length's likelihood; little, since their errors are alike."""
_TELLING = 6
"""Photos, those with most inliers, by which a focal length is chosen."""
_TURNED_OVER = 3.0
"""By how much a plan with its y downwards has to be likelier for one query alone: two photos fit either way."""
_STILL = 0.85
"""A camera that only turned explains at least this share of the matches by the turn alone."""
_FULL_SAY = 60.0
"""Inliers from which on a pair counts in full."""
_REACH, _SPACINGS = 6.0, 4.0
"""How far photos may lie from the place that the evidence supports best, over the tolerance, or over how far apart
photos stand; whichever is more. The answer may lie half as far."""


@dataclass(frozen=True, slots=True)
class EpipolarOptions:
    """Options of positions from relative poses.

    Attributes:
        pose: How a pair's pose is found: ``poselib`` or ``opencv`` from five points, ``fundamental`` by way of a
            fundamental matrix as in the report.
        focal: Focal length over the longest side, for photos whose camera is not known; 0 finds it for each query.
        threshold_px: A match this close to its epipolar line agrees with the pose.
        photos: At most so many, those with most inliers.
        inliers: At least so many in each.
        spread: Relative error of translations on the common ruler.
        floor: Error of the gallery's positions over the tolerance.
        sigma: An answer less certain than this over the tolerance falls back to the place's mean.
        agree: The probabilities that each photo fits add up to this, or it falls back too, in a gallery that did not
            find out for itself from how many on such positions are better (``locate.calibration``).
    """

    pose: str = "poselib"
    focal: float = 0.0
    threshold_px: float = 1.5
    photos: int = 12
    inliers: int = 12
    spread: float = 0.1
    floor: float = 0.05
    sigma: float = 0.5
    agree: float = 3.5


@dataclass(frozen=True, slots=True, eq=False)
class _Pair:
    """A photo seen from the query.

    Attributes:
        centre: ``(3,)`` where it stands in the query's axes, in lengths of its own; zeros if it stands there too.
        keypoints: Of the query, ``(K,)``.
        depths: ``(K,)`` of these, in the same lengths.
        say: 0 to 1.
        point: ``(2,)`` where it stands on the ground, in metres.
        inliers: Matches that the cameras explain, a turn alone included.
    """

    centre: DoubleArray
    keypoints: NDArray[np.intp]
    depths: DoubleArray
    say: float
    point: DoubleArray
    inliers: int

    @property
    def still(self) -> bool:
        return not self.centre.any()


@dataclass(frozen=True, slots=True, eq=False)
class Sighting:
    """Photos around a query that show what it shows.

    Attributes:
        chosen: Their places in the shortlist, those with most inliers first.
        features: Of each.
        around: ``(2,)`` the place that the evidence supports best, in metres.
        reach_m: How far from there they may stand.
        fit: Where the query stands, if relative poses tell; its axes are the query's right and ahead.
        focal: Focal length over the longest side by which it was found; 0 if none was.
    """

    chosen: list[int]
    features: list[LocalFeatures]
    around: DoubleArray
    reach_m: float
    fit: Fit | None = None
    focal: float = 0.0


class Epipolar:
    """A new position where the geometry tells one; that of ``places`` where it does not."""

    options_type = EpipolarOptions

    def __init__(self, options: EpipolarOptions | None = None) -> None:
        self.options = options or EpipolarOptions()
        self._places = Places()
        if self.options.pose not in METHODS:
            raise RecipeError(f"[locate] pose = {self.options.pose!r}: expected one of {', '.join(METHODS)}")
        for name in ("threshold_px", "spread", "floor"):
            if getattr(self.options, name) <= 0:
                raise RecipeError(f"[locate] {name} = {getattr(self.options, name)}: expected a number above 0")

    def position(self, shortlist: Shortlist) -> Proposal | None:
        """See ``Positioner``; None where ``places`` has none. The confidence is that of ``places``."""
        place, sighting = self.sighted(shortlist)
        if place is None or sighting is None or sighting.fit is None:
            return place
        return proposed(place, sighting.fit, self.options.agree)

    def sighted(self, shortlist: Shortlist) -> tuple[Proposal | None, Sighting | None]:
        """What ``places`` says, and what the query shares with photos around it; None where there are no such."""
        place = self._places.position(shortlist)
        if place is None:
            return None, None
        reach_m = _reach_m(shortlist)
        chosen = self._chosen(shortlist, place.east_north, reach_m)
        if len(chosen) < 2:
            return place, None
        sighting = Sighting(chosen, shortlist.features_of(chosen), place.east_north, reach_m)
        return place, self._fitted(shortlist, sighting)

    def _fitted(self, shortlist: Shortlist, sighting: Sighting) -> Sighting:
        """With the query on the ground, by the likeliest focal length, if that is certain enough and near."""
        photos = list(zip(sighting.chosen, sighting.features, strict=True))
        cameras = [shortlist.photos[i].camera_at(f.width, f.height) for i, f in photos]
        known = [c.fx / max(f.width, f.height) for c, (_, f) in zip(cameras, photos, strict=True) if c is not None]
        guesses = shortlist.camera is None or len(known) < len(photos)
        focals: tuple[float, ...] = (self.options.focal,) if self.options.focal or not guesses else _FOCALS
        if known and focals is _FOCALS:  # the query may well have been taken by the same camera
            focals = (float(np.median(known)), *_FOCALS)
        some = photos if len(focals) == 1 else photos[:_TELLING]
        tried = [(self._by_pairs(shortlist, some, focal, sighting.reach_m), focal) for focal in focals]
        (best, likelihood), focal = max(tried, key=lambda one: one[0][1])
        if not np.isfinite(likelihood):
            return sighting
        if len(some) < len(photos):
            best, _ = self._by_pairs(shortlist, photos, focal, sighting.reach_m)
        return replace(sighting, fit=best if self.near(shortlist, best, sighting) else None, focal=focal)

    def near(self, shortlist: Shortlist, fit: Fit | None, sighting: Sighting) -> bool:
        """Whether a fit is certain enough, and not far from what ``places`` says."""
        if fit is None or fit.sigma_m > self.options.sigma * shortlist.tolerance_m:
            return False
        return float(np.hypot(*(fit.origin - sighting.around))) <= sighting.reach_m / 2

    def _chosen(self, shortlist: Shortlist, around: DoubleArray, reach_m: float) -> list[int]:
        """Photos near a point, those with most inliers first."""
        inliers = shortlist.inliers
        near = np.hypot(*(shortlist.points - around).T) <= reach_m
        usable = np.flatnonzero(near & (inliers >= self.options.inliers))
        return [int(i) for i in usable[np.argsort(-inliers[usable], kind="stable")][: self.options.photos]]

    def _by_pairs(
        self, shortlist: Shortlist, photos: Sequence[tuple[int, LocalFeatures]], focal: float, reach_m: float
    ) -> tuple[Fit | None, float]:
        """The sketch on the ground, and how likely it is that the cameras are as they were taken to be."""
        asked = [self._pair(shortlist, place, features, focal) for place, features in photos]
        pairs = [pair for pair in asked if pair is not None]
        sketch, linked = _sketch(pairs)
        if len(linked) < 2:
            return None, -np.inf
        ground, say = np.array([pair.point for pair in linked]), np.array([pair.say for pair in linked])
        fit = self.laid(shortlist, sketch, ground, say, reach_m)
        if fit is None:
            return None, -np.inf
        return fit, fit.likelihood + _PER_INLIER * sum(pair.inliers for pair in pairs)

    def laid(
        self, shortlist: Shortlist, sketch: DoubleArray, ground: DoubleArray, say: DoubleArray, reach_m: float
    ) -> Fit | None:
        """Photos right and ahead of the query, laid on their positions; face down where a plan takes it."""
        errors = Errors(self.options.spread, self.options.floor * shortlist.tolerance_m, reach_m)
        up = lay(sketch, ground, say, errors)
        if up is None or shortlist.plane.origin is not None:
            return up
        # a plan may have its y downwards: the mirror image of what a camera sees
        down = lay(sketch, ground, say, errors, turned_over=True)
        if down is None:
            return up
        face_down = down.likelihood - up.likelihood
        turned = face_down > _TURNED_OVER if shortlist.y_down is None else shortlist.y_down
        return replace(down if turned else up, face_down=face_down)

    def _pair(self, shortlist: Shortlist, place: int, features: LocalFeatures, focal: float) -> _Pair | None:
        matches = shortlist.verifications[place].matches
        seen = shortlist.photos[place].camera_at(features.width, features.height)
        own = shortlist.camera or guessed(focal, shortlist.query)
        other = seen or guessed(focal, features)
        a = normalised(shortlist.query.keypoints[matches.query, :2], own)
        b = normalised(features.keypoints[matches.database, :2], other)
        threshold = self.options.threshold_px / own.fx
        if _turned_only(a, b, 2 * threshold):
            none = np.zeros(0)
            return _Pair(np.zeros(3), none.astype(np.intp), none, 1.0, shortlist.points[place], len(a))
        pose = METHODS[self.options.pose](a, b, threshold)
        if pose is None:
            return None
        known = pose.inliers & (parallax(a, b, pose.R) > _LEAST_PARALLAX)
        far, _ = depths(a[known], b[known], pose.R, pose.t)
        say = min(1.0, float(pose.inliers.sum()) / _FULL_SAY)
        return _Pair(pose.second_centre, matches.query[known], far, say, shortlist.points[place], int(known.sum()))


def proposed(place: Proposal, fit: Fit, agree: float) -> Proposal:
    """The proposal of a place with the query's own position and heading beside it."""
    photos = float(fit.belief.sum())
    # a tiny negative number rounds up to 360 first
    heading_deg = float(np.degrees(np.arctan2(*fit.ahead)) % 360 % 360)
    return replace(place, refined=Refined(fit.origin, heading_deg, photos, photos >= agree, fit.face_down))


def _reach_m(shortlist: Shortlist) -> float:
    """How far from the best place photos are taken into account."""
    apart = apart_m(shortlist.points, shortlist.points)
    apart[apart <= 0.1 * shortlist.tolerance_m] = np.inf  # photos of one place
    nearest = apart.min(axis=1)
    spacing = float(np.median(nearest[np.isfinite(nearest)])) if np.isfinite(nearest).any() else 0.0
    return max(_REACH * shortlist.tolerance_m, _SPACINGS * spacing)


def guessed(focal: float, features: LocalFeatures) -> Intrinsics:
    """A camera of a focal length over the longest side."""
    return central(focal * max(features.width, features.height), features.width, features.height)


def _turned_only(a: DoubleArray, b: DoubleArray, within: float) -> bool:
    """Whether a turn alone explains nearly all matches: both photos were then taken at one place."""
    off = parallax(a, b, rotation_alone(a, b))
    middle = off <= np.median(off)
    off = parallax(a, b, rotation_alone(a[middle], b[middle]))  # anew, without those that are wrong
    return bool((off <= within).mean() >= _STILL)


def _sketch(pairs: Sequence[_Pair]) -> tuple[DoubleArray, list[_Pair]]:
    """``(P, 2)`` right and ahead of the query, in one length for all, and the pairs that have one."""
    moved = [pair for pair in pairs if not pair.still]
    lengths = common_lengths([pair.keypoints for pair in moved], [pair.depths for pair in moved])
    linked = [(pair, length) for pair, length in zip(moved, lengths, strict=True) if np.isfinite(length)]
    still = [pair for pair in pairs if pair.still]
    centres = [pair.centre[[0, 2]] * length for pair, length in linked] + [np.zeros(2) for _ in still]
    return np.array(centres).reshape(-1, 2), [pair for pair, _ in linked] + still

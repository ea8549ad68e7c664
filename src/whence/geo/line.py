"""Positions that lie on one line, as those of a walk numbered by frames or metres along a road do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from whence.types import DoubleArray

_LEAST = 3
_OFF = 1e-4
"""How far from the line points lie at most, as standard deviations across and along: what two digits behind the point
lose on a hundred metres, and less than any road bends."""


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """A line on a plane.

    Attributes:
        middle: ``(2,)`` a point of it.
        along: ``(2,)`` its direction, of length one.
    """

    middle: DoubleArray
    along: DoubleArray

    @classmethod
    def through(cls, points: DoubleArray) -> Line | None:
        """The one line that ``(N, 2)`` points lie on; None if they do not, or are one or two places only."""
        if len(points) < _LEAST:
            return None
        middle = points.mean(axis=0)
        _, lengths, axes = np.linalg.svd(points - middle, full_matrices=False)
        if lengths[1] > _OFF * lengths[0] or len(np.unique(points, axis=0)) < _LEAST:  # few galleries get to the latter
            return None
        return cls(middle, axes[0])

    def nearest(self, point: DoubleArray) -> DoubleArray:
        """``(2,)`` its point nearest to another."""
        return np.asarray(self.middle + ((point - self.middle) @ self.along) * self.along)

"""Shares of the queries that a method of ``peers.py`` got right, from rows and distances alone."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

Errors = Sequence[Sequence[float]]
"""Metres from the truth of each photo of the shortlists, best first, one list per query."""
_Z = 1.96
"""Of a normal distribution, for 95 %."""


def found(errors: Errors, tolerance_m: float, count: int) -> list[bool]:
    """Whether a photo within the tolerance is among the first ``count``; one truth value per query."""
    return [any(error <= tolerance_m for error in listed[:count]) for listed in errors]


def best(inliers: Sequence[int]) -> int | None:
    """Place of the photo with most inliers, the first one among equals; None without photos."""
    return max(range(len(inliers)), key=inliers.__getitem__) if inliers else None


def right(errors: Errors, inliers: Sequence[Sequence[int]], tolerance_m: float) -> list[bool]:
    """Whether the photo with most inliers is within the tolerance; never without photos."""
    places = [best(counts) for counts in inliers]
    return [place is not None and listed[place] <= tolerance_m for listed, place in zip(errors, places, strict=True)]


def interval(hits: int, of: int) -> tuple[float, float]:
    """95 % interval of a share, after Wilson (1927)."""
    if not of:
        return 0.0, 1.0
    share, squared = hits / of, _Z * _Z / of
    middle = (share + squared / 2) / (1 + squared)
    half = _Z / (1 + squared) * sqrt(share * (1 - share) / of + squared / (4 * of))
    return max(0.0, middle - half), min(1.0, middle + half)


def share(hits: Sequence[bool]) -> str:
    """A share with its interval, as ``0.80 (0.63-0.90)``."""
    low, high = interval(sum(hits), len(hits))
    return f"{sum(hits) / max(1, len(hits)):.2f} ({low:.2f}-{high:.2f})"

"""Does confidence mean what it says, and does it tell right from wrong?"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from whence.metrics import checks
from whence.metrics.statistics import Auroc, CalibrationError


def auroc(score: ArrayLike, good: ArrayLike) -> float:
    """Probability that a good query has a higher score than another, ties counted half; NaN without both kinds.

    With the confidence as score and known places as good it says how well unknown places are refused.

    Args:
        score: ``(Q,)``.
        good: ``(Q,)`` bool.

    Raises:
        InputError: No queries, different lengths, or NaN.
    """
    scores, goods = checks.column("score", score), checks.flags("good", good)
    count = checks.rows(score=scores, good=goods)
    checks.numbers("score", scores)
    return float(Auroc(scores, goods, np.ones(count, np.bool_)).on(np.ones((1, count), np.float32))[0])


def calibration_error(confidence: ArrayLike, good: ArrayLike, bins: int = 10) -> float:
    """Expected calibration error: mean gap of confidence and share of good queries over equal bins, from 0 to 1.

    Args:
        confidence: ``(Q,)`` from 0 to 1.
        good: ``(Q,)`` bool.
        bins: At least 1.

    Raises:
        InputError: No queries, different lengths, a confidence outside 0 to 1, or no bins.
    """
    confidences, goods = checks.column("confidence", confidence), checks.flags("good", good)
    count = checks.rows(confidence=confidences, good=goods)
    checks.confidences(confidences)
    return float(
        CalibrationError(confidences, goods, checks.whole("bins", bins)).on(np.ones((1, count), np.float32))[0]
    )


def inside_radius(error_m: ArrayLike, radius_m: ArrayLike) -> float:
    """Share of truths within the radius, of the queries that have one (not NaN); NaN if none has.

    ``InputError``: no queries, different lengths, or NaN among ``(Q,)`` errors.
    """
    errors, radii = checks.column("error_m", error_m), checks.column("radius_m", radius_m)
    checks.rows(error_m=errors, radius_m=radii)
    checks.numbers("error_m", errors)
    given = np.isfinite(radii)
    return float((errors <= radii)[given].mean()) if given.any() else float("nan")

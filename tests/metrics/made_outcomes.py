"""Outcomes whose truth is known, and figures of them by definition, one query after the other."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from whence.metrics.outcomes import Outcomes

INF, NAN = math.inf, math.nan
THRESHOLDS = (5.0, 25.0)
TOLERANCE = 25.0


def outcomes(seed: int, count: int = 20, *, unknown: float = 0.2, missing: float = 0.15, clusters: int = 8) -> Outcomes:
    """Random ones, with ties, missing answers, unknown places and lists of different lengths."""
    random = np.random.default_rng(seed)
    known = random.random(count) >= unknown
    answered = known & (random.random(count) >= missing)
    offset = np.where(answered[:, None], random.integers(-30, 31, (count, 2)).astype(float), INF)
    retrieved = random.integers(0, 200, (count, 12)).astype(float)
    retrieved[np.arange(12) >= random.integers(0, 13, count)[:, None]] = INF
    ranked = np.sort(retrieved, axis=1)[:, :7]
    for array in (offset, retrieved, ranked):
        array[~known] = NAN
    error = np.hypot(*offset.T)
    radius = random.integers(1, 60, count).astype(float)
    radius[random.random(count) < 0.2] = NAN
    return Outcomes(
        known=known,
        error_m=error,
        offset_m=offset,
        confidence=random.integers(0, 11, count) / 10,
        radius_m=radius,
        located=random.random(count) < 0.6,
        retrieved_m=retrieved,
        ranked_m=ranked,
        cluster=random.integers(0, clusters, count),
        extent_m=100.0,
        offset_deg=offset / 1e5,
        equirectangular_m=error * 1.001,
        truth_class=random.integers(-1, 3, count),
        answer_class=random.integers(-1, 3, count),
        classes=("old town", "St. Mark", "quay"),
        seconds={"verify": np.where(random.random(count) < 0.1, NAN, random.random(count))},
    )


def by_definition(of: Outcomes) -> dict[str, float]:
    """The figures of ``summarise`` in the plainest way."""
    rows = range(len(of))
    known = [i for i in rows if of.known[i]]
    answered = [i for i in known if of.error_m[i] < INF]
    sure = [i for i in known if of.located[i]]
    given = [i for i in known if not math.isnan(of.radius_m[i])]
    classed = [i for i in rows if of.truth_class is not None and of.truth_class[i] >= 0]
    error, right = of.error_m, [bool(of.known[i] and of.error_m[i] <= TOLERANCE) for i in rows]
    assert of.offset_deg is not None
    assert of.equirectangular_m is not None
    assert of.truth_class is not None
    assert of.answer_class is not None
    found = {
        "answered.share": mean([i in answered for i in known]),
        "error.mean": mean([error[i] for i in answered]),
        "error.equirectangular.mean": mean([of.equirectangular_m[i] for i in answered]),
        "error.equirectangular.median": quantile([of.equirectangular_m[i] for i in known], 0.5),
        "manhattan.mean": mean([sum(abs(of.offset_m[i])) if i in answered else of.extent_m for i in known]),
        "absolute.east.mean": mean([abs(of.offset_m[i, 0]) for i in answered]),
        "absolute.north.mean": mean([abs(of.offset_m[i, 1]) for i in answered]),
        "squared_deg.lat": mean([of.offset_deg[i, 0] ** 2 for i in answered]),
        "squared_deg.lon": mean([of.offset_deg[i, 1] ** 2 for i in answered]),
        "squared_deg.mean": mean([d**2 for i in answered for d in of.offset_deg[i]]),
        "located.share": mean([bool(of.located[i]) for i in known]),
        "located.error.median": quantile([error[i] for i in sure], 0.5),
        "ece": calibration_error(of.confidence.tolist(), right),
        "auroc.right": auroc(of.confidence.tolist(), right),
        "auroc.unknown": auroc(of.confidence.tolist(), of.known.tolist()),
        "unknown.located": mean([bool(of.located[i]) for i in rows if not of.known[i]]),
        "radius.given": mean([i in given for i in known]),
        "radius.inside": mean([error[i] <= of.radius_m[i] for i in given]),
        "radius.inside.located": mean([error[i] <= of.radius_m[i] for i in sure]),
        "radius.median": quantile([of.radius_m[i] for i in given], 0.5),
        "radius.median.located": quantile([of.radius_m[i] for i in given if of.located[i]], 0.5),
        "class.accuracy": mean([of.truth_class[i] == of.answer_class[i] for i in classed]),
        "seconds.verify": mean([s for s in of.seconds["verify"] if not math.isnan(s)]),
    }
    for name, share in {"min": 0, "q25": 0.25, "median": 0.5, "q75": 0.75, "q90": 0.9, "q95": 0.95, "max": 1}.items():
        found[f"error.{name}"] = quantile([error[i] for i in known], share)
    for km in (1, 10, 25, 100, 200, 750, 1000, 2500, 10000):
        found[f"within_km.{km}"] = mean([error[i] <= km * 1000 for i in known])
    for t in THRESHOLDS:
        found[f"within.{t:g}"] = mean([error[i] <= t for i in known])
        found[f"located.within.{t:g}"] = mean([error[i] <= t for i in sure])
        for n in (1, 5, 10, 20):
            found[f"recall@{n}.{t:g}"] = mean([min(of.ranked_m[i, :n]) <= t for i in known])
        for n in (1, 5, 10, 20, 50):
            found[f"recall@{n}.{t:g}.before"] = mean([min(of.retrieved_m[i, :n]) <= t for i in known])
    for number, name in enumerate(of.classes):
        said = [i for i in classed if of.answer_class[i] == number]
        found[f"class.{name}.precision"] = mean([of.truth_class[i] == number for i in said])
        found[f"class.{name}.recall"] = mean([i in said for i in classed if of.truth_class[i] == number])
        found[f"class.{name}.share"] = mean([i in said for i in classed])
    return found


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if len(values) else NAN


def quantile(values: Sequence[float], share: float) -> float:
    if not len(values):
        return NAN
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low, high = ordered[math.floor(place)], ordered[math.ceil(place)]
    return low if low == high else low + (high - low) * (place - math.floor(place))


def auroc(score: Sequence[float], good: Sequence[bool]) -> float:
    """Every good one against every other."""
    better = [value for value, right in zip(score, good, strict=True) if right]
    worse = [value for value, right in zip(score, good, strict=True) if not right]
    return mean([(a > b) + (a == b) / 2 for a in better for b in worse])


def calibration_error(confidence: Sequence[float], good: Sequence[bool], bins: int = 10) -> float:
    total = 0.0
    for number in range(bins):
        inside = [i for i, c in enumerate(confidence) if min(int(c * bins), bins - 1) == number]
        total += (
            len(inside) * abs(mean([confidence[i] for i in inside]) - mean([good[i] for i in inside])) if inside else 0
        )
    return total / len(confidence)


def repeated(of: Outcomes, counts: NDArray[np.float32]) -> Outcomes:
    """Each query as often as counted."""
    return of.only(np.repeat(np.arange(len(of)), counts.astype(int)))

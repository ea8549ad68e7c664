"""All figures of some outcomes, each with the range that resampling the queries gives it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from whence.errors import InputError
from whence.metrics import checks
from whence.metrics.errors import manhattan
from whence.metrics.outcomes import Figure, Floats, Outcomes
from whence.metrics.recall import hits
from whence.metrics.resampling import DRAWS, drawn, interval, intervals, value_of
from whence.metrics.statistics import Auroc, CalibrationError, Mean, Quantile, Statistic

RECALL_AT = (1, 5, 10, 20)
CEILING = 50
KILOMETRES = (1, 10, 25, 100, 200, 750, 1000, 2500, 10000)
QUANTILES = {"min": 0.0, "q25": 0.25, "median": 0.5, "q75": 0.75, "q90": 0.9, "q95": 0.95, "max": 1.0}


def summarise(
    outcomes: Outcomes, *, tolerance_m: float, thresholds_m: Sequence[float], draws: int = DRAWS, seed: int = 0
) -> dict[str, Figure]:
    """Every figure by its name, with 50 % and 95 % bootstrap intervals.

    Whole clusters are drawn, of unknown places too; intervals are percentiles of the draws, see ``resampling``. A
    figure that is not defined is NaN: an AUROC without wrong answers, a share of no queries. So is an interval where
    all queries agree, every one right or none located: resampling has nothing to vary then, and would claim a certainty
    that a few queries do not give.

    Args:
        outcomes: Of the queries.
        tolerance_m: What ``confidence`` is the probability of.
        thresholds_m: Distances at which shares and recall are given.
        draws: Resamplings.
        seed: Of them.

    Raises:
        InputError: No queries, arrays that do not fit each other, NaN where the truth is known, or a threshold that is
            not above 0.
    """
    made = figures(outcomes, tolerance_m=tolerance_m, thresholds_m=thresholds_m)
    found = intervals(made, outcomes.cluster, draws, seed)
    return {
        name: figure if figure.low95 < figure.high95 else Figure.alone(figure.value) for name, figure in found.items()
    }


def compare(
    first: Outcomes,
    second: Outcomes,
    *,
    tolerance_m: float,
    thresholds_m: Sequence[float],
    draws: int = DRAWS,
    seed: int = 0,
) -> dict[str, Figure]:
    """Second less first, figure by figure, on the same queries and the same resamplings of them.

    Raises:
        InputError: The outcomes are not of the same queries.
    """
    if not (np.array_equal(first.known, second.known) and np.array_equal(first.cluster, second.cluster)):
        raise InputError(
            f"outcomes of {len(first)} and {len(second)} queries that are not the same; a comparison needs those"
        )
    before = figures(first, tolerance_m=tolerance_m, thresholds_m=thresholds_m)
    after = figures(second, tolerance_m=tolerance_m, thresholds_m=thresholds_m)
    shared = [name for name in before if name in after]
    # Drawn twice, not in one product: so equal figures are rounded equally, and differ by nothing.
    one = drawn({name: before[name] for name in shared}, first.cluster, draws, seed)
    other = drawn({name: after[name] for name in shared}, first.cluster, draws, seed)
    count, cluster = len(first), first.cluster
    with np.errstate(invalid="ignore"):  # two infinities have no difference
        return {
            name: interval(
                value_of(after[name], count) - value_of(before[name], count), other[name] - one[name], cluster
            )
            for name in shared
        }


def at_distance(threshold: float) -> str:
    """A threshold as figures' names have it: ``25``, ``2.5``, ``1234567``."""
    return f"{threshold:.12g}"


def bootstrap_median(outcomes: Outcomes, draws: int = DRAWS, seed: int = 0) -> Floats:
    """``(draws,)`` medians of the error."""
    return drawn({"": Quantile(outcomes.error_m, outcomes.known, 0.5)}, outcomes.cluster, draws, seed)[""]


def figures(outcomes: Outcomes, *, tolerance_m: float, thresholds_m: Sequence[float]) -> dict[str, Statistic]:
    """What ``summarise`` computes, by name."""
    checks.outcomes(outcomes)
    checks.thresholds([tolerance_m], "tolerance")
    checks.thresholds(thresholds_m)
    return {
        **_errors(outcomes, thresholds_m),
        **_recalls(outcomes, thresholds_m),
        **_located(outcomes, thresholds_m),
        **_confidence(outcomes, tolerance_m),
        **_classes(outcomes),
        **{f"seconds.{stage}": Mean(np.nan_to_num(t), np.isfinite(t)) for stage, t in outcomes.seconds.items()},
    }


def _errors(of: Outcomes, thresholds_m: Sequence[float]) -> dict[str, Statistic]:
    known, answered = of.known, of.known & np.isfinite(of.error_m)
    found: dict[str, Statistic] = {
        f"within.{at_distance(t)}": Mean(_share(of.error_m <= t), known) for t in thresholds_m
    }
    if of.offset_deg is not None:
        found |= {f"within_km.{km}": Mean(_share(of.error_m <= km * 1000), known) for km in KILOMETRES}
    found["answered.share"] = Mean(_share(np.isfinite(of.error_m)), known)
    found["error.mean"] = Mean(_finite(of.error_m), answered)
    found |= {f"error.{name}": Quantile(of.error_m, known, share) for name, share in QUANTILES.items()}
    if of.equirectangular_m is not None:
        found["error.equirectangular.mean"] = Mean(_finite(of.equirectangular_m), answered)
        found["error.equirectangular.median"] = Quantile(of.equirectangular_m, known, 0.5)
    absolute = np.abs(_finite(of.offset_m))
    paid = manhattan(of.offset_m, of.extent_m)
    unpaid = (known & ~np.isfinite(paid)).any()  # a missing answer, and no extent to charge: no figure, not a fair one
    found["manhattan.mean"] = Mean(_finite(paid), np.zeros_like(known) if unpaid else known)
    found["absolute.east.mean"] = Mean(absolute[:, 0], answered)
    found["absolute.north.mean"] = Mean(absolute[:, 1], answered)
    if of.offset_deg is not None:
        squared = np.square(_finite(of.offset_deg))
        found["squared_deg.lat"] = Mean(squared[:, 0], answered)
        found["squared_deg.lon"] = Mean(squared[:, 1], answered)
        found["squared_deg.mean"] = Mean(squared.mean(axis=1), answered)
    return found


def _recalls(of: Outcomes, thresholds_m: Sequence[float]) -> dict[str, Statistic]:
    found: dict[str, Statistic] = {}
    if not (of.retrieved_m.shape[1] or of.ranked_m.shape[1]):
        return found  # whoever answers without a gallery retrieves nothing
    for t in thresholds_m:
        at = at_distance(t)
        for n in RECALL_AT:
            found[f"recall@{n}.{at}"] = Mean(hits(of.ranked_m, n, t), of.known)
            found[f"recall@{n}.{at}.before"] = Mean(hits(of.retrieved_m, n, t), of.known)
        found[f"recall@{CEILING}.{at}.before"] = Mean(hits(of.retrieved_m, CEILING, t), of.known)
    return found


def _located(of: Outcomes, thresholds_m: Sequence[float]) -> dict[str, Statistic]:
    sure = of.known & of.located
    found: dict[str, Statistic] = {"located.share": Mean(_share(of.located), of.known)}
    found |= {f"located.within.{at_distance(t)}": Mean(_share(of.error_m <= t), sure) for t in thresholds_m}
    found["located.error.median"] = Quantile(of.error_m, sure, 0.5)
    return found


def _confidence(of: Outcomes, tolerance_m: float) -> dict[str, Statistic]:
    every = np.ones(len(of), np.bool_)
    right, known = of.known & (of.error_m <= tolerance_m), of.known
    if of.by_class and of.truth_class is not None and of.answer_class is not None:
        known = of.truth_class >= 0
        right = known & (of.truth_class == of.answer_class)
    given = np.isfinite(of.radius_m)
    inside = _share(of.error_m <= of.radius_m)
    return {
        "ece": CalibrationError(of.confidence, right),
        "auroc.right": Auroc(of.confidence, right, every),
        "auroc.unknown": Auroc(of.confidence, known, every),
        "unknown.located": Mean(_share(of.located), ~known),
        "radius.given": Mean(_share(given), of.known),
        "radius.inside": Mean(inside, of.known & given),
        "radius.inside.located": Mean(inside, of.known & of.located),
        "radius.median": Quantile(of.radius_m, of.known & given, 0.5),
        "radius.median.located": Quantile(of.radius_m, of.known & given & of.located, 0.5),
    }


def _classes(of: Outcomes) -> dict[str, Statistic]:
    if of.truth_class is None or of.answer_class is None:
        return {}
    classed = of.truth_class >= 0
    same = _share(of.truth_class == of.answer_class)
    found: dict[str, Statistic] = {"class.accuracy": Mean(same, classed)}
    for number, name in enumerate(of.classes):
        answered = of.answer_class == number
        found[f"class.{name}.precision"] = Mean(same, classed & answered)
        found[f"class.{name}.recall"] = Mean(same, of.truth_class == number)
        found[f"class.{name}.share"] = Mean(_share(answered), classed)
    return found


def _share(right: Any) -> Floats:
    return np.asarray(right, np.float64)


def _finite(values: Floats) -> Floats:
    return np.where(np.isfinite(values), values, 0.0)


def describe(name: str, unit: str = "m") -> str:
    """A figure's name in words, such as ``recall@5 within 25 m, before re-ranking``; other names as they are."""
    if name in _WORDS:
        return _WORDS[name].format(unit=unit)
    head, _, rest = name.partition(".")
    if head.startswith("recall@"):
        threshold, before = rest.removesuffix(".before"), rest.endswith(".before")
        return f"{head} within {threshold} {unit}" + (", before re-ranking" if before else "")
    if head == "class":
        named, _, kind = rest.rpartition(".")
        words = {"precision": "precision of {}", "recall": "recall of {}", "share": "answered as {}"}
        return words[kind].format(named) if kind in words else name
    words = {
        "within": f"within {_distance(rest, unit)}",
        "within_km": f"within {rest} km",
        "located": f"located ones within {_distance(rest.removeprefix('within.'), unit)}",
        "seconds": f"seconds to {rest}",
    }
    return words.get(head, name)


def _distance(said: str, unit: str) -> str:
    """A threshold with its unit; kilometres where these are whole."""
    try:
        metres = float(said)
    except ValueError:
        return f"{said} {unit}"
    return f"{metres / 1000:g} km" if unit == "m" and metres >= 1000 and metres % 1000 == 0 else f"{said} {unit}"


_WORDS = {
    "answered.share": "answered at all",
    "error.mean": "mean error ({unit})",
    "error.min": "least error ({unit})",
    "error.q25": "error of the best quarter ({unit})",
    "error.median": "median error ({unit})",
    "error.q75": "error that three quarters keep below ({unit})",
    "error.q90": "error that 90 % keep below ({unit})",
    "error.q95": "error that 95 % keep below ({unit})",
    "error.max": "largest error ({unit})",
    "error.equirectangular.mean": "mean error, equirectangular ({unit})",
    "error.equirectangular.median": "median error, equirectangular ({unit})",
    "manhattan.mean": "Manhattan mean ({unit})",
    "absolute.east.mean": "mean absolute error east ({unit})",
    "absolute.north.mean": "mean absolute error north ({unit})",
    "squared_deg.lat": "mean squared error of latitude (deg²)",
    "squared_deg.lon": "mean squared error of longitude (deg²)",
    "squared_deg.mean": "mean squared error (deg²)",
    "located.share": "located",
    "located.error.median": "median error of located ones ({unit})",
    "ece": "expected calibration error",
    "auroc.right": "AUROC of right answers by confidence",
    "auroc.unknown": "AUROC of refusing unknown places",
    "unknown.located": "unknown places called located",
    "radius.given": "answers with a radius",
    "radius.inside": "truths inside the radius",
    "radius.inside.located": "truths inside the radius, of located ones",
    "radius.median": "median radius ({unit})",
    "radius.median.located": "median radius of located ones ({unit})",
    "class.accuracy": "class right",
}

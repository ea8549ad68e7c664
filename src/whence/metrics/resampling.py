"""How far figures would move with other queries: the bootstrap over clusters.

Whole clusters are drawn with replacement, so that ten photos of one place do not pass for ten witnesses; intervals are
percentiles of the draws (A. Davison and D. Hinkley, Bootstrap Methods and their Application, 1997, sections 2.4, 3.8
and 5.3). No sample is made: figures are computed from how often each query occurs in it, many draws at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from whence.metrics import checks
from whence.metrics.outcomes import Figure, Floats
from whence.metrics.statistics import Counts, Mean, Means, Quantile, Quantiles, Statistic

DRAWS = 10_000
_CELLS = 1_000_000
"""Counts in work at once: what fits into a processor's cache is summed fastest."""
_EDGES = (0.025, 0.975, 0.25, 0.75)


def bootstrap(
    statistic: Statistic, count: int, *, cluster: ArrayLike | None = None, draws: int = DRAWS, seed: int = 0
) -> Figure:
    """A figure of plain arrays with its intervals.

    Args:
        statistic: Such as ``Mean(values, mask)``.
        count: Number of queries N.
        cluster: ``(N,)``: queries of one number are drawn together; each for itself by default.
        draws: Resamplings.
        seed: Of them.

    Raises:
        InputError: No queries, or not one cluster for each.
    """
    alone = np.arange(count) if cluster is None else np.asarray(cluster)
    checks.rows(queries=range(count), cluster=alone)
    return intervals({"": statistic}, alone, draws, seed)[""]


def intervals(
    statistics: Mapping[str, Statistic], cluster: NDArray[np.intp], draws: int = DRAWS, seed: int = 0
) -> dict[str, Figure]:
    """Each figure with its intervals, all on the same resamplings; see ``interval``."""
    many = drawn(statistics, cluster, draws, seed)
    return {name: interval(value_of(made, len(cluster)), many[name], cluster) for name, made in statistics.items()}


def value_of(statistic: Statistic, count: int) -> float:
    """A figure on its ``count`` queries as they are."""
    return float(statistic.on(np.ones((1, count), np.float32))[0])


def resamples(cluster: NDArray[np.intp], draws: int, seed: int) -> Iterator[Counts]:
    """``(B, N)`` how often each query occurs, B draws of whole clusters at a time, ``draws`` in all."""
    checks.whole("draws", draws)
    checks.whole("seed", seed, 0)
    random = np.random.default_rng(seed)
    named, member = np.unique(cluster, return_inverse=True)
    at_once = max(1, _CELLS // max(1, len(cluster)))
    for start in range(0, draws, at_once):
        rows, width = min(at_once, draws - start), len(named)
        picked = random.integers(0, width, (rows, width), dtype=np.int32)
        picked += np.arange(rows, dtype=np.int32)[:, None] * width
        counts = np.bincount(picked.ravel(), minlength=rows * width).reshape(rows, width)
        yield np.take(counts.astype(np.float32), member, axis=1)


def drawn(
    statistics: Mapping[str, Statistic], cluster: NDArray[np.intp], draws: int = DRAWS, seed: int = 0
) -> dict[str, Floats]:
    """``(draws,)`` values of each statistic, all on the same resamplings; NaN where a draw leaves it undefined."""
    means = {name: made for name, made in statistics.items() if isinstance(made, Mean)}
    quantiles = {name: made for name, made in statistics.items() if isinstance(made, Quantile)}
    single = {name: made for name, made in statistics.items() if name not in means and name not in quantiles}
    together: list[tuple[list[str], Means | Quantiles]] = []
    if means:
        together.append((list(means), Means(list(means.values()))))
    if quantiles:
        together.append((list(quantiles), Quantiles(list(quantiles.values()))))
    found = {name: np.full(max(draws, 0), np.nan) for name in statistics}
    start = 0
    for counts in resamples(cluster, draws, seed):
        rows = slice(start, start + len(counts))
        for names, many in together:
            for name, column in zip(names, many.on(counts).T, strict=True):
                found[name][rows] = column
        for name, one in single.items():
            found[name][rows] = one.on(counts)
        start = rows.stop
    return found


def interval(value: float, values: Floats, cluster: NDArray[np.intp]) -> Figure:
    """A figure from its value and its ``(draws,)`` resampled values, those left out in which it is undefined.

    One cluster alone says nothing about others: its intervals are NaN, not as narrow as can be.
    """
    defined = np.sort(values[~np.isnan(values)])
    if not len(defined) or np.isnan(value) or (cluster == cluster[0]).all():
        return Figure.alone(value)
    return Figure(value, *(float(defined[round(share * (len(defined) - 1))]) for share in _EDGES))

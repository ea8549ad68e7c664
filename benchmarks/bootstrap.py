"""Intervals of all figures: how long 10,000 resamplings take, and how much longer when they are made one by one.

The loop draws clusters, gathers the rows of each sample and computes the same figures from them, as one writes it
first; a part of its samples is timed and the time scaled up. Outcomes are random, with as many ties, missing answers
and unknown places as real ones may have; every third query belongs to a sequence of ten. Seconds are of the processor,
all threads together, so that what else the machine does matters less. MB are the peak of the process, Python and NumPy
included; sizes go upwards, each after the smaller ones. Prints Markdown.
"""

from __future__ import annotations

import argparse
import resource
import sys
from time import process_time

import numpy as np

from whence.metrics.outcomes import Outcomes
from whence.metrics.resampling import DRAWS
from whence.metrics.summary import bootstrap_median, compare, figures, summarise

TOLERANCE_M = 25.0
THRESHOLDS_M = (5.0, 25.0, 100.0)
SHORTLIST = 50


def made(count: int, seed: int) -> Outcomes:
    """Outcomes of ``count`` queries."""
    random = np.random.default_rng(seed)
    known = random.random(count) > 0.1
    offset = random.standard_t(2, (count, 2)) * 15
    offset[random.random(count) < 0.03] = np.inf
    retrieved = random.exponential(200, (count, SHORTLIST))
    offset[~known] = retrieved[~known] = np.nan
    error = np.hypot(offset[:, 0], offset[:, 1])
    number = np.arange(count)
    return Outcomes(
        known=known,
        error_m=error,
        offset_m=offset,
        confidence=random.random(count).round(2),
        radius_m=random.exponential(50, count),
        located=random.random(count) < 0.6,
        retrieved_m=retrieved,
        ranked_m=np.sort(retrieved, axis=1),
        cluster=np.where(number % 3, number, -(number // 30)),
        extent_m=2000.0,
        offset_deg=offset / 1e5,
        equirectangular_m=error,
        seconds={stage: random.random(count) for stage in ("extract", "retrieve", "verify", "position")},
    )


def loop(of: Outcomes, draws: int) -> float:
    """CPU seconds of ``draws`` samples, one after the other."""
    random = np.random.default_rng(0)
    start = process_time()
    members = [np.flatnonzero(of.cluster == number) for number in np.unique(of.cluster)]
    for _ in range(draws):
        sample = of.only(np.concatenate([members[at] for at in random.integers(0, len(members), len(members))]))
        once = np.ones((1, len(sample)), np.float32)
        for one in figures(sample, tolerance_m=TOLERANCE_M, thresholds_m=THRESHOLDS_M).values():
            one.on(once)
    return process_time() - start


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--queries", type=int, nargs="+", default=[300, 3000, 20_000])
    options.add_argument("--draws", type=int, default=DRAWS)
    options.add_argument("--loop-draws", type=int, default=100)
    asked = options.parse_args()
    print(f"{asked.draws} draws, CPU seconds, Python {sys.version.split()[0]}, NumPy {np.__version__}\n")
    print("| queries | figures | summarise | one by one | ratio | compare | median alone | peak MB |")
    print("|---|---|---|---|---|---|---|---|")
    for count in sorted(asked.queries):
        of = made(count, 0)
        start = process_time()
        found = summarise(of, tolerance_m=TOLERANCE_M, thresholds_m=THRESHOLDS_M, draws=asked.draws)
        together = process_time() - start
        start = process_time()
        compare(of, of, tolerance_m=TOLERANCE_M, thresholds_m=THRESHOLDS_M, draws=asked.draws)
        compared = process_time() - start
        start = process_time()
        bootstrap_median(of, asked.draws)
        median = process_time() - start
        apart = loop(of, asked.loop_draws) * asked.draws / asked.loop_draws
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
        print(
            f"| {count} | {len(found)} | {together:.2f} | {apart:.0f} | {apart / together:.0f} | {compared:.2f} "
            f"| {median:.2f} | {peak:.0f} |"
        )


if __name__ == "__main__":
    main()

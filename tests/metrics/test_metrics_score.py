"""Figures agree with a scorer that knows nothing of whence, which lies beside the photos named by WHENCE_DATA."""

from __future__ import annotations

import csv
import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from whence.metrics.curves import rejection_curve
from whence.metrics.outcomes import Outcomes
from whence.metrics.recall import recall
from whence.metrics.summary import summarise

DATA = os.environ.get("WHENCE_DATA", "")
SCORE = Path(DATA).parent / "bench" / "score.py"
pytestmark = [
    pytest.mark.photos,
    pytest.mark.skipif(not (DATA and SCORE.is_file()), reason="no scorer beside the folder named by WHENCE_DATA"),
]

THRESHOLDS = (2.0, 5.0, 10.0, 25.0, 50.0)
TOLERANCE = 12.0
RADIUS_M = 6371008.8
Pair = tuple[float, float]
MISSING = (math.inf, math.inf)


def sphere(truth: Pair, answer: Pair) -> Pair:
    """East and north by haversine distance and mean latitude, as the scorer has it."""
    lat0, lon0, lat1, lon1 = map(math.radians, (*truth, *answer))
    turn = math.remainder(lon1 - lon0, 2 * math.pi)
    chord = math.sin((lat1 - lat0) / 2) ** 2 + math.cos(lat0) * math.cos(lat1) * math.sin(turn / 2) ** 2
    length = 2 * RADIUS_M * math.asin(math.sqrt(chord))
    east, north = turn * math.cos((lat0 + lat1) / 2), lat1 - lat0
    if length == 0:
        return 0.0, 0.0
    return length * east / math.hypot(east, north), length * north / math.hypot(east, north)


def plane(truth: Pair, answer: Pair) -> Pair:
    return answer[0] - truth[0], answer[1] - truth[1]


class Made:
    """Queries and answers, as files for the scorer and as outcomes."""

    def __init__(self, kind: str, seed: int, *, ties: bool, unknown: float, missing: float = 0.15) -> None:
        self.keys = ("lat", "lon") if kind == "wgs84" else ("x", "y")
        self.offset = sphere if kind == "wgs84" else plane
        random = np.random.default_rng(seed)
        count = 60
        step = np.array([1e-4, 1e-4]) if kind == "wgs84" else np.array([8.0, 8.0])
        around = np.array([45.43, 12.33]) if kind == "wgs84" else np.array([0.0, 0.0])
        truths = around + random.normal(0, 5, (count, 2)) * step

        def near(truth: Any) -> Pair:
            a, b = truth + random.standard_t(2, 2) * step
            return float(a), float(b)

        self.truths = [tuple(t.tolist()) if random.random() >= unknown else None for t in truths]
        self.answers = [near(t) if random.random() >= missing else None for t in truths]
        self.candidates = [[near(t) for _ in range(random.integers(0, 60))] for t in truths]
        confidence = random.random(count)
        self.confidence = (confidence.round(1) if ties else confidence).tolist()
        self.radius = [float(r) if random.random() < 0.8 else None for r in random.integers(1, 40, count)]
        self.located = (random.random(count) < 0.6).tolist()

    def scored(self, folder: Path) -> dict[str, Any]:
        queries, predictions = folder / "queries.csv", folder / "predictions.jsonl"
        with queries.open("w", newline="") as out:
            table = csv.writer(out)
            table.writerow(["path", *self.keys])
            for number, truth in enumerate(self.truths):
                table.writerow([f"{number}.jpg", *(truth or ("", ""))])
        lines = [
            {
                "path": f"{number}.jpg",
                "status": "located" if self.located[number] else "unsure",
                "position": self._position(self.answers[number]),
                "confidence": self.confidence[number],
                "radius_m": self.radius[number],
                "candidates": [{"position": self._position(candidate)} for candidate in self.candidates[number]],
            }
            for number in range(len(self.truths))
        ]
        predictions.write_text("".join(json.dumps(line) + "\n" for line in lines))
        command = [sys.executable, SCORE, queries, predictions, "--json", "--tolerance", str(TOLERANCE)]
        run = subprocess.run(
            [*map(str, command), "--thresholds", *map(str, THRESHOLDS)], check=True, capture_output=True, text=True
        )
        found: dict[str, Any] = json.loads(run.stdout)
        return found

    def _position(self, pair: Pair | None) -> dict[str, float] | None:
        return dict(zip(self.keys, pair, strict=True)) if pair else None

    def outcomes(self) -> Outcomes:
        known = [truth is not None for truth in self.truths]
        offsets, lists = [], np.full((len(known), 60), math.nan)
        for row, (truth, answer) in enumerate(zip(self.truths, self.answers, strict=True)):
            if truth is None:
                offsets.append((math.nan, math.nan))
                continue
            offsets.append(self.offset(truth, answer) if answer else MISSING)
            lists[row] = math.inf
            for place, candidate in enumerate(self.candidates[row]):
                lists[row, place] = math.hypot(*self.offset(truth, candidate))
        box = np.array([truth for truth in self.truths if truth is not None])
        corners = [tuple(corner.tolist()) for corner in (box.min(axis=0), box.max(axis=0))]
        return Outcomes(
            known=np.array(known),
            error_m=np.hypot(*np.array(offsets).T),
            offset_m=np.array(offsets),
            confidence=np.array(self.confidence),
            radius_m=np.array([math.nan if r is None else r for r in self.radius]),
            located=np.array(self.located),
            retrieved_m=lists,
            ranked_m=lists,
            cluster=np.arange(len(known)),
            extent_m=sum(map(abs, self.offset(corners[0], corners[1]))),
        )


@pytest.mark.parametrize("kind", ["wgs84", "plane"])
@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("unknown", [0.0, 0.2])
@pytest.mark.parametrize("missing", [0.15, 0.7])
def test_agrees_with_the_scorer(kind: str, seed: int, unknown: float, missing: float, tmp_path: Path) -> None:
    made = Made(kind, seed, ties=True, unknown=unknown, missing=missing)
    of, scored = made.outcomes(), made.scored(tmp_path)
    figures = summarise(of, tolerance_m=TOLERANCE, thresholds_m=THRESHOLDS, draws=2)
    ours = {name: figure.value if math.isfinite(figure.value) else None for name, figure in figures.items()}
    assert scored["queries"] == of.known.sum()
    theirs = {
        "manhattan.mean": scored["manhattan_mean"],
        "error.mean": scored["error_mean_m"],
        "error.median": scored["error_median_m"],
        "answered.share": scored["answered_at_all"] / scored["queries"],
        "located.share": scored["located_share"],
        "located.error.median": scored["located_error_median_m"],
        "auroc.right": scored["auroc_confidence"],
        "ece": scored["ece_confidence"],
        "unknown.located": scored["unknown_located_share"],
        "radius.given": scored["radius_given"],
        "radius.inside": scored["truth_inside_radius"],
        "radius.inside.located": scored["truth_inside_radius_located"],
        "radius.median": scored["radius_median_m"],
        "radius.median.located": scored["radius_median_located_m"],
    }
    for t in (f"{threshold:g}" for threshold in THRESHOLDS):
        theirs[f"within.{t}"] = scored["within"][t]
        theirs[f"located.within.{t}"] = scored["located_within"][t]
        for n in (1, 5, 20):
            theirs[f"recall@{n}.{t}"] = scored[f"recall_at_{n}"][t]
        theirs[f"recall@50.{t}.before"] = scored["recall_at_50"][t]
        assert recall(of.ranked_m[of.known], 50, float(t)) == pytest.approx(scored["recall_at_50"][t])
    for name, value in theirs.items():
        assert ours[name] == (None if value is None else pytest.approx(value, rel=1e-9)), name


@pytest.mark.parametrize("kind", ["wgs84", "plane"])
def test_rejection_agrees_with_the_scorer_where_there_are_no_ties(kind: str, tmp_path: Path) -> None:
    made = Made(kind, 3, ties=False, unknown=0)
    curve = rejection_curve(made.outcomes(), TOLERANCE, draws=2)
    for coverage, median in made.scored(tmp_path)["error_median_at_coverage"].items():
        place = round(float(coverage.rstrip("%")) / 100 * len(made.truths)) - 1
        assert curve.median_m.y[place] == pytest.approx(median, rel=1e-9)

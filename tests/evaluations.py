"""Made-up evaluations, whose outcomes are known: for the report and its plots."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from whence.evaluate.model import Costs, Evaluation, Question, Run
from whence.gallery.storage import Storage
from whence.metrics.outcomes import Figure, Outcomes
from whence.metrics.summary import compare, summarise
from whence.recipes import load_recipe
from whence.types import XY, Candidate, Crs, LatLon, Location, Position, Status

HALL = (120.0, 80.0)
DRAWS = 100


def outcomes(
    count: int, *, strangers: int = 0, seed: int = 0, good: float = 0.7, lost: int = 0, classes: tuple[str, ...] = ()
) -> Outcomes:
    """Queries in a hall of ``HALL`` metres: a share of ``good`` is answered to some metres, others anywhere."""
    rng = np.random.default_rng(seed)
    total = count + strangers
    known = np.arange(total) < count
    right = rng.random(total) < good
    reach = np.where(right, rng.lognormal(0.3, 0.8, total), rng.lognormal(3.3, 0.5, total))
    angle = rng.uniform(0, 2 * np.pi, total)
    offset = reach[:, None] * np.column_stack([np.sin(angle), np.cos(angle)])
    offset[:lost] = np.inf
    offset[~known] = np.nan
    error = np.hypot(*offset.T)
    confidence = np.clip(np.where(right & known, rng.beta(6, 2, total), rng.beta(2, 5, total)), 0, 1)
    confidence[:lost] = 0
    ranked = np.abs(error[:, None] + np.where(known, 1, np.nan)[:, None] * rng.exponential(20, (total, 20)))
    ranked[:, 0] = error
    retrieved = np.column_stack([rng.permuted(ranked, axis=1), rng.exponential(60, (total, 30))])
    retrieved[~known] = np.nan
    retrieved[:lost], ranked[:lost] = np.inf, np.inf
    label = rng.integers(0, len(classes), total) if classes else None
    return Outcomes(
        known=known,
        error_m=error,
        offset_m=offset,
        confidence=confidence,
        radius_m=np.where(np.isfinite(error), 2.0 + 30 * (1 - confidence), np.nan),
        located=confidence >= 0.5,
        retrieved_m=retrieved,
        ranked_m=ranked,
        cluster=np.arange(total) // 5,
        truth_class=label,
        answer_class=None if label is None else np.where(right, label, rng.integers(0, len(classes), total)),
        classes=classes,
        seconds={"read": rng.exponential(0.02, total), "verify": rng.exponential(0.2, total)},
    )


def evaluation(
    made: dict[str, Outcomes], *, earth: bool = False, varied: str = "", folder: Path = Path("/nowhere")
) -> Evaluation:
    """An evaluation of some runs, by their names."""
    first = next(iter(made.values()))
    rng = np.random.default_rng(7)
    spots = rng.uniform((4, 4), np.array(HALL) - 4, (len(first), 2))
    database = [_place(*spot, earth=earth) for spot in rng.uniform((0, 0), HALL, (150, 2)).tolist()]
    questions = [
        Question(
            f"queries/{n:03d}.jpg", folder / f"{n:03d}.jpg", _place(*spot, earth=earth) if known else None, f"g{n // 5}"
        )
        for n, (spot, known) in enumerate(zip(spots.tolist(), first.known.tolist(), strict=True))
    ]
    runs = [
        run_of(name, found, spots, earth=earth, varied={varied: 10 * 3**n} if varied else {}, folder=folder, slower=n)
        for n, (name, found) in enumerate(made.items())
    ]
    return Evaluation(
        title="Hall",
        questions=questions,
        database=database,
        crs=Crs.WGS84 if earth else Crs.LOCAL,
        unit="m",
        tolerance_m=5.0,
        thresholds_m=(2.0, 5.0, 10.0),
        protocol="Queries of groups that the database does not have.",
        leaky="",
        leaks=[],
        runs=runs,
        comparisons={name: _differences(first, found) for name, found in list(made.items())[1:]},
        version="0",
        command="whence evaluate /secret/gallery",
    )


def run_of(
    name: str,
    found: Outcomes,
    spots: np.ndarray,
    *,
    earth: bool,
    varied: dict[str, object],
    folder: Path,
    slower: int = 0,
) -> Run:
    """One run, its answers as its outcomes have them."""
    offset = np.where(found.known[:, None], found.offset_m, 0.0)
    answers = []
    for n in range(len(found)):
        there = bool(np.isfinite(offset[n]).all())
        position = _place(*(spots[n] + offset[n]).tolist(), earth=earth) if there else None
        status = Status.FAILED if position is None else Status.LOCATED if found.located[n] else Status.UNSURE
        best = (Candidate(f"db/{n}.jpg", position, 0.5, 12 + n, 3),) if position is not None else ()
        answers.append(Location(f"queries/{n:03d}.jpg", status, position, 3.0, float(found.confidence[n]), best))
    costs = Costs({"read": 0.02, "verify": 0.2 + 0.1 * slower}, 0.22 + 0.1 * slower, 30.0, 5.0, 70_000.0, 512.0)
    figures = figures_of(found)
    recipe = replace(load_recipe("default"), name=name)  # as a variant of a sweep is named
    return Run(name, recipe, varied, Storage.of(folder / "gallery"), answers, [], found, figures, {}, costs)


def figures_of(found: Outcomes) -> dict[str, Figure]:
    """The figures of metrics, by few draws."""
    if not len(found):
        return {}
    return summarise(found, tolerance_m=5.0, thresholds_m=(2.0, 5.0, 10.0), draws=DRAWS)


def _differences(first: Outcomes, second: Outcomes) -> dict[str, Figure]:
    if not len(first):
        return {}
    return compare(first, second, tolerance_m=5.0, thresholds_m=(2.0, 5.0, 10.0), draws=DRAWS)


def _place(x: float, y: float, *, earth: bool) -> Position:
    return LatLon(55.7 + y / 111_320, 13.2 + x / 62_700) if earth else XY(x, y)

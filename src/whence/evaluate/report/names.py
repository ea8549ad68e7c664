"""What figures are called, what kind of number they are, and which come first."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from whence.evaluate.model import Evaluation
from whence.evaluate.report.plots.lengths import given_words
from whence.metrics.summary import CEILING, at_distance, describe

Kind = Literal["share", "distance", "number", "seconds"]


@dataclass(frozen=True, slots=True)
class Named:
    """A figure of the main table.

    Attributes:
        name: Its key.
        title: Head of its column.
    """

    name: str
    title: str

    @property
    def share(self) -> bool:
        """Whether it is a share of 1."""
        return kind_of(self.name) == "share"


def kind_of(name: str) -> Kind:
    """What a figure measures.

    >>> kind_of("recall@1.25"), kind_of("error.median"), kind_of("auroc.right")
    ('share', 'distance', 'number')
    """
    if name.startswith(("error.", "manhattan.", "absolute.", "radius.median")) or name == "located.error.median":
        return "distance"
    if name.startswith(("auroc.", "squared_deg.")):
        return "number"
    return "seconds" if name.startswith("seconds.") else "share"


def better(name: str) -> int:
    """1 if larger is better, -1 if smaller is, 0 if neither."""
    if kind_of(name) in ("distance", "seconds") or name in ("ece", "unknown.located"):
        return -1
    neither = name == "located.share" or name.startswith("radius.") or name.endswith(".share")
    return 0 if neither else 1


def title_of(name: str, unit: str) -> str:
    """A figure in words; its values say their unit themselves."""
    words = describe(name, unit).replace(f" ({unit})", "")
    return words[:1].upper() + words[1:]


def right_name(evaluation: Evaluation) -> str:
    """The share of answers within the tolerance, or within the threshold that is nearest to it."""
    return f"within.{at_distance(_threshold(evaluation))}"


def main_figures(evaluation: Evaluation) -> list[Named]:
    """The figures that come first: of each kind the one that says most, if any run has it."""
    near = given_words(_threshold(evaluation), evaluation.unit)
    at = at_distance(_threshold(evaluation))
    named = [
        Named("error.median", "Median error"),
        Named(f"within.{at}", f"Within {near}"),
        Named(f"recall@1.{at}.before", "Most similar photo right"),
        Named(f"recall@{CEILING}.{at}.before", f"A right one among {CEILING}"),
        Named("class.accuracy", "Class right"),
        Named("located.share", "Located"),
        Named(f"located.within.{at}", "Right when located"),
        Named("unknown.located", "Unknown places located"),
        Named("ece", "Calibration error"),
    ]
    return [figure for figure in named if _defined(evaluation, figure.name)]


def _threshold(evaluation: Evaluation) -> float:
    limits = [evaluation.tolerance_m, *evaluation.thresholds_m]
    have = [t for t in limits if any(f"within.{at_distance(t)}" in run.figures for run in evaluation.runs)]
    return min(have, key=lambda t: abs(math.log(t / evaluation.tolerance_m)), default=evaluation.tolerance_m)


def _defined(evaluation: Evaluation, name: str) -> bool:
    found = (run.figures.get(name) for run in evaluation.runs)
    return any(figure is not None and not math.isnan(figure.value) for figure in found)

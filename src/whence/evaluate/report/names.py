"""What figures are called, what kind of number they are, and which come first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from whence.evaluate.model import Evaluation
from whence.metrics.outcomes import Figure


@dataclass(frozen=True, slots=True)
class Named:
    """A figure of the main table.

    Attributes:
        name: Its key.
        title: Head of its column.
        role: What it is there for.
        share: Whether it is a share of 1.
    """

    name: str
    title: str
    role: str
    share: bool


def kind_of(name: str) -> str:
    return "distance" if name.endswith("_m") else "share"


def better(name: str) -> int:
    return -1 if name.endswith("_m") or name == "ece" else 1


def title_of(name: str) -> str:
    return name.replace("_", " ")


def find(figures: Mapping[str, Figure], name: str) -> tuple[str, Figure] | None:
    return (name, figures[name]) if name in figures else None


def main_figures(evaluation: Evaluation) -> list[Named]:
    return [
        Named("error_median_m", "Median error", "median", False),
        Named("within_25", "Within 25 m", "within", True),
        Named("recall_at_1", "Recall@1", "r", True),
        Named("ceiling", "Ceiling", "r", True),
        Named("ece", "ECE", "e", True),
    ]

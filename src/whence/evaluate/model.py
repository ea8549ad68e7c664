"""What an evaluation is made of: queries, runs of recipes, and what they came to. Plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from whence.gallery.storage import Storage
from whence.metrics.outcomes import Figure, Outcomes
from whence.metrics.resampling import DRAWS
from whence.recipes import Recipe
from whence.types import Crs, Intrinsics, Location, Position, Skipped, Status

DEPTH = 100
"""Photos of the shortlist, and candidates of an answer, that are kept, so that recall can be told before and after
re-ranking."""


@dataclass(frozen=True, slots=True)
class Question:
    """One query.

    Attributes:
        name: As given; the key of its answer.
        path: Its file.
        truth: Where it was taken; None for a photo of a place that the database lacks.
        group: Of photos taken at one place, or in one sequence.
        label: Its class, if the data set has classes.
        camera: In the photo's full-size pixels, if a table states it.
        row: Of the gallery, where a photo of the gallery itself is left out and asked.
    """

    name: str
    path: Path
    truth: Position | None
    group: str | None = None
    label: str | None = None
    camera: Intrinsics | None = None
    row: int | None = None


@dataclass(frozen=True, slots=True)
class Leak:
    """A query that the database should not know so well.

    Attributes:
        question: Index of the query.
        kind: ``same file``, ``near duplicate`` or ``same group``.
        photo: Path of the database photo, or name of the group.
        bits: Of 64 bits of the perceptual hash, how many differ, for near duplicates.
    """

    question: int
    kind: str
    photo: str
    bits: int | None = None


@dataclass(frozen=True, slots=True)
class Costs:
    """What a run took. None where it was not measured: a gallery that was there already was not indexed.

    Attributes:
        seconds_per_stage: Mean of the queries.
        seconds_per_query: Wall time of all over their number.
        index_seconds: To make the gallery.
        photos_per_second: The same as a rate.
        bytes_per_photo: Of the gallery on disk.
        peak_mb: Largest memory of the process so far.
    """

    seconds_per_stage: Mapping[str, float]
    seconds_per_query: float | None
    index_seconds: float | None
    photos_per_second: float | None
    bytes_per_photo: float | None
    peak_mb: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """One recipe, or one variant of it, on all queries.

    Attributes:
        name: Of the recipe, and what was varied: ``default`` or ``default retrieve.top_k=10``.
        recipe: As it was run.
        varied: Values of a sweep by their keys; empty without a sweep.
        gallery: Folder of the gallery that was asked, or of the model.
        answers: One per query, in their order.
        shortlists: Positions of the gallery photos in the order of retrieval, for each query.
        outcomes: The answers held against the truth.
        figures: By name.
        clean: The same figures without queries that leak; empty where none does.
        costs: Time and space.
        examples: A photo of each class that it was trained with, where it answers by classes.
    """

    name: str
    recipe: Recipe
    varied: Mapping[str, object]
    gallery: Storage
    answers: Sequence[Location]
    shortlists: Sequence[Sequence[Position]]
    outcomes: Outcomes
    figures: Mapping[str, Figure]
    clean: Mapping[str, Figure]
    costs: Costs
    examples: Mapping[str, Path] = field(default_factory=dict)

    @property
    def base(self) -> str:
        """Name of the recipe without what was varied."""
        return self.name.removesuffix(suffix(self.varied))


def suffix(varied: Mapping[str, object]) -> str:
    """What a run's name says of what was varied."""
    return "".join(f" {key}={value}" for key, value in varied.items())


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """All runs on one set of queries.

    Attributes:
        title: What was evaluated on what.
        questions: The queries.
        database: Positions of the gallery's photos.
        crs: What positions mean.
        unit: Of distances: ``m``, or ``frames`` where positions are numbers of frames.
        tolerance_m: What ``confidence`` is the probability of.
        thresholds_m: At which recall and shares are given.
        protocol: How queries and database were kept apart, in words.
        leaky: Why the split flatters; empty if it does not.
        leaks: Queries that the database knows too well.
        runs: One per recipe or variant.
        comparisons: Differences of later runs to the first, on the same queries, by run and figure.
        seed: Of splits and resampling.
        draws: Of resampling.
        version: Of whence.
        command: That made it; empty from Python.
        left_out: Photos that could not be asked, since nobody says where they were taken.
        not_indexed: Photos of the database that could not be used.
    """

    title: str
    questions: Sequence[Question]
    database: Sequence[Position]
    crs: Crs
    unit: str
    tolerance_m: float
    thresholds_m: Sequence[float]
    protocol: str
    leaky: str
    leaks: Sequence[Leak]
    runs: Sequence[Run]
    comparisons: Mapping[str, Mapping[str, Figure]] = field(default_factory=dict)
    seed: int = 0
    draws: int = DRAWS
    version: str = ""
    command: str = ""
    left_out: Sequence[Skipped] = ()
    not_indexed: Sequence[Skipped] = ()

    @property
    def failed(self) -> list[Skipped]:
        """Queries that could not be read, or asked, with the reason; they count as wrong."""
        found: dict[str, str] = {}
        for run in self.runs:
            for answer in run.answers:
                if answer.status is Status.FAILED:
                    found.setdefault(answer.path, answer.error or "")
        return [Skipped(name, reason) for name, reason in found.items()]

    @property
    def known(self) -> int:
        """Queries whose place is known; or whose label is, where no place is."""
        placed = sum(question.truth is not None for question in self.questions)
        return placed or sum(question.label is not None for question in self.questions)

    @property
    def unknown(self) -> int:
        """Photos of places that the database lacks."""
        return len(self.questions) - self.known

    @property
    def clusters(self) -> int:
        """What is resampled: queries that are no independent evidence count as one."""
        return len(set(self.runs[0].outcomes.cluster.tolist()))

    @property
    def leaking(self) -> int:
        """Queries that the database knows too well."""
        return len({leak.question for leak in self.leaks})

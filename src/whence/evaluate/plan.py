"""What to evaluate, and how."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from whence.cluster import Cluster
from whence.errors import InputError
from whence.gallery.storage import Storage, path_or_storage
from whence.metrics.resampling import DRAWS
from whence.recipes import Recipe


@dataclass(frozen=True, slots=True)
class Step:
    """How far an evaluation is.

    Attributes:
        stage: ``indexing``, ``comparing`` or the name of a run.
        done: Photos or queries.
        total: Of them.
    """

    stage: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What to evaluate, and how.

    Attributes:
        database: A gallery, or what ``whence index`` takes.
        queries: Tables, folders or parts of data sets with known positions; none for leave-one-out and held-out ones.
        out: Folder for everything that is written.
        recipes: Names, files or recipes; none for the gallery's own, or the default.
        leave_one_out: ``photo`` or ``group``: ask the gallery's own photos, without themselves or their whole group.
        hold_out: ``group`` or ``random``: turn a share of the database into queries.
        share: That is held out.
        seed: Of the split and of resampling.
        sweeps: Options of the recipes to vary, such as ``retrieve.top_k=10,50``.
        thresholds_m: At which shares and recall are given; none for 25 m (degrees), and the tolerance.
        tolerance_m: What confidence is the probability of; None for the gallery's.
        frames: Tolerance in frames, where x is the number of a frame.
        crs: Of the positions of database and queries; as for ``whence index``.
        layout: Of a data set.
        part: Of a data set that is the database.
        query_part: Of the same data set that are the queries.
        limit: At most so many queries, spread evenly.
        draws: Of resampling.
        workers: Threads; None for one per core.
        command: To be written down.
        baselines: Whether recipes that answer by a trained model are held against what they have to beat.
        pretrained: Whether networks that are trained begin with published weights.
        device: That they are trained on, as torch names it; empty for a graphics card if there is one.
        models: Folders of models that were trained with just this database, by the hash of their recipe.
        cluster: Whose workers index and answer, with the same result; None for threads of this process.
    """

    database: Path | Storage
    queries: Sequence[Path] = ()
    out: Path = Path("evaluation")
    recipes: Sequence[str | Recipe] = ()
    leave_one_out: str | None = None
    hold_out: str | None = None
    share: float = 0.2
    seed: int = 0
    sweeps: Sequence[str] = ()
    thresholds_m: Sequence[float] = ()
    tolerance_m: float | None = None
    frames: float | None = None
    crs: str | None = None
    layout: str | None = None
    part: str | None = None
    query_part: str | None = None
    limit: int | None = None
    draws: int = DRAWS
    workers: int | None = None
    command: str = ""
    baselines: bool = False
    pretrained: bool = True
    device: str = ""
    models: Mapping[str, Path] = field(default_factory=dict)
    cluster: Cluster | None = None

    def __post_init__(self) -> None:
        """Takes names for paths, and one of something for a list of it."""
        queries = [self.queries] if isinstance(self.queries, str | os.PathLike) else self.queries
        recipes = [self.recipes] if isinstance(self.recipes, str | Recipe) else self.recipes
        sweeps = [self.sweeps] if isinstance(self.sweeps, str) else self.sweeps
        set_to = {
            "database": path_or_storage(self.database),
            "out": Path(self.out),
            "queries": tuple(map(Path, queries)),
            "recipes": tuple(recipes),
            "sweeps": tuple(sweeps),
        }
        for name, value in set_to.items():
            object.__setattr__(self, name, value)  # the plan is frozen

    @property
    def threads(self) -> int:
        """``workers``, or one per core."""
        return self.workers or os.cpu_count() or 1

    def check(self) -> None:
        """Refuses what cannot be meant, before any work is done.

        Raises:
            InputError: Said in one line.
        """
        ways = [bool(self.queries) or self.query_part is not None, self.leave_one_out is not None, bool(self.hold_out)]
        if sum(ways) != 1:
            raise InputError(
                "an evaluation needs queries with known positions, or --leave-one-out, or --hold-out; "
                f"{'several' if sum(ways) else 'none'} of them given"
            )
        for name, value, known in (
            ("--leave-one-out", self.leave_one_out, ("photo", "group")),
            ("--hold-out", self.hold_out, ("group", "random")),
        ):
            if value is not None and value not in known:
                raise InputError(f"{name} {value}: expected {' or '.join(known)}")
        given = {"--threshold": self.thresholds_m, "--tolerance": [self.tolerance_m], "--frames": [self.frames]}
        for name, values in given.items():
            for distance in values:
                if distance is not None and not (np.isfinite(distance) and distance > 0):
                    raise InputError(f"{name} {distance:g}: expected a distance above 0")
        if self.frames is not None and self.tolerance_m is not None:
            raise InputError("--frames is the tolerance, in frames; leave out --tolerance")
        for name, number in (("--limit", self.limit), ("--draws", self.draws), ("--workers", self.workers)):
            if number is not None and number < 1:
                raise InputError(f"{name} {number}: expected at least 1")
        if not 0 < self.share < 1:
            raise InputError(f"--share {self.share:g}: expected a number between 0 and 1")
        if self.part is not None and self.part == self.query_part and not self.queries:
            raise InputError(f"--query-part {self.query_part} is the database itself; name another part")
        if self.seed < 0:
            raise InputError(f"--seed {self.seed}: expected 0 or more")

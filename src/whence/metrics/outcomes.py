"""What became of N queries, as plain arrays: what all figures are computed from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Outcomes:
    """Answers held against the truth. All arrays have one row per query.

    Attributes:
        known: ``(N,)`` bool: whether the query's place is known; the others are of places that the gallery lacks.
        error_m: ``(N,)`` distance from truth to answer; infinite without a usable answer, NaN where the truth is
            unknown.
        offset_m: ``(N, 2)`` answer minus truth, east and north; infinite and NaN as ``error_m``.
        confidence: ``(N,)`` from 0 to 1.
        radius_m: ``(N,)``; NaN where none was given.
        located: ``(N,)`` bool: answered as located, not unsure.
        retrieved_m: ``(N, K)`` distance from truth to the gallery photos in the order of retrieval, infinite beyond the
            end of the list; NaN where the truth is unknown.
        ranked_m: ``(N, C)`` the same after re-ranking.
        cluster: ``(N,)`` int: queries of one group or sequence, which are no independent evidence of each other, share
            a number. They are resampled together.
        extent_m: Width plus height of the box around all truths: what an answer without a position costs in the
            Manhattan mean. NaN where no truth is known.
        offset_deg: ``(N, 2)`` answer minus truth in latitude and longitude; None on a local plane.
        equirectangular_m: ``(N,)`` as ``error_m``, by the equirectangular approximation on a sphere; None on a plane.
        truth_class: ``(N,)`` int number of the true class, -1 where there is none; None without classes.
        answer_class: ``(N,)`` the same of the class answered.
        classes: Names of the classes by their numbers.
        by_class: Whether confidence is that of the class: nothing but labels is known, no places.
        seconds: ``(N,)`` per stage; NaN where not measured.
    """

    known: NDArray[np.bool_]
    error_m: Floats
    offset_m: Floats
    confidence: Floats
    radius_m: Floats
    located: NDArray[np.bool_]
    retrieved_m: Floats
    ranked_m: Floats
    cluster: NDArray[np.intp]
    extent_m: float = float("nan")
    offset_deg: Floats | None = None
    equirectangular_m: Floats | None = None
    truth_class: NDArray[np.intp] | None = None
    answer_class: NDArray[np.intp] | None = None
    classes: tuple[str, ...] = ()
    by_class: bool = False
    seconds: Mapping[str, Floats] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.known)

    def only(self, rows: NDArray[Any]) -> Outcomes:
        """The outcomes of some queries, by mask or by number. ``extent_m`` stays: a missing answer costs the same."""
        arrays = {f.name: getattr(self, f.name) for f in fields(self)}
        kept = {name: array[rows] for name, array in arrays.items() if isinstance(array, np.ndarray)}
        return replace(self, **kept, seconds={stage: seconds[rows] for stage, seconds in self.seconds.items()})


@dataclass(frozen=True, slots=True)
class Figure:
    """One number, and what resampling the queries makes of it. NaN where it is not defined.

    Attributes:
        value: On the queries as they are.
        low95: 95 % of the resampled values lie between this and ``high95``.
        high95: See ``low95``.
        low50: The same for 50 %.
        high50: The same for 50 %.
    """

    value: float
    low95: float
    high95: float
    low50: float
    high50: float

    @classmethod
    def alone(cls, value: float) -> Figure:
        """Without intervals."""
        return cls(value, *[float("nan")] * 4)

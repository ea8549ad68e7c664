"""The protocol of estimators, and what they learn from.

Estimators are registered under ``whence.estimators``; each class names its frozen dataclass of options as
``options_type``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from whence.direct.targets.target import Classes, Target
from whence.errors import RecipeError
from whence.types import DoubleArray, FloatArray, Image

Rows = NDArray[np.intp]
Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """Photos and what is true of them.

    Attributes:
        vectors: ``(N, D)``; ``(N, 0)`` for estimators that look at pictures themselves.
        paths: Of the photos.
        truth: ``(N, K)`` as ``Target.truth`` gives it.
        weights: ``(N,)`` how much each counts.
        groups: ``(N,)`` numbers of groups, which are never torn apart.
    """

    vectors: FloatArray
    paths: Sequence[Path]
    truth: NDArray[Any]
    weights: DoubleArray
    groups: Rows

    def __len__(self) -> int:
        return len(self.paths)

    def only(self, rows: NDArray[Any]) -> Examples:
        """Some of them."""
        chosen = (np.flatnonzero(rows) if rows.dtype == bool else rows).tolist()
        paths = [self.paths[row] for row in chosen]
        return Examples(self.vectors[chosen], paths, self.truth[chosen], self.weights[chosen], self.groups[chosen])


@dataclass(frozen=True, slots=True)
class Epoch:
    """What came of an epoch.

    Attributes:
        number: From 1 on; 0 is before training.
        loss: Over what is trained with; NaN before training.
        checked_loss: Over what is held out.
        right: Share of right classes of what is trained with; NaN where there are none.
        checked_right: The same of what is held out.
    """

    number: int
    loss: float
    checked_loss: float
    right: float
    checked_right: float


@dataclass(frozen=True, slots=True)
class Circumstances:
    """In which an estimator learns.

    Attributes:
        seed: Of everything that is drawn.
        folds: Parts that the examples are split in, group by group, to choose options.
        workers: Threads that read photos.
        device: As torch names it; empty for a graphics card if there is one.
        pretrained: Whether networks begin with published weights.
        cache: Folder for features of frozen networks; None to keep none.
        checkpoint: File that a long training is kept in after each epoch, and goes on from; None to keep none.
        tell: Called after each epoch of a long training.
    """

    seed: int = 0
    folds: int = 5
    workers: int = 1
    device: str = ""
    pretrained: bool = True
    cache: Path | None = None
    checkpoint: Path | None = None
    tell: Callable[[Epoch], None] = field(default=lambda epoch: None)


@runtime_checkable
class Estimator(Protocol):
    """Numbers for a target, of a photo's vector or of its pixels.

    The class also makes estimators: ``settled(options, examples, target, around)`` chooses what the options leave open,
    ``fit(options, examples, checked, target, around)`` learns, and ``restore(options, arrays, words, target)`` is the
    inverse of ``arrays()`` and ``words()``.

    Attributes:
        takes: ``vectors``, ``pictures`` or ``nothing``.
    """

    takes: str

    def outputs(self, vectors: FloatArray) -> DoubleArray:
        """``(N, W)`` of ``(N, D)`` vectors."""
        ...

    def of_picture(self, image: Image) -> DoubleArray:
        """``(W,)`` of an ``(H, W, 3)`` RGB photo."""
        ...

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All that was learned, as plain arrays."""
        ...

    def words(self) -> dict[str, Any]:
        """And as JSON allows."""
        ...


class Makes(Protocol):
    """The class of an estimator, and how it is made."""

    options_type: Any
    takes: str

    def settled(self, options: Any, examples: Examples, target: Target, around: Circumstances) -> Any: ...

    def fit(
        self, options: Any, examples: Examples, checked: Examples | None, target: Target, around: Circumstances
    ) -> Estimator: ...

    def restore(self, options: Any, arrays: Arrays, words: Mapping[str, Any], target: Target) -> Estimator: ...


class _Settled:
    """What estimators have in common whose options leave nothing open."""

    def words(self) -> dict[str, Any]:
        """See ``Estimator``."""
        return {}

    @classmethod
    def settled(cls, options: Any, examples: Examples, target: Target, around: Circumstances) -> Any:
        """See ``Estimator``; nothing is open."""
        return options


class OfVectors(_Settled):
    """What estimators that take vectors have in common."""

    takes = "vectors"

    def of_picture(self, image: Image) -> DoubleArray:
        """Not asked for."""
        raise NotImplementedError


class OfPictures(_Settled):
    """What estimators that look at pictures have in common."""

    takes = "pictures"

    def outputs(self, vectors: FloatArray) -> DoubleArray:
        """Not asked for."""
        raise NotImplementedError


def need_classes(target: Target, method: str) -> Classes[Any]:
    """The target, which has to be classes.

    Raises:
        RecipeError: It is coordinates.
    """
    if not isinstance(target, Classes):
        raise RecipeError(f"[estimate] method = {method!r} tells classes apart; [target] asks for coordinates")
    return target


def drawn(groups: Rows, share: float, seed: int) -> NDArray[np.bool_]:
    """``(N,)``: which examples are held out: whole groups, drawn, about a share of all, and at least one group.

    A group is passed over that would take more than half as much again.
    """
    names, sizes = np.unique(groups, return_counts=True)
    wanted, taken = share * len(groups), 0
    chosen: list[int] = []
    for place in np.random.default_rng(seed).permutation(len(names)).tolist():
        if taken < wanted and taken + sizes[place] <= 1.5 * wanted:
            chosen.append(place)
            taken += int(sizes[place])
    return np.isin(groups, names[chosen or [int(sizes.argmin())]])


def parts(groups: Rows, count: int, seed: int) -> NDArray[np.intp]:
    """``(N,)``: into which of ``count`` parts each example goes: whole groups, drawn, the emptiest part first.

    With fewer groups than parts there are as many parts as groups.
    """
    names, sizes = np.unique(groups, return_counts=True)
    order = np.random.default_rng(seed).permutation(len(names))
    filled = np.zeros(min(count, len(names)), np.intp)
    part_of = np.zeros(len(names), np.intp)
    for group in order[np.argsort(-sizes[order], kind="stable")]:
        part_of[group] = filled.argmin()
        filled[part_of[group]] += sizes[group]
    return part_of[np.searchsorted(names, groups)]

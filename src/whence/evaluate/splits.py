"""Database and queries out of one collection."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from whence.errors import InputError

LEAKY = (
    "queries were drawn photo by photo, so photos of one place and moment lie on both sides; "
    "several publications did so, and their figures flatter"
)
"""What is said of a split that tears groups apart."""


def hold_out(groups: Sequence[str | None], share: float, seed: int, *, whole_groups: bool = True) -> NDArray[np.bool_]:
    """``(N,)``: which photos become queries, at random.

    Args:
        groups: Of the photos; one without a group stands alone.
        share: Of the photos that become queries, about: as many groups are taken as reach it.
        seed: Of the draw.
        whole_groups: Keep each group on one side.

    Raises:
        InputError: A share that leaves nothing on one side.
    """
    if not 0 < share < 1:
        raise InputError(f"share {share:g}: expected a number between 0 and 1")
    names = [group if whole_groups and group is not None else number for number, group in enumerate(groups)]
    order = list(dict.fromkeys(names))
    np.random.default_rng(seed).shuffle(order)
    sizes = dict.fromkeys(order, 0)
    for name in names:
        sizes[name] += 1
    chosen, taken = set(), 0
    for name in order:
        if taken >= share * len(names):
            break
        chosen.add(name)
        taken += sizes[name]
    held = np.array([name in chosen for name in names], np.bool_)
    if held.all() or not held.any():
        raise InputError(f"{len(names)} photos in {len(order)} groups cannot be split at a share of {share:g}")
    return held

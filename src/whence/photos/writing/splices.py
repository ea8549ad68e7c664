"""Changes of a file as a list of splices: all other bytes stay, and every change can be taken back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Splice:
    """``removed`` at ``start``, in the file as it was, gives way to ``inserted``."""

    start: int
    removed: bytes
    inserted: bytes


def applied(data: bytes, splices: Iterable[Splice]) -> bytes:
    """The file after the splices, which may not overlap.

    Raises:
        ValueError: They overlap, or what they remove is not there.
    """
    parts, done = [], 0
    for splice in sorted(splices, key=lambda one: one.start):
        end = splice.start + len(splice.removed)
        if splice.start < done or data[splice.start : end] != splice.removed:
            raise ValueError("a splice does not fit the file")
        parts += [data[done : splice.start], splice.inserted]
        done = end
    return b"".join((*parts, data[done:]))


def inverse(splices: Sequence[Splice]) -> list[Splice]:
    """Splices that turn the changed file back."""
    back, shift = [], 0
    for splice in sorted(splices, key=lambda one: one.start):
        back.append(Splice(splice.start + shift, splice.inserted, splice.removed))
        shift += len(splice.inserted) - len(splice.removed)
    return back

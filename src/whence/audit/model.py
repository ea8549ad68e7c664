"""What an audit says: suspects, the clues against them, and what to expect of it all."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from whence.gallery.gallery import Gallery
from whence.types import DoubleArray, Position


class Kind(StrEnum):
    """What speaks against a pin."""

    MATCHES = "matches"
    SWAPPED = "swapped"
    NULL = "null"
    ROUNDED = "rounded"
    FAR = "far"
    SEA = "sea"
    TIME = "time"
    GROUP = "group"
    SHARED = "shared"
    SUBJECT = "subject"


@dataclass(frozen=True, slots=True)
class Clue:
    """One thing that speaks against the pin of one photo.

    Attributes:
        row: Of the gallery.
        kind: What it is.
        weight: Natural logarithm of how much more often it is met with wrong pins than with right ones.
        words: For the user.
        suggested: Where the photo belongs by this clue alone, if it tells.
    """

    row: int
    kind: Kind
    weight: float
    words: str
    suggested: Position | None = None


@dataclass(frozen=True, slots=True)
class Witness:
    """A photo that matches a suspect.

    Attributes:
        row: Of the gallery.
        inliers: Points that agree with one geometry.
        apart_m: Between the two pins.
        weight: As of a clue; below 0 it speaks for the suspect's pin. Counted as far as the witness is believed.
    """

    row: int
    inliers: int
    apart_m: float
    weight: float


@dataclass(frozen=True, slots=True)
class Suspect:
    """A photo whose pin may be wrong.

    Attributes:
        row: Of the gallery.
        path: As the gallery names it.
        position: Its pin.
        probability: That the pin is wrong.
        clues: What speaks against it, the heaviest first.
        witnesses: Photos that it matches, the heaviest first.
        suggested: Where it was taken by all that is known; None if nothing tells.
        radius_m: Of the suggestion: 90 % of the truths are meant to lie inside; None where that is not known.
        confidence: That the suggestion is right within the gallery's tolerance; None where a clue alone suggests it.
        off_m: From the pin to the suggestion.
    """

    row: int
    path: str
    position: Position
    probability: float
    clues: tuple[Clue, ...]
    witnesses: tuple[Witness, ...] = ()
    suggested: Position | None = None
    radius_m: float | None = None
    confidence: float | None = None
    off_m: float | None = None

    @property
    def kinds(self) -> tuple[str, ...]:
        """Of the clues, each once."""
        return tuple(dict.fromkeys(clue.kind.value for clue in self.clues))

    @property
    def words(self) -> str:
        """The clues in one line."""
        return "; ".join(clue.words for clue in self.clues)


@dataclass(frozen=True, slots=True)
class Expected:
    """What came of moving pins of this gallery that seem right, to see which are found.

    Attributes:
        moved: Pins moved, in all rounds together.
        at_least_m: Each of them by so much or more.
        recall: Of the moved ones, the share that was found.
        precision: Of those found, the share that had been moved.
    """

    moved: int
    at_least_m: float
    recall: float
    precision: float


@dataclass(frozen=True, slots=True, eq=False)
class Audit:
    """An audit of a gallery.

    Attributes:
        gallery: That was audited.
        suspects: The likeliest first.
        probabilities: ``(N,)`` that a pin is wrong, for every photo of the gallery.
        checked: Photos that match others well enough for these to speak.
        expected: What to expect of it; None where too few photos match.
        notes: What could not be looked at, and why.
    """

    gallery: Gallery
    suspects: tuple[Suspect, ...]
    probabilities: DoubleArray
    checked: int
    expected: Expected | None
    notes: tuple[str, ...] = ()

    def wrong(self, least: float) -> tuple[Suspect, ...]:
        """Those whose pin is wrong with at least this probability."""
        return tuple(suspect for suspect in self.suspects if suspect.probability >= least)

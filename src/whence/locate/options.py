"""Options of a recipe that belong to the pipeline as a whole."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PrerankOptions:
    """Section ``[prerank]``: a cheaper matcher that chooses which candidates ``[match]`` looks at.

    Attributes:
        keep: Candidates that it leaves.
    """

    keep: int = 15


@dataclass(frozen=True, slots=True)
class ConfidenceOptions:
    """Section ``[confidence]``.

    Attributes:
        unsure_below: Confidence below which an answer is called unsure.
        certain_after: Verified candidates after which the others are left out if one place is beyond doubt; 0 for
            never.
    """

    unsure_below: float = 0.5
    certain_after: int = 0

"""Options of a recipe that belong to the pipeline as a whole."""

from __future__ import annotations

from dataclasses import dataclass

from whence.errors import RecipeError


@dataclass(frozen=True, slots=True)
class PrerankOptions:
    """Section ``[prerank]``: a cheaper matcher that chooses which candidates ``[match]`` looks at.

    Attributes:
        keep: Candidates that it leaves.
    """

    keep: int = 15


@dataclass(frozen=True, slots=True)
class PriorOptions:
    """Section ``[prior]``: a trained model that says beforehand where a photo may have been taken.

    Attributes:
        model: Folder of a model of ``whence train``.
        use: ``weigh`` similarity by how likely a photo's place is, or ``search`` only among likely ones.
        share: Of all that is likely, that is searched.
        strength: What ten times less likely takes of a cosine is 2.3 times as much.
    """

    model: str = ""
    use: str = "weigh"
    share: float = 0.95
    strength: float = 0.02

    def __post_init__(self) -> None:
        if self.use not in ("weigh", "search"):
            raise RecipeError(f"[prior] use = {self.use!r}: expected weigh or search")
        if not 0 < self.share <= 1:
            raise RecipeError(f"[prior] share = {self.share:g}: expected a number above 0 and at most 1")


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

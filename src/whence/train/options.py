"""Section ``[train]`` of a recipe."""

from __future__ import annotations

from dataclasses import dataclass

from whence.errors import RecipeError

LOSSES = ("triplet", "multi-similarity")
OPTIMISERS = ("adam", "adamw", "sgd")
SCHEDULES = ("constant", "step", "cosine")
PRECISIONS = ("32-true", "16-mixed", "bf16-mixed")
RECALL_AT = (1, 5, 10, 20)


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """How a network is trained.

    Attributes:
        epochs: At most so many.
        queries_per_epoch: Drawn anew each epoch, at most.
        mine_every: Queries between one mining and the next: hard negatives go stale as the network learns.
        pool: Database photos, drawn anew, among which negatives are looked for.
        negatives: Hardest ones of each query.
        batch: Queries of a step; a step computes ``batch x (2 + negatives)`` photos.
        positive_m: A database photo up to so far away shows the query's place.
        negative_m: One farther away than this does not; 0 for ``positive_m``. What lies between is nobody's.
        test_m: Up to so far away counts as found in validation.
        loss: ``triplet`` (each negative farther than the positive by a margin) or ``multi-similarity`` (X. Wang et al.,
            CVPR 2019).
        margin: Of the triplet loss, between Euclidean distances of unit vectors.
        optimiser: ``adam``, ``adamw`` or ``sgd`` (momentum 0.9).
        learning_rate: In the beginning.
        weight_decay: Of the optimiser.
        schedule: ``constant``, ``step`` (halved every ``step_epochs``) or ``cosine`` (towards 0 at the last epoch).
        step_epochs: See there.
        patience: Epochs without a better validation after which training ends.
        best_at: N of the recall@N that says which epoch is best.
        freeze: The backbone keeps its weights up to this stage; empty for none.
        width_px: Of the pictures, if not as the network says; 0 for that.
        height_px: The same.
        jitter: Of brightness, contrast and saturation, at most by this share.
        flip: Half of the queries are mirrored, with all their photos.
        erase: Chance that a rectangle of a photo is blanked out.
        crop: Least share of a photo that is kept, a random part of it; 1 keeps all.
        rotate_deg: At most, either way.
        precision: ``32-true``, or ``16-mixed`` or ``bf16-mixed`` on a graphics card.
    """

    epochs: int = 30
    queries_per_epoch: int = 5000
    mine_every: int = 1000
    pool: int = 1000
    negatives: int = 10
    batch: int = 4
    positive_m: float = 25.0
    negative_m: float = 0.0
    test_m: float = 25.0
    loss: str = "triplet"
    margin: float = 0.1
    optimiser: str = "adam"
    learning_rate: float = 1e-4
    weight_decay: float = 0.0
    schedule: str = "constant"
    step_epochs: int = 5
    patience: int = 10
    best_at: int = 5
    freeze: str = ""
    width_px: int = 0
    height_px: int = 0
    jitter: float = 0.0
    flip: bool = False
    erase: float = 0.0
    crop: float = 1.0
    rotate_deg: float = 0.0
    precision: str = "32-true"

    def __post_init__(self) -> None:
        for name, known in (
            ("loss", LOSSES),
            ("optimiser", OPTIMISERS),
            ("schedule", SCHEDULES),
            ("precision", PRECISIONS),
        ):
            if getattr(self, name) not in known:
                raise RecipeError(f"[train] {name} = {getattr(self, name)!r}: expected one of {', '.join(known)}")
        for name in ("positive_m", "test_m", "learning_rate"):
            if not getattr(self, name) > 0:
                raise RecipeError(f"[train] {name} = {getattr(self, name):g}: expected a number above 0")
        if self.negative_m and self.negative_m < self.positive_m:
            raise RecipeError(
                f"[train] negative_m = {self.negative_m:g}: expected at least positive_m = {self.positive_m:g}, or 0"
            )
        if not 0 < self.crop <= 1 or not 0 <= self.erase <= 1 or not 0 <= self.jitter < 1:
            raise RecipeError("[train] crop has to be above 0 and at most 1, erase from 0 to 1, jitter below 1")
        if self.best_at not in RECALL_AT:
            raise RecipeError(f"[train] best_at = {self.best_at}: expected one of {', '.join(map(str, RECALL_AT))}")

    @property
    def beyond_m(self) -> float:
        """From which distance on a photo is a negative."""
        return self.negative_m or self.positive_m

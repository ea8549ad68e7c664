"""Options of estimators that learn by gradient descent."""

from __future__ import annotations

from dataclasses import dataclass

from whence.errors import RecipeError

OPTIMISERS = ("adam", "adamw", "sgd")


@dataclass(frozen=True)
class Layers:
    """Dense layers on top of features.

    Attributes:
        layers: Widths of hidden ones, separated by commas; empty for none.
        dropout: Share of features, and then of each hidden layer's, that is left out while learning: as many numbers as
            there are hidden layers, and one; or one for all.
        batch_norm: Whether hidden layers are normalised over the batch.
    """

    layers: str = "256"
    dropout: str = "0.5"
    batch_norm: bool = False

    def __post_init__(self) -> None:
        if any(width != int(width) or width < 1 for width in self._numbers("layers")):
            raise RecipeError(
                f"[estimate] layers = {self.layers!r}: expected whole numbers from 1 up, such as '800,800'"
            )
        if len(self._numbers("dropout")) not in (1, len(self.widths) + 1):
            raise RecipeError(
                f"[estimate] dropout = {self.dropout!r}: expected one number, or {len(self.widths) + 1} of them, one "
                "for the features and one for each hidden layer"
            )
        if any(not 0 <= share < 1 for share in self.shares):
            raise RecipeError(f"[estimate] dropout = {self.dropout!r}: expected numbers from 0 to below 1")

    @property
    def widths(self) -> list[int]:
        """Of the hidden layers."""
        return [int(width) for width in self._numbers("layers")]

    @property
    def shares(self) -> list[float]:
        """Dropped of the features, and of each hidden layer."""
        found = self._numbers("dropout")
        return found if len(found) > 1 else found * (len(self.widths) + 1)

    def _numbers(self, name: str) -> list[float]:
        said = getattr(self, name)
        try:
            found = [float(part) for part in said.split(",") if part.strip()]
            if not all(0 <= number < 1e9 for number in found):
                raise ValueError
            return found
        except ValueError:
            raise RecipeError(
                f"[estimate] {name} = {said!r}: expected numbers from 0 up, separated by commas"
            ) from None


@dataclass(frozen=True)
class Descent:
    """How weights are found.

    Attributes:
        epochs: At most so many.
        batch: Examples of a step.
        optimiser: ``adam``, ``adamw`` or ``sgd`` (Nesterov's momentum of 0.9).
        learning_rate: All the time.
        weight_decay: Of the optimiser.
        patience: Epochs without a smaller loss on what is held out after which learning ends.
        class_weights: Whether classes count the same, however many photos they have.
        untrained: Weights stay as they begin: what training is to be held against.
    """

    epochs: int = 200
    batch: int = 64
    optimiser: str = "adam"
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    patience: int = 20
    class_weights: bool = False
    untrained: bool = False

    def __post_init__(self) -> None:
        if self.optimiser not in OPTIMISERS:
            raise RecipeError(f"[estimate] optimiser = {self.optimiser!r}: expected one of {', '.join(OPTIMISERS)}")
        if self.batch == 1 and getattr(self, "batch_norm", False):
            raise RecipeError("[estimate] batch = 1: batch_norm needs at least 2 photos at a time")
        if not self.learning_rate > 0:
            raise RecipeError("[estimate] learning_rate: expected a number above 0")

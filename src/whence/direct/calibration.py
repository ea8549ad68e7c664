"""What outputs are worth, learned from photos that the estimator had not seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from whence.direct.prediction import Prediction
from whence.direct.targets.target import Classes, Target
from whence.errors import ModelError
from whence.geo.distance import metres_from
from whence.geo.plane import coordinates
from whence.types import DoubleArray, Position

INSIDE = 0.9
"""Share of the truths that ``radius_m`` is meant to hold."""
_COLDEST, _HOTTEST, _STEPS = 0.05, 50.0, 60
_LEAST_M = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class HeldOut:
    """Photos that neither an estimator nor its target had seen.

    Attributes:
        target: As it was learned without them.
        outputs: ``(N, W)`` for them.
        truth: ``(N, K)`` as the target gives it; -1 where it has no class for a photo.
        positions: Of the photos, where known.
    """

    target: Target
    outputs: DoubleArray
    truth: NDArray[Any]
    positions: Sequence[Position | None]


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """From outputs to probabilities, and from what a prediction expects its error to be to what it is.

    The error of a photo, over the error that its prediction expects, is taken to be one of those seen on photos that
    were held out (split conformal prediction: J. Lei et al., Distribution-Free Predictive Inference for Regression,
    JASA 2018, with errors normalised): radius and confidence are read off these.

    Attributes:
        temperature: That scores of classes are divided by (C. Guo et al., On Calibration of Modern Neural Networks,
            ICML 2017).
        doubt: Share of all probability that is divided among the classes alike: what so few photos cannot rule out.
        ratios: ``(T,)`` errors over expected errors, in order; empty where positions are not known.
    """

    temperature: float
    doubt: float
    ratios: DoubleArray

    @classmethod
    def learn(cls, held: Sequence[HeldOut]) -> tuple[Self, DoubleArray]:
        """From outputs for photos that were held out; and the errors in metres of these, where positions are known."""
        classes = [part for part in held if isinstance(part.target, Classes) and len(part.outputs)]
        count = sum(int((part.truth[:, 0] >= 0).sum()) for part in classes)
        doubt = 1 / (count + 2) if classes else 0.0
        made = cls(_temperature(classes, doubt) if count else 1.0, doubt, np.zeros(0))
        errors, ratios = [], []
        for part in held:
            for row, position in zip(part.outputs, part.positions, strict=True):
                found = made.predicted(part.target, row)
                if position is not None and len(found.points):
                    point, expected = found.best()
                    (error,) = metres_from(point, coordinates([position])).tolist()
                    errors.append(error)
                    ratios.append(error / _unit(found, expected))
        return cls(made.temperature, doubt, np.sort(np.asarray(ratios, np.float64))), np.asarray(errors, np.float64)

    @classmethod
    def restore(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Inverse of ``arrays``.

        Raises:
            ModelError: They are not of a calibration.
        """
        try:
            ratios = np.sort(np.asarray(arrays["ratios"], np.float64).reshape(-1))
            temperature, doubt = float(arrays["temperature"]), float(arrays["doubt"])
            if not (temperature > 0 and 0 <= doubt <= 1 and (ratios >= 0).all()):
                raise ValueError("numbers out of range")
            return cls(temperature, doubt, ratios)
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(f"the model's calibration cannot be read: {error}") from error

    def arrays(self) -> dict[str, NDArray[Any]]:
        """As plain arrays."""
        return {
            "temperature": np.array(self.temperature),
            "doubt": np.array(self.doubt),
            "ratios": self.ratios,
        }

    def predicted(self, target: Target, outputs: DoubleArray) -> Prediction:
        """What ``(W,)`` outputs say, with probabilities that are true."""
        if not isinstance(target, Classes):
            return target.predicted(outputs)
        shares = target.probabilities(outputs / self.temperature)
        return target.placed((1 - self.doubt) * shares + self.doubt / len(shares))

    def radius_m(self, found: Prediction, expected_m: float) -> float:
        """Metres around the best point that hold the truth in nine of ten cases."""
        if not len(self.ratios):
            return expected_m
        # one more case than were seen, which may be worse than all of them
        place = min(int(np.ceil(INSIDE * (len(self.ratios) + 1))) - 1, len(self.ratios) - 1)
        return float(self.ratios[place]) * _unit(found, expected_m)

    def confidence(self, found: Prediction, expected_m: float, tolerance_m: float) -> float:
        """Probability that the error is at most the tolerance."""
        if not len(self.ratios):
            return 0.0
        smaller = int(np.searchsorted(self.ratios, tolerance_m / _unit(found, expected_m), side="right"))
        return (smaller + 0.5) / (len(self.ratios) + 1)


def _unit(found: Prediction, expected_m: float) -> float:
    """What errors are counted in: a prediction of one point expects nothing of its error."""
    return max(expected_m, _LEAST_M) if len(found.points) > 1 else 1.0


def _temperature(held: Sequence[HeldOut], doubt: float) -> float:
    """The one at which what is answered makes the truth least surprising."""

    def surprise(temperature: float) -> float:
        total, count = 0.0, 0
        for part in held:
            assert isinstance(part.target, Classes)
            rows = np.flatnonzero(part.truth[:, 0] >= 0)
            shares = part.target.probabilities(part.outputs[rows] / temperature)
            own = shares[np.arange(len(rows)), part.truth[rows, 0]]
            total -= float(np.log((1 - doubt) * own + doubt / shares.shape[1]).sum())
            count += len(rows)
        return total / count

    tried = np.geomspace(_COLDEST, _HOTTEST, _STEPS)
    best = int(np.argmin([surprise(value) for value in tried]))
    finer = np.geomspace(tried[max(best - 1, 0)], tried[min(best + 1, _STEPS - 1)], _STEPS)
    return float(min(finer, key=surprise))

"""What outputs are worth, learned from photos that the estimator had not seen."""

from __future__ import annotations

from collections.abc import Mapping
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
class Calibration:
    """From outputs to probabilities, and from what a prediction expects its error to be to what it is.

    The error of a photo, over the error that its prediction expects, is taken to be one of those seen on photos that
    were held out (split conformal prediction: J. Lei et al., Distribution-Free Predictive Inference for Regression,
    JASA 2018, with errors normalised): radius and confidence are read off these.

    Attributes:
        temperature: That scores of classes are divided by (C. Guo et al., On Calibration of Modern Neural Networks,
            ICML 2017).
        ratios: ``(T,)`` errors over expected errors, in order; empty where positions are not known.
    """

    temperature: float
    ratios: DoubleArray

    @classmethod
    def learn(cls, target: Target, outputs: DoubleArray, truth: NDArray[Any], positions: list[Position | None]) -> Self:
        """From outputs for photos that were held out.

        Args:
            target: That the outputs are for.
            outputs: ``(N, W)``.
            truth: ``(N, K)`` as ``Target.truth`` gives it.
            positions: Of the same photos, where known.
        """
        temperature = 1.0
        if isinstance(target, Classes) and len(outputs):
            known = truth[:, 0] >= 0
            temperature = _temperature(target.split(outputs[known])[0], truth[known, 0])
        made = cls(temperature, np.zeros(0))
        ratios = []
        for row, position in zip(outputs, positions, strict=True):
            found = made.predicted(target, row)
            if position is not None and len(found.points):
                point, expected = found.best()
                (error,) = metres_from(point, coordinates([position])).tolist()
                ratios.append(error / _unit(found, expected))
        return cls(temperature, np.sort(np.asarray(ratios, np.float64)))

    @classmethod
    def restore(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Inverse of ``arrays``.

        Raises:
            ModelError: They are not of a calibration.
        """
        try:
            ratios = np.sort(np.asarray(arrays["ratios"], np.float64).reshape(-1))
            return cls(float(arrays["temperature"]), ratios)
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(f"the model's calibration cannot be read: {error}") from error

    def arrays(self) -> dict[str, NDArray[Any]]:
        """As plain arrays."""
        return {"temperature": np.array(self.temperature), "ratios": self.ratios}

    def predicted(self, target: Target, outputs: DoubleArray) -> Prediction:
        """What ``(W,)`` outputs say, with probabilities that are true."""
        return target.predicted(outputs / self.temperature if isinstance(target, Classes) else outputs)

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


def _temperature(scores: DoubleArray, truth: NDArray[np.intp]) -> float:
    """The one at which the truth is least surprising."""

    def surprise(temperature: float) -> float:
        scaled = scores / temperature
        top = scaled.max(axis=1)
        total = np.log(np.exp(scaled - top[:, None]).sum(axis=1)) + top
        return float((total - scaled[np.arange(len(truth)), truth]).mean())

    tried = np.geomspace(_COLDEST, _HOTTEST, _STEPS)
    best = int(np.argmin([surprise(value) for value in tried]))
    finer = np.geomspace(tried[max(best - 1, 0)], tried[min(best + 1, _STEPS - 1)], _STEPS)
    return float(min(finer, key=surprise))

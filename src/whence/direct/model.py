"""A trained model: photos in, predictions out; a folder of two files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from whence import plugins
from whence.describe.seeing import PhotoOptions, Seeing
from whence.direct.calibration import Calibration
from whence.direct.estimators.estimator import Estimator, Makes
from whence.direct.prediction import Prediction
from whence.direct.targets.target import Classes, Target
from whence.errors import MissingExtraError, ModelError, RecipeError, first_line
from whence.photos import files
from whence.photos.threads import one_thread_each
from whence.plugins import Describer
from whence.recipes import SECTIONS, Recipe, method_of, options_from
from whence.types import Choice, DoubleArray, FloatArray, Image, Photo, Position

WORDS, ARRAYS = "model.json", "model.safetensors"
FORMAT = 1
CHOICES = 10
"""Classes or places that an answer names, unless more or fewer are asked for."""
_SECTIONS = ("photos", "features", "describe", "target", "estimate", "train", "confidence")


@dataclass(frozen=True, slots=True, eq=False)
class Guess:
    """The answer for one photo.

    Attributes:
        prediction: All that is likely.
        position: The best point; None where the model knows no positions.
        radius_m: Nine of ten truths lie inside.
        confidence: Probability that the error is at most the tolerance; of the best class, where there is no position.
    """

    prediction: Prediction
    position: Position | None
    radius_m: float | None
    confidence: float


def is_direct(recipe: Recipe) -> bool:
    """Whether a recipe answers by a trained model, without a gallery."""
    return bool(recipe.sections.get("estimate"))


class Model:
    """What ``whence train`` makes of a recipe with sections ``[target]`` and ``[estimate]``.

    Safe to use from many threads.

    Example:
        >>> model = Model.load("trained")  # doctest: +SKIP
        >>> model.guess(pixels, tolerance_m=25_000).position  # doctest: +SKIP
    """

    def __init__(
        self,
        recipe: Recipe,
        target: Target,
        estimator: Estimator,
        calibration: Calibration,
        tolerance_m: float,
        describer: Describer | None = None,
        seeing: Seeing | None = None,
        said: Mapping[str, Any] | None = None,
    ) -> None:
        """
        Args:
            recipe: That it was made by.
            target: What it answers.
            estimator: How.
            calibration: What its outputs are worth.
            tolerance_m: An error up to this counts as right.
            describer: Of the vectors that the estimator takes, if it takes some.
            seeing: What the describer sees.
            said: What else is kept of how it was made, as JSON allows.
        """
        self.recipe, self.target, self.estimator, self.calibration = recipe, target, estimator, calibration
        self.tolerance_m, self.said = tolerance_m, dict(said or {})
        self._describer, self._seeing = describer, seeing
        self.max_side = options_from(PhotoOptions, "photos", recipe.sections.get("photos", {})).max_side

    def outputs(self, image: Image) -> DoubleArray:
        """``(W,)`` of the estimator, for an ``(H, W, 3)`` RGB photo."""
        if self._seeing is None or self._describer is None:
            return self.estimator.of_picture(image)
        with one_thread_each:
            vector = self._describer.describe(self._seeing.extract(image))
            return np.asarray(self.estimator.outputs(vector[None])[0])

    def predict(self, image: Image) -> Prediction:
        """All that is likely, for an ``(H, W, 3)`` RGB photo."""
        return self.calibration.predicted(self.target, self.outputs(image))

    def guess(self, image: Image, tolerance_m: float | None = None) -> Guess:
        """The answer.

        Args:
            image: ``(H, W, 3)`` RGB.
            tolerance_m: An error up to this counts as right; None for the model's own.
        """
        return self.judged(self.outputs(image), tolerance_m)

    def attention(self, image: Image) -> FloatArray | None:
        """``(h, w)``: what of a photo spoke for the likeliest class, or the coordinates; None where nothing tells."""
        told: FloatArray | None = getattr(self.estimator, "attention", lambda image: None)(image)
        return told

    def judged(self, outputs: DoubleArray, tolerance_m: float | None = None) -> Guess:
        """The answer that ``(W,)`` outputs amount to."""
        found = self.calibration.predicted(self.target, outputs)
        if not len(found.points):
            return Guess(found, None, None, float(found.probabilities.max()))
        point, expected = found.best()
        sure = self.calibration.confidence(found, expected, tolerance_m or self.tolerance_m)
        return Guess(found, point, self.calibration.radius_m(found, expected), sure)

    @cached_property
    def blank(self) -> Prediction:
        """What is said where nothing speaks for anything: all classes alike, or the middle."""
        return self.target.predicted(np.zeros(self.target.width))

    @property
    def metric(self) -> bool:
        """Whether positions are x and y in metres."""
        return self.blank.metric

    def facts(self) -> dict[str, Any]:
        """What there is to know of it, as JSON allows."""
        estimate, target = (dict(self.recipe.sections[name]) for name in ("estimate", "target"))
        return {
            "recipe": self.recipe.name,
            "summary": self.recipe.summary,
            "photos": self.said.get("photos"),
            "target": target.pop("method"),
            "estimator": estimate.pop("method"),
            "chosen": self.estimator.words(),
            "tolerance_m": self.tolerance_m if len(self.blank.points) else None,
            "held_out": self.said.get("held_out"),
            "held_out_within_tolerance": self.said.get("held_out_within_tolerance"),
            "classes": self.said.get("classes", {}),
        }

    def class_of(self, photo: Photo) -> str | None:
        """The class that a photo is of, by its label or position; None for one that the model does not know."""
        if not isinstance(self.target, Classes):
            return None
        number = int(self.target.truth([photo])[0, 0])
        return self.target.names[number] if number >= 0 else None

    @cached_property
    def _centres(self) -> DoubleArray | None:
        """See ``Classes.centres``; the same for all photos."""
        return self.target.centres() if isinstance(self.target, Classes) else None

    def choices(self, found: Prediction, most: int = CHOICES) -> tuple[Choice, ...]:
        """The likeliest classes, or places of a mixture, the best first."""
        if len(found.names):
            order = np.argsort(-found.probabilities, kind="stable")[:most].tolist()
            centres = self._centres
            return tuple(
                Choice(
                    found.names[number],
                    float(found.probabilities[number]),
                    None if centres is None else found.position(centres[number]),
                )
                for number in order
            )
        if len(found.points) < 2:
            return ()
        # a place is its middle, and a ring around that
        places = [(float(found.weights[at : at + 9].sum()), found.points[at]) for at in range(0, len(found.points), 9)]
        places.sort(key=lambda pair: -pair[0])
        return tuple(Choice(None, weight, found.position(point)) for weight, point in places[:most])

    def save(self, folder: Path, written_by: str = "") -> None:
        """Writes ``model.json`` and ``model.safetensors``; each appears whole or not at all.

        Args:
            folder: Made if it is not there.
            written_by: Version of whence.

        Raises:
            ModelError: They cannot be written.
        """
        arrays = {
            **_named("target", self.target.arrays()),
            **_named("estimator", self.estimator.arrays()),
            **_named("calibration", self.calibration.arrays()),
            **_named("describer", {} if self._describer is None else self._describer.arrays()),
        }
        words = {
            "format": FORMAT,
            "whence": written_by,
            "recipe": self.recipe.name,
            "summary": self.recipe.summary,
            "sections": {name: dict(self.recipe.sections.get(name, {})) for name in _SECTIONS},
            "tolerance_m": self.tolerance_m,
            "described_by": None if self._describer is None else self._describer.fingerprint,
            "target": self.target.words(),
            "estimator": self.estimator.words(),
            "arrays": sorted(arrays),
            "said": self.said,
        }
        try:
            folder.mkdir(parents=True, exist_ok=True)
            files.write(folder / ARRAYS, _serialised(arrays))
            files.write(folder / WORDS, (json.dumps(words, indent=1, ensure_ascii=False) + "\n").encode())
        except OSError as error:
            raise ModelError(f"{folder} cannot be written: {error.strerror or error}") from error

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Inverse of ``save``. Nothing is unpickled: a model holds numbers and words alone.

        Raises:
            ModelError: It is no model, is damaged, or was made by a newer whence.
            MissingExtraError: Without an extra that it needs.
        """
        folder = Path(folder)
        words, arrays = _words(folder), _arrays(folder)
        if not isinstance(words["format"], int):
            raise ModelError(f"{folder} is damaged: format is {words['format']!r}; train it again")
        if words["format"] != FORMAT:
            raise ModelError(f"{folder} was written by a newer whence ({words.get('whence')}); update this one")
        missing = [name for name in words["arrays"] if name not in arrays]
        if missing:
            raise ModelError(f"{folder} is damaged: {ARRAYS} lacks {missing[0]}; train it again")
        broken = next((name for name, array in arrays.items() if not np.isfinite(array).all()), None)
        if broken is not None:
            raise ModelError(f"{folder} is damaged: {broken} holds what is no number; train it again")
        try:
            return cls._of(folder, words, arrays)
        except RecipeError as error:
            raise ModelError(f"{folder}: {error}") from error
        except (KeyError, TypeError, ValueError, IndexError, AttributeError, RuntimeError, MemoryError) as error:
            raise ModelError(f"{folder} is damaged: {first_line(error)}; train it again") from error

    @classmethod
    def _of(cls, folder: Path, words: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        sections: dict[str, dict[str, Any]] = {name: {} for name in SECTIONS}
        sections |= {name: dict(values) for name, values in words["sections"].items()}
        recipe = Recipe(str(words["recipe"]), str(words.get("summary", "")), sections)
        kind, options = method_of(plugins.TARGETS, "target", sections["target"])
        target: Target = kind.restore(options, _under("target", arrays), words["target"])
        maker: Makes
        maker, options = method_of(plugins.ESTIMATORS, "estimate", sections["estimate"])
        estimator = maker.restore(options, _under("estimator", arrays), words["estimator"], target)
        seeing = describer = None
        if maker.takes == "vectors":
            seeing = Seeing(sections)
            learned = _under("describer", arrays)
            describer = seeing.restored(learned) if learned else seeing.shipped
            if describer.fingerprint != words["described_by"]:
                raise ModelError(
                    f"{folder} takes vectors of {words['described_by']}, this whence makes {describer.fingerprint}; "
                    "train it again"
                )
        calibration = Calibration.restore(_under("calibration", arrays))
        tolerance, said = float(words["tolerance_m"]), words.get("said", {})
        if not (np.isfinite(tolerance) and tolerance > 0):
            raise ValueError(f"a tolerance of {tolerance} m")
        return cls(recipe, target, estimator, calibration, tolerance, describer, seeing, said)


def is_model(folder: Path) -> bool:
    """Whether a folder holds a model."""
    return (folder / WORDS).is_file()


def _words(folder: Path) -> dict[str, Any]:
    file = folder / WORDS
    if not file.is_file():
        hint = "is not there" if not folder.exists() else f"holds no {WORDS}"
        raise ModelError(f"{folder} {hint}; expected a folder that `whence train` made")
    try:
        words = json.loads(file.read_text("utf-8"))
        if not isinstance(words, dict) or not {"format", "sections", "arrays", "target", "estimator"} <= words.keys():
            raise ValueError("it says nothing of a model")
        if not isinstance(words["arrays"], list):
            raise ValueError("it names no arrays")
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{file} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    return words


def _arrays(folder: Path) -> dict[str, NDArray[Any]]:
    file = folder / ARRAYS
    _need()
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return dict(load_file(file))
    except (OSError, SafetensorError) as error:
        raise ModelError(
            f"{file} cannot be read: {getattr(error, 'strerror', None) or error}; train it again"
        ) from error


def _serialised(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    _need()
    from safetensors.numpy import save

    return bytes(save({name: np.array(array, order="C") for name, array in arrays.items()}))


def _need() -> None:
    from importlib.util import find_spec

    if find_spec("safetensors") is None:
        raise MissingExtraError("Trained models", "ml")


def _named(part: str, arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return {f"{part}/{name}": np.asarray(array) for name, array in arrays.items()}


def _under(part: str, arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return {name.removeprefix(f"{part}/"): array for name, array in arrays.items() if name.startswith(f"{part}/")}

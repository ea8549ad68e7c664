"""Arrays that figures are asked of: one clear line for each thing that cannot be meant."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from whence.errors import InputError
from whence.metrics.outcomes import Outcomes


def thresholds(values: Iterable[float], what: str = "threshold") -> None:
    """Raise ``InputError`` unless all are finite and above 0."""
    for value in values:
        if not (np.isfinite(value) and value > 0):
            raise InputError(f"{what} {value:g}: expected a distance above 0")


def rows(**arrays: Any) -> int:
    """Common length of arrays; raise ``InputError`` where they differ or are empty, or something is no array."""
    for name, array in arrays.items():
        if not np.ndim(array):
            raise InputError(f"{name} is a single value; expected one row per query")
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        said = ", ".join(f"{length} of {name}" for name, length in lengths.items())
        raise InputError(f"arrays of different length: {said}; expected one row per query in each")
    length = next(iter(lengths.values()))
    if not length:
        raise InputError("no queries; figures need at least one")
    return length


def column(name: str, values: Any) -> NDArray[np.float64]:
    """``(Q,)`` numbers; raise ``InputError`` for another shape or what is no number."""
    try:
        array = np.asarray(values, np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name}: expected numbers, one per query") from error
    if array.ndim != 1:
        raise InputError(f"{name} of shape {array.shape}: expected (queries,)")
    return array


def flags(name: str, values: Any) -> NDArray[np.bool_]:
    """``(Q,)`` of true and false; raise ``InputError`` for anything else: NaN and words would count as true."""
    array = np.asarray(values)
    if array.ndim != 1:
        raise InputError(f"{name} of shape {array.shape}: expected (queries,)")
    if array.dtype != np.bool_ and not (array.dtype.kind in "iuf" and np.isin(array, (0, 1)).all()):
        raise InputError(f"{name}: expected true or false for each query")
    return array.astype(np.bool_)


def whole(name: str, value: Any, least: int = 1) -> int:
    """A whole number; raise ``InputError`` for another, or one below ``least``."""
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < least:
        raise InputError(f"{name} {value!r}: expected a whole number of at least {least}")
    return int(value)


def numbers(name: str, array: Any) -> None:
    """Raise ``InputError`` if something is NaN; infinity is the distance of a missing answer."""
    values = np.asarray(array, np.float64)
    bad = np.flatnonzero(np.isnan(values).any(axis=tuple(range(1, values.ndim))))
    if len(bad):
        raise InputError(
            f"{name}: NaN in {len(bad)} of {len(values)} rows, first in row {bad[0]}; expected a distance, infinity "
            "for a missing answer, and no queries of unknown places"
        )


def confidences(confidence: Any) -> None:
    """Raise ``InputError`` unless all are from 0 to 1."""
    bad = ~((np.asarray(confidence) >= 0) & (np.asarray(confidence) <= 1))
    if bad.any():
        at = int(bad.argmax())
        raise InputError(f"confidence {confidence[at]:g} in row {at}: expected a probability from 0 to 1")


def outcomes(of: Outcomes) -> None:
    """Raise ``InputError`` where arrays do not fit each other, or a known truth has no distance."""
    optional = {name: getattr(of, name) for name in ("offset_deg", "equirectangular_m", "truth_class", "answer_class")}
    rows(
        known=of.known,
        error_m=of.error_m,
        offset_m=of.offset_m,
        confidence=of.confidence,
        radius_m=of.radius_m,
        located=of.located,
        retrieved_m=of.retrieved_m,
        ranked_m=of.ranked_m,
        cluster=of.cluster,
        **{name: array for name, array in optional.items() if array is not None},
        **{f"seconds of {stage}": array for stage, array in of.seconds.items()},
    )
    shapes: dict[str, tuple[int | None, ...]] = {
        **dict.fromkeys(("known", "error_m", "confidence", "radius_m", "located", "cluster"), (None,)),
        **dict.fromkeys(("equirectangular_m", "truth_class", "answer_class"), (None,)),
        **dict.fromkeys(("offset_m", "offset_deg"), (None, 2)),
        **dict.fromkeys(("retrieved_m", "ranked_m"), (None, None)),
    }
    for name, expected in shapes.items():
        array = getattr(of, name)
        if array is None:
            continue
        fits = isinstance(array, np.ndarray) and array.ndim == len(expected)
        if not fits or any(want is not None and want != have for want, have in zip(expected, array.shape, strict=True)):
            said = ", ".join("queries" if not at else str(want or "photos") for at, want in enumerate(expected))
            raise InputError(f"{name} of shape {np.shape(array)}: expected an array ({said})")
    confidences(of.confidence)
    for name in ("error_m", "offset_m", "retrieved_m", "ranked_m", "offset_deg", "equirectangular_m"):
        array = getattr(of, name)
        if array is not None:
            numbers(f"{name} of known places", array[of.known])
    for name in ("truth_class", "answer_class"):
        array = optional[name]
        if array is not None and len(array) and not (array.min() >= -1 and array.max() < len(of.classes)):
            raise InputError(f"{name}: expected numbers from -1 to {len(of.classes) - 1}, those of the classes' names")

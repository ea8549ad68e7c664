"""Distances on axes and in words: metres as people write them, or numbers of frames."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from whence.present.words import length

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = NDArray[np.float64]


def distance_words(value: float, unit: str) -> str:
    """A distance with as many digits as it deserves; a dash where there is none.

    >>> distance_words(1234, "m"), distance_words(3, "frames"), distance_words(float("inf"), "m")
    ('1.2 km', '3 frames', '-')
    """
    if unit == "m" or not math.isfinite(value):
        return length(value)
    return f"{value:.1f}".removesuffix(".0") + f" {unit.removesuffix('s') if value == 1 else unit}"


def given_words(value: float, unit: str) -> str:
    """A distance that somebody chose, such as a tolerance, exactly as chosen.

    >>> given_words(5, "m"), given_words(2500, "m"), given_words(1, "frames")
    ('5 m', '2.5 km', '1 frame')
    """
    if unit != "m":
        return f"{value:g} {unit.removesuffix('s') if value == 1 else unit}"
    return f"{value / 1000:g} km" if value >= 1000 else f"{value:g} m"


def tick_words(value: float, unit: str) -> str:
    """A power of ten, or another round distance, as short as a tick needs it.

    >>> tick_words(0.1, "m"), tick_words(10, "m"), tick_words(20000, "m"), tick_words(100, "frames")
    ('10 cm', '10 m', '20 km', '100')
    """
    if unit != "m":
        return f"{value:g}"
    for size, name in ((1000.0, "km"), (1.0, "m"), (0.01, "cm"), (0.001, "mm")):
        if value >= size * 0.999:
            return f"{value / size:,.0f} {name}"
    return f"{value * 1000:g} mm"


def floor_of(errors: Floats, tolerance_m: float) -> float:
    """The smallest distance worth drawing on a log axis: zero has no place there, and far below lies only noise."""
    positive = errors[np.isfinite(errors) & (errors > 0)]
    least = float(np.quantile(positive, 0.01)) if len(positive) else tolerance_m / 10
    least = min(max(least, tolerance_m * 1e-3), tolerance_m / 10)
    power = 10.0 ** math.floor(math.log10(least))
    return max(step * power for step in (1, 2, 5) if step * power <= least * (1 + 1e-9))


def ceiling_of(errors: Floats, tolerance_m: float) -> float:
    """The largest distance on a log axis."""
    known = errors[np.isfinite(errors)]
    most = max(float(known.max()) if len(known) else 0.0, tolerance_m * 4)
    return most * 1.25


def distance_axis(axes: Axes, low: float, high: float, unit: str) -> None:
    """The x axis as distances between two limits, by powers of ten."""
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    stride = max(1, math.ceil((last - first + 1) / 7))
    powers = [10.0**power for power in range(first, last + 1, stride)]
    axes.set_xticks(powers, labels=[tick_words(power, unit) for power in powers])
    if stride == 1:
        minor = [step * 10.0**power for power in range(first - 1, last + 1) for step in range(2, 10)]
        axes.set_xticks([value for value in minor if low <= value <= high], minor=True)
        axes.xaxis.set_minor_formatter(lambda value, place: "")
    else:
        axes.set_xticks([], minor=True)

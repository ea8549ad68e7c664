"""Names and values of figures in words."""

from __future__ import annotations

import math

from whence.evaluate.report.html import DASH
from whence.evaluate.report.names import kind_of
from whence.evaluate.report.plots.lengths import distance_words
from whence.metrics.outcomes import Figure
from whence.present import page


def value_words(name: str, value: float, unit: str) -> str:
    """A figure as a person would write it; a dash where it is not defined.

    >>> value_words("within.25", 0.8734, "m"), value_words("error.median", 3.21, "m")
    ('87.3 %', '3.2 m')
    """
    kind = kind_of(name)
    if math.isinf(value) and kind == "distance":
        return "no answer" if value > 0 else DASH
    if not math.isfinite(value):
        return DASH
    if kind == "share":
        return f"{100 * value:.1f} %"
    if kind == "distance":
        return distance_words(value, unit) if value >= 0 else f"−{distance_words(-value, unit)}"
    if kind == "seconds":
        return f"{value:.3f} s" if value < 1 else f"{value:.2f} s"
    return f"{value:.3g}"


def interval_words(name: str, figure: Figure, unit: str) -> str:
    """The 95 % interval in words; empty where there is none."""
    if math.isnan(figure.low95) or math.isnan(figure.high95):
        return ""
    low, high = value_words(name, figure.low95, unit), value_words(name, figure.high95, unit)
    if low.split(" ")[1:] == high.split(" ")[1:] and low != high:
        low = low.split(" ")[0]
    return low if low == high else f"{low} – {high}"


def signed_words(name: str, value: float, unit: str) -> str:
    """A difference with its sign; shares in percentage points."""
    if not math.isfinite(value):
        return DASH
    sign = "+" if value > 0 else "−" if value < 0 else "±"
    if kind_of(name) == "share":
        return f"{sign}{100 * abs(value):.1f} pp"
    return f"{sign}{value_words(name, abs(value), unit)}"


def cell(name: str, figure: Figure | None, unit: str) -> str:
    """A figure with its interval as small text, as HTML."""
    if figure is None:
        return DASH
    value, interval = value_words(name, figure.value, unit), interval_words(name, figure, unit)
    small = f"<small>{page.text(interval)}</small>" if interval and value != DASH else ""
    return f"<b>{page.text(value)}</b>{small}"

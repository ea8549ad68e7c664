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
    """The 95 % interval in words; empty where there is none, or where resampling changes nothing.

    >>> interval_words("within.25", Figure(0.5, 0.412, 0.588, 0.47, 0.53), "m")
    '41 – 59 %'
    """
    low, high = figure.low95, figure.high95
    if math.isnan(low) or math.isnan(high) or low == high:
        return ""
    if kind_of(name) == "share":
        digits = 0 if high - low > 0.02 else 1
        return f"{100 * low:.{digits}f} – {100 * high:.{digits}f} %"
    first, last = value_words(name, low, unit), value_words(name, high, unit)
    if first == last:
        return ""
    if first.split(" ")[1:] == last.split(" ")[1:]:
        first = first.split(" ")[0]
    return f"{first} – {last}"


def signed_words(name: str, value: float, unit: str) -> str:
    """A difference with its sign; shares in percentage points.

    >>> signed_words("within.25", -0.031, "m"), signed_words("error.median", 0.001, "m")
    ('−3.1 pp', '±0 m')
    """
    if not math.isfinite(value):
        return DASH
    share = kind_of(name) == "share"
    words = f"{100 * abs(value):.1f} pp" if share else value_words(name, abs(value), unit)
    if not any(digit in words for digit in "123456789"):
        return f"±{words}"
    return f"{'+' if value > 0 else '−'}{words}"


def cell(name: str, figure: Figure | None, unit: str) -> str:
    """A figure with its interval as small text, as HTML."""
    if figure is None:
        return DASH
    value, interval = value_words(name, figure.value, unit), interval_words(name, figure, unit)
    small = f"<small>{page.text(interval)}</small>" if interval and value != DASH else ""
    return f"<b>{page.text(value)}</b>{small}"

"""Numbers, positions and verdicts in words, the same in the terminal, on pages and in pictures."""

from __future__ import annotations

import math
import unicodedata
from pathlib import PurePath

from whence.geo.distance import direction
from whence.types import XY, Location, Position, Status

__all__ = [
    "HIDDEN",
    "direction",
    "duration",
    "heading",
    "length",
    "percent",
    "place",
    "printable",
    "short_name",
    "shown_path",
    "summary",
    "verdict",
]

HIDDEN = "(not shown)"


def counted(number: int, one: str, many: str = "") -> str:
    """``1 photo``, ``1,770 photos``."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def printable(text: str) -> str:
    r"""``text`` on one line, with everything that a terminal or a page cannot show written as an escape.

    File names may hold newlines, terminal commands, marks that reverse the reading direction, bytes that are no text.

    >>> print(printable("a\x1b[2J\udcff.jpg"))
    a\x1b[2J\udcff.jpg
    """
    return "".join(character if character.isprintable() else _escaped(character) for character in text)


def _escaped(character: str) -> str:
    # Space-like characters are no threat, and macOS puts them into the names of screenshots.
    return " " if unicodedata.category(character) == "Zs" else character.encode("unicode_escape").decode("ascii")


def shown_path(path: str) -> str:
    """A path for the eye; hidden ones are empty."""
    return printable(path) or HIDDEN


def short_name(path: str) -> str:
    """What a photo is called on a map: the name of its file."""
    return printable(PurePath(path).name) or "photo"


def length(metres: float | None) -> str:
    """A length with as many digits as it deserves.

    >>> length(0.347), length(3.46), length(12.4), length(1234), length(56789)
    ('0.35 m', '3.5 m', '12 m', '1.2 km', '57 km')
    """
    if metres is None or not math.isfinite(metres):
        return "-"
    if metres < 0.005:
        return "0 m"
    for limit, unit, digits in ((0.995, 1, 2), (9.95, 1, 1), (999.5, 1, 0), (9950, 1000, 1)):
        if metres < limit:
            return f"{metres / unit:.{digits}f} {'m' if unit == 1 else 'km'}"
    return f"{metres / 1000:.0f} km"


def percent(share: float | None) -> str:
    """A share of 1 as a percentage that never rounds doubt, or hope, away.

    >>> percent(0.873), percent(0.9999), percent(0.0001), percent(0)
    ('87 %', '>99 %', '<1 %', '0 %')
    """
    if share is None or not math.isfinite(share):
        return "-"
    if 0 < share < 0.005:
        return "<1 %"
    if 0.995 <= share < 1:
        return ">99 %"
    return f"{100 * share:.0f} %"


def place(position: Position | None) -> str:
    """A position as two numbers: latitude and longitude to about a metre, or x and y to a centimetre."""
    if position is None:
        return "-"
    digits, pair = (2, (position.x, position.y)) if isinstance(position, XY) else (5, (position.lat, position.lon))
    return f"{pair[0]:.{digits}f}, {pair[1]:.{digits}f}" if all(map(math.isfinite, pair)) else "-"


def heading(bearing_deg: float | None) -> str:
    """A direction of view in degrees and in a word; empty where unknown.

    >>> heading(359.7), heading(None)
    ('0° (north)', '')
    """
    if bearing_deg is None or not math.isfinite(bearing_deg):
        return ""
    return f"{round(bearing_deg) % 360}° ({direction(bearing_deg)})"


def duration(seconds: dict[str, float]) -> str:
    """The time of all stages together; empty where none was taken."""
    known = [value for value in seconds.values() if math.isfinite(value)]
    return f"{sum(known):.2f} s" if known else ""


def verdict(location: Location) -> str:
    """The answer as one sentence, without a full stop."""
    if location.position is None and location.choices and location.status is not Status.FAILED:
        best = location.choices[0]
        sure = "" if location.status is Status.LOCATED else "Unsure; best guess "
        return f"{sure}{printable(best.label or '-')} ({percent(best.probability)})"
    if location.position is None:
        return f"Failed: {printable(location.error or 'no reason was given')}"
    near = f" ({printable(location.place)})" if location.place else ""
    around = length(location.radius_m)
    if location.status is Status.LOCATED:
        return f"Located{'' if around == '-' else f' within about {around}'}: {place(location.position)}{near}"
    return f"Unsure; best guess {place(location.position)}{near}{'' if around == '-' else f', within about {around}'}"


def turn(turned_deg: int) -> str:
    """How a photo was turned, in words; empty if it was not."""
    return {90: "to the right", 180: "upside down", 270: "to the left"}.get(turned_deg, "")


def summary(location: Location) -> list[str]:
    """The answer and what it rests on, a line each, where there is room for a few lines only."""
    lines = [printable(location.path), verdict(location)] if location.path else [verdict(location)]
    if location.position is None:
        return lines
    lines.append(f"Confidence {percent(location.confidence)}")
    if location.candidates:
        best = location.candidates[0]
        lines.append(f"Best match {shown_path(best.path)}, {best.inliers} matching points")
    if location.choices and location.choices[0].label is not None:
        best_class = location.choices[0]
        lines.append(f"Likeliest {printable(best_class.label or '-')}, {percent(best_class.probability)}")
    if looking := heading(location.heading_deg):
        lines.append(f"Looking {looking}")
    if turned := turn(location.turned_deg):
        lines.append(f"Turned {turned} before it was answered")
    if location.duplicate_of:
        same = ", ".join(map(shown_path, location.duplicate_of))
        lines.append(f"Same content as {same}, which was left out")
    return lines

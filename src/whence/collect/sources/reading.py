"""Values of answers, which may be missing or anything."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

from whence.photos.checks import position_problem
from whence.types import LatLon


def at(data: Any, *path: str | int) -> Any:
    """What lies at a path of names and indices; None where it ends before."""
    for step in path:
        if isinstance(data, dict):
            data = data.get(step)
        elif isinstance(data, list) and isinstance(step, int) and -len(data) <= step < len(data):
            data = data[step]
        else:
            return None
    return data


def text(data: Any, *path: str | int) -> str:
    """A text or a number in one line; empty for anything else."""
    found = at(data, *path)
    plain = str(found) if isinstance(found, str | int | float) and not isinstance(found, bool) else ""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in plain).split())[:500]


def number(data: Any, *path: str | int) -> float | None:
    """A finite number, also one in quotes."""
    found = at(data, *path)
    try:
        value = float(found) if isinstance(found, str | int | float) and not isinstance(found, bool) else math.nan
    except (ValueError, OverflowError):
        return None
    return value if math.isfinite(value) else None


def rows(data: Any, *path: str | int) -> list[Any]:
    """A list; empty for anything else."""
    found = at(data, *path)
    return found if isinstance(found, list) else []


def place(lat: float | None, lon: float | None) -> LatLon | None:
    """A position that a camera can have stood at, or None."""
    if lat is None or lon is None:
        return None
    found = LatLon(lat, lon)
    return None if position_problem(found) else found


def point(data: Any, *path: str | int) -> LatLon | None:
    """A GeoJSON point, which names its longitude first."""
    where = at(data, *path)
    return place(number(where, "coordinates", 1), number(where, "coordinates", 0))


def bearing(data: Any, *path: str | int) -> float | None:
    """Degrees clockwise from north, in [0, 360)."""
    found = number(data, *path)
    return None if found is None or abs(found) > 720 else found % 360 % 360


def moment(said: str) -> datetime | None:
    """A time in ISO 8601, or as databases write it; without a zone where none is given."""
    try:
        return datetime.fromisoformat(said) if said and not said.startswith("0000") else None
    except ValueError:
        return None


def moment_ms(milliseconds: float | None) -> datetime | None:
    """Milliseconds since 1970."""
    try:
        return None if not milliseconds else datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []

    def handle_data(self, data: str) -> None:
        self.parts.append(data)


def words(html: Any) -> str:
    """What a reader sees of a piece of HTML, in one line; empty for anything but a text."""
    reader = _Words()
    reader.feed(html[:20_000] if isinstance(html, str) else "")
    reader.close()
    return text(" ".join(" ".join(reader.parts).split()))

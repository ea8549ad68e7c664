"""One answer as plain data: the JSON contract that programs rely on (``location.schema.json``)."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from importlib.resources import files
from typing import Any

from whence.types import Candidate, LatLon, Location, Position, Status

DEGREES, METRES, SHARES = 7, 3, 4  # decimals; 1e-7 degrees are a centimetre


def to_dict(location: Location, *, private: bool = False) -> dict[str, Any]:
    """The answer as JSON types, valid against ``schema()``, whatever the location holds.

    Numbers that are not finite become null. An answer that names no usable position is given as ``failed``: readers may
    rely on a position wherever the status is another.

    Args:
        location: The answer.
        private: Hide what the gallery calls its photos: candidate paths, groups and duplicates become null. The query's
            own path stays as the user gave it.
    """
    location = settled(hide_paths(location) if private else location)
    heading = _number(location.heading_deg, 2)
    return {
        "path": location.path,
        "status": location.status.value,
        "position": _position(location.position),
        "radius_m": _number(location.radius_m, METRES),
        "confidence": _number(location.confidence, SHARES),
        "heading_deg": None if heading is None else heading % 360.0,
        "place": location.place,
        "turned_deg": location.turned_deg,
        "candidates": [_candidate(candidate) for candidate in location.candidates],
        "choices": [
            {
                "label": choice.label,
                "probability": _number(choice.probability, SHARES),
                "position": _position(choice.position),
            }
            for choice in location.choices
        ],
        "seconds": {stage: _number(seconds, SHARES) for stage, seconds in location.seconds.items()},
        "duplicate_of": [path or None for path in location.duplicate_of],
        "error": location.error,
    }


def to_json(data: dict[str, Any]) -> str:
    """One line of ASCII. Bytes of a path that are no text become escaped surrogates, which ``json.loads`` restores."""
    return json.dumps(data, allow_nan=False, ensure_ascii=True)


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of ``to_dict``."""
    text = files("whence.present").joinpath("location.schema.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def hide_paths(location: Location) -> Location:
    """The same answer without the gallery's names: empty paths, no groups."""
    return replace(
        location,
        candidates=tuple(replace(candidate, path="", group=None) for candidate in location.candidates),
        duplicate_of=("",) * len(location.duplicate_of),
    )


def settled(location: Location) -> Location:
    """The answer with status and position in step: a position where the status is not ``failed``, or classes at least,
    and none where it is."""
    if location.status is not Status.FAILED and _position(location.position) is None and not location.choices:
        return replace(
            location, status=Status.FAILED, position=None, error=location.error or "no usable position was found"
        )
    if location.status is Status.FAILED and location.position is not None:
        return replace(location, position=None)
    return location


def _candidate(candidate: Candidate) -> dict[str, Any]:
    return {
        "path": candidate.path or None,
        "position": _position(candidate.position),
        "similarity": _number(candidate.similarity, SHARES),
        "inliers": int(candidate.inliers),
        "retrieval_rank": int(candidate.retrieval_rank),
        "group": candidate.group,
    }


def _position(position: Position | None) -> dict[str, float] | None:
    if position is None:
        return None
    named = (
        {"lat": _number(position.lat, DEGREES), "lon": _number(position.lon, DEGREES)}
        if isinstance(position, LatLon)
        else {"x": _number(position.x, METRES), "y": _number(position.y, METRES)}
    )
    known = {name: value for name, value in named.items() if value is not None}
    return known if len(known) == len(named) else None


def _number(value: float | None, decimals: int) -> float | None:
    if value is None or not math.isfinite(value):
        return None
    return round(float(value), decimals) + 0.0  # + 0.0 turns -0.0 into 0.0

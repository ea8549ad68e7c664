"""Answers on disk: the lines of ``whence locate --format jsonl``, with the positions of the shortlist besides."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from whence.evaluate.model import DEPTH
from whence.locate.answers import Answer
from whence.present.answers import to_dict, to_json
from whence.types import XY, Candidate, Choice, DoubleArray, LatLon, Location, Position, Status


@dataclass(frozen=True, slots=True)
class Answered:
    """One line.

    Attributes:
        location: The answer.
        shortlist: Where the photos were taken that were looked at, in the order of retrieval.
    """

    location: Location
    shortlist: tuple[Position, ...]


def line(answer: Answer, points: DoubleArray) -> str:
    """An answer as text; positions of the shortlist, of the photos at ``points``, as pairs, latitude or x first."""
    coordinates = points[list(answer.shortlist[:DEPTH])]
    return to_json(
        {**to_dict(answer.location), "shortlist": [[round(v, 7) for v in pair] for pair in coordinates.tolist()]}
    )


def read_answers(path: Path) -> list[Answered]:
    """What was written so far; a last line that was cut off is left out."""
    try:
        text = path.read_text("utf-8")
    except (OSError, ValueError):  # not there, or no text
        return []
    found = []
    for said in text.splitlines(keepends=True):
        try:
            if not said.endswith("\n"):
                break
            found.append(_answered(json.loads(said)))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            break
    return found


def _answered(data: Mapping[str, Any]) -> Answered:
    kind = XY if any("x" in c["position"] for c in data["candidates"]) or "x" in (data["position"] or {}) else LatLon
    candidates = tuple(
        Candidate(c["path"], _position(c["position"]), c["similarity"], c["inliers"], c["retrieval_rank"], c["group"])
        for c in data["candidates"]
    )
    location = Location(
        path=data["path"],
        status=Status(data["status"]),
        position=None if data["position"] is None else _position(data["position"]),
        radius_m=data["radius_m"],
        confidence=data["confidence"] or 0.0,
        candidates=candidates,
        seconds=data["seconds"],
        duplicate_of=tuple(data["duplicate_of"]),
        error=data["error"],
        heading_deg=data["heading_deg"],
        place=data["place"],
        turned_deg=data["turned_deg"],
        choices=tuple(
            Choice(c["label"], c["probability"] or 0.0, None if c["position"] is None else _position(c["position"]))
            for c in data["choices"]
        ),
    )
    return Answered(location, tuple(kind(*pair) for pair in data["shortlist"]))


def _position(data: Mapping[str, float]) -> Position:
    return LatLon(data["lat"], data["lon"]) if "lat" in data else XY(data["x"], data["y"])

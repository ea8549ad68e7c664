"""Suspects as a table for the eye, JSON lines, GeoJSON or CSV; and corrected pins as a table that can be indexed."""

from __future__ import annotations

import csv
import io
import json
import os
from pathlib import Path
from typing import Any

from whence.audit.model import Audit, Suspect
from whence.errors import InputError
from whence.photos.names import is_text
from whence.present.words import length, percent, place, shown_path
from whence.types import Crs, LatLon, Position

FORMATS = ("table", "jsonl", "geojson", "csv")
_AXES = {Crs.WGS84: ("lat", "lon"), Crs.LOCAL: ("x", "y")}


def to_text(audit: Audit, form: str) -> str:
    """All suspects.

    Raises:
        InputError: An unknown format, or GeoJSON for a gallery that is not on the Earth.
    """
    check_format(form, audit.gallery.settings.crs)
    makers = {"table": _table, "jsonl": _jsonl, "geojson": _geojson, "csv": _csv}
    return makers[form](audit)


def check_format(form: str, crs: Crs) -> None:
    """Refuses what could not be written, before any work is done.

    Raises:
        InputError: See ``to_text``.
    """
    if form not in FORMATS:
        raise InputError(f"--format {form}: expected one of {', '.join(FORMATS)}")
    if form == "geojson" and crs is not Crs.WGS84:
        raise InputError("GeoJSON has latitude and longitude, and the gallery has x and y; use --format jsonl or csv")


def to_dict(audit: Audit, suspect: Suspect) -> dict[str, Any]:
    """What is known of a suspect, ready for JSON."""
    paths = [photo.path for photo in audit.gallery.photos]
    return {
        "path": _text(suspect.path),
        "probability": round(suspect.probability, 4),
        "position": _pair(suspect.position),
        "suggested": suspect.suggested and _pair(suspect.suggested),
        "off_m": _rounded(suspect.off_m),
        "radius_m": _rounded(suspect.radius_m),
        "confidence": _rounded(suspect.confidence),
        "clues": [
            {"kind": clue.kind.value, "weight": round(clue.weight, 2), "words": clue.words} for clue in suspect.clues
        ],
        "witnesses": [
            {
                "path": _text(paths[witness.row]),
                "inliers": witness.inliers,
                "apart_m": _rounded(witness.apart_m),
                "weight": round(witness.weight, 2),
            }
            for witness in suspect.witnesses
        ],
    }


def write_fixes(audit: Audit, file: Path, least: float) -> int:
    """A new table of corrected pins, path and position, that ``whence index`` reads; none where nothing is to correct.

    Args:
        audit: Whose suspects are corrected where a position is suggested.
        file: To be made.
        least: Probability of a wrong pin from which on it is corrected.

    Returns:
        Rows written.

    Raises:
        InputError: The file is there already, or cannot be written.
    """
    axes = _AXES[audit.gallery.settings.crs]
    stream = io.StringIO()
    table = csv.writer(stream, lineterminator="\n")
    table.writerow(["path", *axes, *(f"was_{axis}" for axis in axes), "probability", "clues"])
    count = 0
    for suspect in audit.wrong(least):
        path = _from(file, audit.gallery.file(suspect.row))
        if suspect.suggested is None or not is_text(path):
            continue
        pins = [repr(value) for pin in (suspect.suggested, suspect.position) for value in _pair(pin).values()]
        table.writerow([path, *pins, f"{suspect.probability:.3f}", ",".join(suspect.kinds)])
        count += 1
    if not count:
        return 0
    try:
        with file.open("x", encoding="utf-8", newline="") as out:
            out.write(stream.getvalue())
    except FileExistsError:
        raise InputError(f"--fix {file} is there already, and nothing is ever overwritten; name a new file") from None
    except OSError as error:
        raise InputError(f"--fix {file} cannot be written: {error.strerror or error}") from error
    return count


def _from(file: Path, photo: Path) -> str:
    """The photo as seen from the folder of the table."""
    folder, target = os.path.abspath(file.parent), os.path.abspath(photo)  # noqa: PTH100 - links stay as they are
    try:
        return Path(os.path.relpath(target, folder)).as_posix()
    except ValueError:  # another drive
        return Path(target).as_posix()


def _table(audit: Audit) -> str:
    rows = [("photo", "wrong", "pin", "suggested", "off", "why")]
    for suspect in audit.suspects:
        rows.append(
            (
                shown_path(suspect.path),
                percent(suspect.probability),
                place(suspect.position),
                place(suspect.suggested),
                length(suspect.off_m),
                suspect.words,
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join(lines) + "\n"


def _jsonl(audit: Audit) -> str:
    return "".join(_json(to_dict(audit, suspect)) + "\n" for suspect in audit.suspects)


def _geojson(audit: Audit) -> str:
    features: list[dict[str, Any]] = []
    for suspect in audit.suspects:
        told = to_dict(audit, suspect)
        told.pop("position"), told.pop("suggested")
        pins = [pin for pin in (suspect.position, suspect.suggested) if isinstance(pin, LatLon)]
        points = [[pin.lon, pin.lat] for pin in pins]
        features += [
            {
                "type": "Feature",
                "geometry": {"type": "Point", "coordinates": point},
                "properties": {"role": role, **told},
            }
            for role, point in zip(("pin", "suggested"), points, strict=False)
        ]
        if len(points) > 1:
            line = {"type": "LineString", "coordinates": points}
            features.append({"type": "Feature", "geometry": line, "properties": {"role": "move", "path": told["path"]}})
    return _json({"type": "FeatureCollection", "features": features}) + "\n"


def _csv(audit: Audit) -> str:
    axes = _AXES[audit.gallery.settings.crs]
    stream = io.StringIO()
    table = csv.writer(stream, lineterminator="\n")
    suggested = [f"suggested_{axis}" for axis in axes]
    table.writerow(["path", "probability", *axes, *suggested, "off_m", "radius_m", "confidence", "kinds", "why"])
    for suspect in audit.suspects:
        told = to_dict(audit, suspect)
        table.writerow(
            [
                told["path"],
                told["probability"],
                *told["position"].values(),
                *(told["suggested"] or dict.fromkeys(axes, "")).values(),
                *("" if told[name] is None else told[name] for name in ("off_m", "radius_m", "confidence")),
                ",".join(suspect.kinds),
                suspect.words,
            ]
        )
    return stream.getvalue()


def _pair(position: Position) -> dict[str, float]:
    if isinstance(position, LatLon):
        return {"lat": position.lat, "lon": position.lon}
    return {"x": position.x, "y": position.y}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _text(path: str) -> str:
    return path.encode("utf-8", "backslashreplace").decode("utf-8")


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def summary(audit: Audit, least: float = 0.5) -> list[str]:
    """The audit in lines: what was looked at, what was found, what to expect."""
    count, wrong = len(audit.gallery), len(audit.wrong(least))
    doubtful = len(audit.suspects) - wrong
    found = f"{wrong} of {count:,} pins seem wrong, {doubtful} more are doubtful"
    lines = [f"{found}; {audit.checked:,} photos match others well enough for these to speak"]
    if audit.expected is not None:
        told = audit.expected
        lines.append(
            f"tried on this gallery: of {told.moved} pins moved by {length(told.at_least_m)} or more, "
            f"{percent(told.recall)} were found, and {percent(told.precision)} of those named had been moved"
        )
    elif audit.checked:
        lines.append("too few photos match others to say how many wrong pins would be found")
    return [*lines, *audit.notes]

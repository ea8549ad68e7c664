"""GPS tracks in GPX files: where somebody was at a time.

The files are read as a stream: a million points take seconds, a point that is broken costs no other, and nothing but
the points is looked at (https://www.topografix.com/GPX/1/1/).
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from numbers import Real
from pathlib import Path

import numpy as np

from whence.errors import InputError, PhotoError
from whence.photos import files
from whence.photos.checks import NULL_ISLAND_DEG
from whence.photos.gps import NO_POSITION
from whence.photos.safexml import XmlError, walk
from whence.types import DoubleArray, Fix, LatLon, Skipped

SOURCE = "gpx"
MAX_GAP_S = 300.0
END_S = 30.0
"""Before the first and after the last point of a segment, and at the edges of a gap, a point holds for so long."""


class Tracks:
    """Points of any number of tracks, and the clock of the camera that is looked up in them.

    Between two neighbours of one segment the position moves along the great circle at constant speed. Nothing is
    extrapolated: beyond the end of a segment, and in a gap, the nearest point holds for ``END_S`` seconds. Where
    segments overlap, as those of two receivers do, the closest neighbours count.

    Args:
        segments: Arrays ``(N, 4)``: seconds since 1970 UTC, latitude, longitude, height in metres or NaN; in any order.
        offset_s: What a camera's clock shows, less UTC; for times without a zone only.
        max_gap_s: Neighbours farther apart in time are no neighbours.
        problems: Files that were passed over on the way.

    Raises:
        InputError: No usable point, or an offset that is no number.
    """

    def __init__(
        self,
        segments: Sequence[DoubleArray],
        *,
        offset_s: float = 0.0,
        max_gap_s: float = MAX_GAP_S,
        problems: Sequence[Skipped] = (),
    ) -> None:
        check_offset(offset_s)
        self.offset_s, self.max_gap_s = offset_s, max_gap_s
        self.problems = tuple(problems)
        clean = [segment for segment in map(_in_order, segments) if len(segment)]
        if not clean:
            raise InputError("the tracks have no points with position and time")
        clean.sort(key=lambda segment: (segment[0, 0], segment[-1, 0], segment.tobytes()))
        self._layers = _layers(clean)
        self._span = (clean[0][0, 0], max(segment[-1, 0] for segment in clean))
        digest = hashlib.blake2b(repr(max_gap_s).encode(), digest_size=8)
        for segment in clean:
            digest.update(segment.tobytes())
        self.points = digest.hexdigest()
        self.fingerprint = f"{self.points}:{offset_s}"

    @classmethod
    def read(
        cls,
        paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
        *,
        offset_s: float = 0.0,
        max_gap_s: float = MAX_GAP_S,
    ) -> Tracks:
        """Reads GPX files, and those in and below folders; a single path need not be in a list.

        A file of a folder that gives no point, such as a planned route, is passed over and told in ``problems``.

        Raises:
            InputError: A file that was named is not GPX, is damaged, or has no point with position and time; a folder
                has no GPX file; nothing gives a point.
        """
        segments: list[DoubleArray] = []
        problems: list[Skipped] = []
        for path, named in _gpx_files([paths] if isinstance(paths, str | os.PathLike) else paths).items():
            try:
                segments += _read(path)
            except _UselessError as useless:
                if named:
                    raise InputError(f"{path}: {useless}") from useless
                problems.append(Skipped(str(path), str(useless)))
        if problems and not segments:
            first, others = problems[0], len(problems) - 1
            more = f" (and {others:,} more that cannot be used)" if others else ""
            raise InputError(f"no GPX file gives a position; {first.name}: {first.reason}{more}")
        return cls(segments, offset_s=offset_s, max_gap_s=max_gap_s, problems=problems)

    def __len__(self) -> int:
        return sum(len(layer.points) for layer in self._layers)

    def at(self, time: datetime) -> Fix | None:
        """Where the tracks were; None where they do not say. Without a zone the time is the camera's clock."""
        moment = self._seconds(time)
        if moment is None:
            return None
        found = [found for layer in self._layers if (found := layer.at(moment, self.max_gap_s)) is not None]
        if not found:
            return None
        _, lat, lon, height = min(found, key=lambda one: one[0])
        return Fix(LatLon(lat, lon), SOURCE, altitude_m=None if np.isnan(height) else height)

    def problem(self, time: datetime | None, before: str = NO_POSITION) -> str:
        """Why there is no position for a photo of that time, in words for the user; ``before`` is what came before."""
        if time is None:
            return f"{before}, and no time to look up in the GPX tracks"
        moment = self._seconds(time)
        if moment is None:
            return f"{before}, and no date that GPX tracks could cover"
        away = min(layer.distance_s(moment) for layer in self._layers)
        covered = f"tracks cover {_words(self._span[0])} to {_words(self._span[1])}"
        if away <= self.max_gap_s:
            return f"{before}, and a gap in the tracks at {_words(moment)} UTC (nearest point {away:.0f} s away)"
        within = f"{self.max_gap_s / 60:g} minutes"
        hint = "" if time.tzinfo is not None else "; see --gpx-offset"
        return f"{before}, and no track point within {within} of {_words(moment)} UTC ({covered}){hint}"

    def _seconds(self, time: datetime) -> float | None:
        try:
            zoned = time.tzinfo is not None
            return time.timestamp() if zoned else time.replace(tzinfo=UTC).timestamp() - self.offset_s
        except (OverflowError, ValueError, OSError):
            return None


class _UselessError(Exception):
    """A file gives no point; the message says why, without its path."""


@dataclass(frozen=True, slots=True, eq=False)
class _Layer:
    """Segments that do not overlap, one after the other.

    Attributes:
        points: ``(N, 4)`` as in ``Tracks``, in the order of time.
        segment: ``(N,)``: which of the segments each is of.
    """

    points: DoubleArray
    segment: DoubleArray

    def at(self, moment: float, max_gap_s: float) -> tuple[float, float, float, float] | None:
        """How far apart the witnesses are in seconds, latitude, longitude, height."""
        times = self.points[:, 0]
        after = int(np.searchsorted(times, moment))
        before = after - 1
        if after < len(times) and times[after] == moment:
            return (0.0, *self._point(after))
        inside = 0 < after < len(times) and self.segment[before] == self.segment[after]
        if inside and times[after] - times[before] <= max_gap_s:
            gap = float(times[after] - times[before])
            return (gap, *_between(self.points[before], self.points[after], (moment - float(times[before])) / gap))
        near = [(abs(float(times[i]) - moment), i) for i in (before, after) if 0 <= i < len(times)]
        distance, nearest = min(near)
        return (2 * distance, *self._point(nearest)) if distance <= END_S else None

    def distance_s(self, moment: float) -> float:
        """Seconds to the nearest point."""
        times = self.points[:, 0]
        after = int(np.searchsorted(times, moment))
        return float(np.abs(times[max(0, after - 1) : after + 1] - moment).min())

    def _point(self, row: int) -> tuple[float, float, float]:
        _, lat, lon, height = self.points[row].tolist()
        return lat, lon, height


def _between(first: DoubleArray, second: DoubleArray, share: float) -> tuple[float, float, float]:
    """Latitude, longitude and height on the great circle from one point to another; right across the antimeridian."""
    height = float(first[3] + share * (second[3] - first[3]))
    if np.isnan(height):
        height = float(first[3] if np.isnan(second[3]) else second[3])
    a, b = _unit(first), _unit(second)
    angle = float(np.arctan2(np.linalg.norm(np.cross(a, b)), a @ b))
    if angle < 1e-12:
        return float(first[1]), float(first[2]), height
    x, y, z = (np.sin((1 - share) * angle) * a + np.sin(share * angle) * b).tolist()
    return float(np.degrees(np.arctan2(z, np.hypot(x, y)))), float(np.degrees(np.arctan2(y, x))), height


def _unit(point: DoubleArray) -> DoubleArray:
    lat, lon = np.radians(point[1:3])
    return np.array([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])


def _in_order(segment: DoubleArray) -> DoubleArray:
    """Usable points by time; of several at one time the first."""
    lat, lon = segment[:, 1], segment[:, 2]
    nowhere = (np.abs(lat) < NULL_ISLAND_DEG) & (np.abs(lon) < NULL_ISLAND_DEG)
    usable = np.isfinite(segment[:, :3]).all(axis=1) & (np.abs(lat) <= 90) & (np.abs(lon) <= 180) & ~nowhere
    kept = segment[usable]
    _, first = np.unique(kept[:, 0], return_index=True)  # sorted, and stable
    return kept[first]


def _layers(segments: Sequence[DoubleArray]) -> list[_Layer]:
    """As few layers as there are segments at one time, from segments in the order of their beginnings."""
    rows: list[list[int]] = []
    for number, segment in enumerate(segments):
        free = next((row for row in rows if segments[row[-1]][-1, 0] < segment[0, 0]), None)
        if free is None:
            rows.append([number])
        else:
            free.append(number)
    return [
        _Layer(
            np.concatenate([segments[number] for number in row]),
            np.repeat(np.array(row, dtype=np.float64), [len(segments[number]) for number in row]),
        )
        for row in rows
    ]


def _gpx_files(paths: Sequence[str | os.PathLike[str]]) -> dict[Path, bool]:
    """Files to read, and whether the user named each of them."""
    found: dict[Path, bool] = {}
    for path in map(Path, paths):
        if files.kind(path) != "folder":
            found[path] = True
            continue
        inside = [file for file in sorted(path.rglob("*")) if file.suffix.lower() == ".gpx" and file.is_file()]
        inside = [file for file in inside if not file.name.startswith(".")]
        if not inside:
            raise InputError(f"no GPX files in {path}; looked for .gpx")
        for file in inside:
            found.setdefault(file, False)
    return found


def _read(path: Path) -> list[DoubleArray]:
    """The segments of one file."""
    try:
        reader = _Reader()
        walk(files.read(path), reader.start, reader.end, reader.text)
    except PhotoError as error:
        raise _UselessError(str(error)) from error
    except XmlError as error:
        raise _UselessError(f"not a GPX file that can be read: {error}") from error
    segments = [np.array(segment, dtype=np.float64).reshape(-1, 4) for segment in reader.segments]
    if not any(len(_in_order(segment)) for segment in segments):
        raise _UselessError("no track points with position and time")
    return segments


class _Reader:
    """Collects the points of one file, element by element."""

    def __init__(self) -> None:
        self.segments: list[list[float]] = []
        self._depth = 0
        self._point_depth = 0
        self._lat = self._lon = self._time = self._height = np.nan
        self._text: list[str] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        local = name.rpartition(" ")[2]
        if self._depth == 1 and local != "gpx":
            raise XmlError(f"it begins with <{local[:40]}>, expected <gpx>")
        if local == "trkseg":
            self.segments.append([])
        elif local == "trkpt" and self.segments:
            self._point_depth = self._depth
            self._lat, self._lon = _number(attributes.get("lat", "")), _number(attributes.get("lon", ""))
            self._time = self._height = np.nan
        self._text.clear()

    def end(self, name: str) -> None:
        local = name.rpartition(" ")[2]
        if self._point_depth and self._depth == self._point_depth + 1:
            if local == "time":
                self._time = _seconds("".join(self._text))
            elif local == "ele":
                self._height = _number("".join(self._text))
        elif self._depth == self._point_depth:
            self.segments[-1] += (self._time, self._lat, self._lon, self._height)
            self._point_depth = 0
        self._depth -= 1

    def text(self, piece: str) -> None:
        if self._point_depth:
            self._text.append(piece)


def _number(text: str) -> float:
    """NaN for anything else."""
    try:
        return float(text)
    except ValueError:
        return np.nan


def _seconds(text: str) -> float:
    """Seconds since 1970; NaN for what is no time. GPX times are UTC where they do not say otherwise."""
    try:
        time = datetime.fromisoformat(text.strip())
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return np.nan


def _words(seconds: float) -> str:
    """``2024-05-01 14:05:00``."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")


def check_offset(offset_s: object) -> None:
    """Refuses what is no number of seconds, such as None or a text.

    Raises:
        InputError: It is none.
    """
    if not isinstance(offset_s, Real) or not np.isfinite(float(offset_s)):
        raise InputError(f"GPX offset {offset_s!r}: expected seconds, such as 3600 or -7.5")


def parse_offset(text: str) -> float:
    """Seconds from hours such as ``+02:00``, ``-00:00:12``, ``+0530`` or ``+05``, or from seconds such as ``-3600``.

    A sign and two or four digits are a zone as ISO 8601 writes it if the first is 0, for nobody writes seconds so.
    ``-1200`` could be twelve hours or twenty minutes, so it is refused; ``-3600`` and ``+90`` can only be seconds, for
    no zone is more than 15 hours off UTC.

    Raises:
        InputError: It is none of them, or could be two.
    """
    given = text.strip()
    match = re.fullmatch(r"([+-]?)(\d+):([0-5]\d)(?::([0-5]\d(?:\.\d+)?))?", given, re.ASCII)
    if match:
        return _signed(match[1], int(match[2]), int(match[3]), float(match[4] or 0))
    zone = re.fullmatch(r"([+-])(\d\d)([0-5]\d)?", given, re.ASCII)
    if zone and int(zone[2]) <= 15:
        hours, minutes = int(zone[2]), int(zone[3] or 0)
        if zone[2] < "10":
            return _signed(zone[1], hours, minutes)
        clock = f"{int(given[1:]) // 3600:02}:{int(given[1:]) // 60 % 60:02}:{int(given[1:]) % 60:02}"
        raise InputError(
            f"--gpx-offset {given} could be hours or seconds; expected {zone[1]}{hours:02}:{minutes:02} for hours, "
            f"{zone[1]}{clock} for seconds"
        )
    seconds = _number(given)
    if not np.isfinite(seconds) or re.match(r"[+-]0\d", given):
        raise InputError(f"--gpx-offset {text}: expected seconds such as -3600, or hours and minutes such as +02:00")
    return seconds


def _signed(sign: str, hours: int, minutes: int, seconds: float = 0.0) -> float:
    size = hours * 3600 + minutes * 60 + seconds
    return -size if sign == "-" else size

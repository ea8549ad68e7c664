"""Pins unlikely by themselves: by their digits, their gallery, their group, their time. No photo is looked at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from whence.audit.model import Clue, Kind
from whence.errors import MissingExtraError
from whence.gallery.gallery import Gallery, GalleryPhoto
from whence.gallery.where import Times
from whence.geo.distance import distances_m, metres_from, offset
from whence.geo.plane import Plane
from whence.present.words import counted, length
from whence.types import Crs, DoubleArray, LatLon, Position

NULL_DEG = 0.01
"""So near to 0,0 a receiver without a fix is likelier than a boat."""
_SPEED_M_S, _JET_M_S = 70.0, 300.0
"""Faster than a train, and faster than an airliner."""
_PAUSE_S = 6 * 3600
"""Of two photos farther apart in time nothing is concluded."""
_SLACK_M = 200.0
"""What pins and clocks may be off, before speed is spoken of."""
_SHARED, _SHARED_S = 6, 600
"""So many photos of one pin, taken over more than so many seconds, stood hardly all there."""
_LONELY = 20.0
"""Radii of the gallery's middle, which holds nine tenths of it, from where on a pin is far from all others."""
_TOWN_M = 150_000.0
"""From the nearest town: where the others of the gallery are not, that is ice or desert."""
_BOATS = 0.02
"""Of the gallery in the sea: from there on its photos were taken from boats."""


def clues(gallery: Gallery) -> tuple[list[Clue], list[str]]:
    """Clues against all pins, and what could not be looked at."""
    photos, coords = gallery.photos, gallery.coordinates
    found = [*digits(photos, coords), *_outliers(gallery), *_groups(gallery), *_times(gallery), *_shared(gallery)]
    lonely, notes = _towns(gallery)
    wet, more = _sea(gallery)
    return [*found, *lonely, *wet], notes + more


def digits(photos: Sequence[GalleryPhoto], coords: DoubleArray) -> Iterator[Clue]:
    """Pins near 0,0, and those rounded to a hundredth of a degree among others that are not."""
    latlon = [isinstance(photo.position, LatLon) for photo in photos]
    if not all(latlon):
        return
    whole = np.abs(coords * 100 - np.round(coords * 100)).max(axis=1) < 1e-7
    for row in np.flatnonzero((np.abs(coords) < NULL_DEG).all(axis=1)).tolist():
        yield Clue(row, Kind.NULL, 5.0, "the pin lies at 0,0, where receivers without a fix put it")
    if whole.mean() < 0.5:
        for row in np.flatnonzero(whole).tolist():
            yield Clue(row, Kind.ROUNDED, 1.5, "the pin has two decimals, which is up to 0.8 km off")


def _outliers(gallery: Gallery) -> Iterator[Clue]:
    """Far from everything, unless latitude and longitude change places, or a sign."""
    coords = gallery.coordinates
    if len(coords) < 3:
        return
    middle, reach_m = middle_of(gallery)
    away_m = metres_from(middle, coords)
    for row in np.flatnonzero(away_m > max(_LONELY * reach_m, 10 * gallery.settings.tolerance_m)).tolist():
        others = np.delete(away_m, row)
        yield outlier(row, gallery.photos[row].position, middle, reach_m, float(np.median(others)))


def outlier(row: int, pin: Position, middle: Position, reach_m: float, usual_m: float) -> Clue:
    """What makes a pin far from a gallery's middle right, if anything does.

    Args:
        row: Of the photo.
        pin: Of the photo.
        middle: Of the gallery.
        reach_m: From there to the farthest of nine tenths of it.
        usual_m: From there to half of it.
    """
    away_m = offset(middle, pin)[0]
    if isinstance(pin, LatLon):
        near_m = 2 * max(reach_m, usual_m, 1000.0)
        for words, other in variants(pin):
            if away_m > 5 * near_m and offset(middle, other)[0] <= near_m:
                text = f"{length(away_m)} from the other photos, but among them with {words}"
                return Clue(row, Kind.SWAPPED, 6.0, text, other)
    return Clue(row, Kind.FAR, 1.0, f"{length(away_m)} from the middle of the other photos")


def variants(pin: LatLon) -> list[tuple[str, LatLon]]:
    """What a pin would be without a usual slip."""
    lat, lon = pin.lat, pin.lon
    found = [
        ("latitude and longitude swapped", (lon, lat)),
        ("the other sign of longitude", (lat, -lon)),
        ("the other sign of latitude", (-lat, lon)),
        ("the other signs", (-lat, -lon)),
        ("latitude and longitude swapped, and a sign changed", (lon, -lat)),
        ("latitude and longitude swapped, and a sign changed", (-lon, lat)),
    ]
    return [(words, LatLon(*pair)) for words, pair in found if abs(pair[0]) <= 90 and pair != (lat, lon)]


def middle_of(gallery: Gallery) -> tuple[Position, float]:
    """The median pin, and how far from it nine tenths lie."""
    coords = gallery.coordinates
    if gallery.settings.crs is Crs.WGS84:  # a few pins elsewhere must not turn the plane
        lat = float(np.median(coords[:, 0]))
        turn = np.radians(coords[:, 1])
        around = np.degrees(np.arctan2(np.median(np.sin(turn)), np.median(np.cos(turn))))
        middle: Position = LatLon(lat, float(around))
    else:
        plane = Plane(None)
        middle = plane.position(*np.median(coords, axis=0).tolist())
    return middle, max(float(np.quantile(metres_from(middle, coords), 0.9)), gallery.settings.tolerance_m)


def _groups(gallery: Gallery) -> Iterator[Clue]:
    """Photos that stand apart from a group that otherwise stands at one place."""
    members: dict[str, list[int]] = {}
    for row, photo in enumerate(gallery.photos):
        if photo.place:
            members.setdefault(photo.place, []).append(row)
    for rows in members.values():
        if len(rows) < 3:
            continue
        positions = [gallery.photos[row].position for row in rows]
        away_m = np.array([distances_m(position, positions) for position in positions])
        median_m = np.median(away_m, axis=1)
        centre = int(np.argmin(median_m))
        if median_m[centre] > gallery.settings.tolerance_m:
            continue
        for row, metres in zip(rows, away_m[centre].tolist(), strict=True):
            if metres > 2 * gallery.settings.tolerance_m:
                yield Clue(row, Kind.GROUP, 2.5, f"{length(metres)} from the others of its group", positions[centre])


def _times(gallery: Gallery) -> Iterator[Clue]:
    """Photos of one group that nobody can have taken one after the other."""
    members: dict[str, list[int]] = {}
    for row, photo in enumerate(gallery.photos):
        if photo.place and not np.isnat(gallery.times[row]):
            members.setdefault(photo.place, []).append(row)
    for rows in members.values():
        yield from hurried(rows, [gallery.photos[row].position for row in rows], gallery.times[rows])


def hurried(rows: Sequence[int], positions: Sequence[Position], times: Times) -> Iterator[Clue]:
    """Photos of one camera, of which some would have had to fly.

    Of three in a row of which the first and the last go together, the one between them is wrong; else both are.
    """
    order = np.argsort(times, kind="stable").tolist()
    for at, now in enumerate(order):
        steps = [order[other] for other in (at - 1, at + 1) if 0 <= other < len(order)]
        speeds = {other: _speed(positions[now], positions[other], times[now], times[other]) for other in steps}
        fast = {other: speed for other, speed in speeds.items() if speed is not None and speed > _SPEED_M_S}
        if not fast:
            continue
        speed = max(fast.values())
        alone = len(fast) == 2 and (_speed(*_both(positions, times, steps)) or 0.0) <= _SPEED_M_S
        if len(speeds) == 2 and len(fast) == 1:  # it goes with the other one
            continue
        weight = (3.5 if speed > _JET_M_S else 2.0) if alone else 1.0
        words = f"{speed * 3.6:,.0f} km/h from or to the photos before and after it"
        yield Clue(rows[now], Kind.TIME, weight, words)


def _both(
    positions: Sequence[Position], times: Times, steps: Sequence[int]
) -> tuple[Position, Position, np.datetime64, np.datetime64]:
    first, last = steps
    return positions[first], positions[last], times[first], times[last]


def _speed(first: Position, second: Position, begin: np.datetime64, end: np.datetime64) -> float | None:
    """Metres a second, as far as pins and clocks tell; None of photos with a long pause between them."""
    seconds = abs(float((end - begin) / np.timedelta64(1, "s")))
    if seconds > _PAUSE_S:
        return None
    return max(offset(first, second)[0] - _SLACK_M, 0.0) / max(seconds, 1.0)


def _shared(gallery: Gallery) -> Iterator[Clue]:
    """One pin for many photos that were not taken at once."""
    pins = [photo.position for photo in gallery.photos]
    free = [photo.group is None and photo.burst is None for photo in gallery.photos]
    counts = Counter(pin for pin, alone in zip(pins, free, strict=True) if alone)
    for pin, count in counts.items():
        if count < _SHARED:
            continue
        rows = [row for row, other in enumerate(pins) if other == pin and free[row]]
        times = gallery.times[rows]
        times = times[~np.isnat(times)]
        if len(times) > 1 and (times.max() - times.min()) / np.timedelta64(1, "s") <= _SHARED_S:
            continue
        for row in rows:
            yield Clue(row, Kind.SHARED, 0.7, f"{count} photos, not of one moment, have just this pin")


def _towns(gallery: Gallery) -> tuple[list[Clue], list[str]]:
    """Far from every town, where the gallery is not."""
    if gallery.settings.crs is not Crs.WGS84 or not len(gallery):
        return [], []
    from whence.geo.places import towns

    try:
        known = towns()
    except MissingExtraError as error:
        return [], [f"how far pins lie from towns was not looked at: {error}"]
    pins = list(dict.fromkeys(photo.position for photo in gallery.photos if isinstance(photo.position, LatLon)))
    away = {pin: offset(pin, known.positions[known.nearest(pin)])[0] for pin in pins}
    if np.median(list(away.values())) > _TOWN_M / 3:
        return [], []  # it is about ice or desert
    found = [
        Clue(row, Kind.FAR, 1.5, f"{length(away[photo.position])} from the nearest town")
        for row, photo in enumerate(gallery.photos)
        if isinstance(photo.position, LatLon) and away[photo.position] > _TOWN_M
    ]
    return found, []


def _sea(gallery: Gallery) -> tuple[list[Clue], list[str]]:
    """In the sea, where the gallery is not. Alone that is as likely a photo from a boat as a wrong pin."""
    if gallery.settings.crs is not Crs.WGS84 or not len(gallery):
        return [], []
    from whence.geo.sea import offshore

    pins = list(dict.fromkeys(photo.position for photo in gallery.photos if isinstance(photo.position, LatLon)))
    try:
        wet = dict(zip(pins, offshore(pins).tolist(), strict=True))
    except MissingExtraError as error:
        return [], [f"whether pins lie in the sea was not looked at: {error}"]
    rows = [row for row, photo in enumerate(gallery.photos) if wet[photo.position]]  # type: ignore[index]
    if len(rows) > max(1.0, _BOATS * len(gallery)):
        return [], [f"{counted(len(rows), 'pin')} in the sea: taken to be of photos from boats"]
    return [Clue(row, Kind.SEA, 3.0, "the pin lies in the sea, 3 km from any coast") for row in rows], []

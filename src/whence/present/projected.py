"""Answers in another coordinate system than the gallery's."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from whence.errors import InputError
from whence.types import XY, Candidate, Choice, Crs, LatLon, Location, Status

Projection = Callable[[Location], Location]


def projection(asked: str | None, gallery: Crs) -> tuple[Crs, Projection]:
    """How to give answers in the system asked for: what their positions will mean, and the conversion.

    Args:
        asked: ``wgs84``, ``local`` or ``EPSG:n``; None for the gallery's own.
        gallery: What the gallery's positions mean.

    Raises:
        InputError: No such system, or none that these positions can be converted into.
    """
    name = gallery.value if asked is None else asked.strip().lower()
    if name == "epsg:4326":
        name = Crs.WGS84.value
    if name == gallery.value:
        return gallery, lambda location: location
    if name == Crs.LOCAL.value:
        raise InputError("--crs local: this gallery has latitudes and longitudes; expected wgs84 or EPSG:n")
    if gallery is Crs.LOCAL:
        raise InputError(
            f"--crs {asked}: this gallery's x and y are on a plane of its own, and nothing says where on the Earth "
            "that is; leave out --crs"
        )
    from whence.geo.systems import check_projected

    code = check_projected(name)
    return Crs.LOCAL, lambda location: projected(location, code)


def projected(location: Location, code: str) -> Location:
    """The answer with x (east) and y (north) of a projected system, in its unit; the radius stays in metres.

    An answer at a position that the system cannot say is given as ``failed``; candidates there have no position.
    """
    from whence.geo.systems import from_wgs84

    if not isinstance(location.position, LatLon):
        return location
    position, status, error = from_wgs84(code, location.position), location.status, location.error
    if not math.isfinite(position.x):
        status = Status.FAILED
        error = f"{code} cannot express the position {location.position.lat:.5f}, {location.position.lon:.5f}"
    return replace(
        location,
        status=status,
        position=None if status is Status.FAILED else position,
        error=error,
        candidates=tuple(_candidate(candidate, code) for candidate in location.candidates),
        choices=tuple(_choice(choice, code) for choice in location.choices),
    )


def _choice(choice: Choice, code: str) -> Choice:
    from whence.geo.systems import from_wgs84

    if not isinstance(choice.position, LatLon):
        return choice
    return replace(choice, position=from_wgs84(code, choice.position))


def _candidate(candidate: Candidate, code: str) -> Candidate:
    from whence.geo.systems import from_wgs84

    if isinstance(candidate.position, XY):
        return candidate
    return replace(candidate, position=from_wgs84(code, candidate.position))

"""Conditions on place and time as requests name them."""

from __future__ import annotations

from typing import Annotated

from fastapi import Form

from whence.errors import InputError
from whence.gallery.where import Where
from whence.web.problems import ProblemError

Near = Annotated[str | None, Form(description="Look only around A,B (latitude,longitude or x,y).")]
RadiusM = Annotated[float | None, Form(description="So many metres around `near`.")]
Bbox = Annotated[str | None, Form(description="Look only in S,W,N,E or x_min,y_min,x_max,y_max.")]
Since = Annotated[str | None, Form(description="Only photos of this ISO date or time or later.")]
Until = Annotated[str | None, Form(description="Only photos of this ISO date or time or earlier.")]


def conditions(
    near: str | None, radius_m: float | None, bbox: str | None, since: str | None, until: str | None
) -> Where:
    """Those that were given.

    Raises:
        ProblemError: 422, for what cannot be read or contradicts itself.
    """
    if (near is None) != (radius_m is None):
        raise ProblemError(422, "invalid-request", "near and radius_m go together; give both, or neither")
    try:
        return Where.parse(near, None, radius_m, bbox, since, until)
    except InputError as error:  # begins with the name of a command's option, which is ours
        raise ProblemError(422, "invalid-request", str(error).removeprefix("--")) from error

"""Options that say which photos of a gallery count; see ``whence.gallery.where``."""

from __future__ import annotations

from typing import Annotated

import typer

Near = Annotated[
    str | None, typer.Option(metavar="A,B", help="Photos near this place: lat,lon, or x,y on a local plane.")
]
RadiusKm = Annotated[float | None, typer.Option(help="How near, in kilometres.")]
RadiusM = Annotated[float | None, typer.Option(help="How near, in metres.")]
Bbox = Annotated[
    str | None,
    typer.Option(metavar="S,W,N,E", help="Photos in this box; x_min,y_min,x_max,y_max on a local plane."),
]
Since = Annotated[
    str | None,
    typer.Option(help="Photos of this ISO date or time or later; in UTC, or the camera's clock without a zone."),
]
Until = Annotated[str | None, typer.Option(help="Photos of this date or time or earlier; a date includes its day.")]

"""Answers as files, as somebody accepted them."""

from __future__ import annotations

import io
import zipfile
from collections import Counter
from datetime import UTC, datetime
from typing import Annotated, Literal

from anyio import to_thread
from fastapi import APIRouter, Body, Request, Response

from whence.errors import InputError
from whence.locate.tagging import estimate_of
from whence.photos.writing import sidecar
from whence.photos.writing.places import sidecar_name
from whence.present.formats import writer
from whence.types import XY, Crs, LatLon, Location, Position, Status
from whence.web.api.shapes import Point, Responses, Settled, problems
from whence.web.state import state_of

router = APIRouter(prefix="/documents", tags=["locate"])
Format = Literal["csv", "geojson", "gpx", "kml", "jsonl", "xmp"]
_TYPES: dict[Format, str] = {
    "csv": "text/csv; charset=utf-8",
    "geojson": "application/geo+json",
    "gpx": "application/gpx+xml",
    "kml": "application/vnd.google-earth.kml+xml",
    "jsonl": "application/jsonl",
    "xmp": "application/zip",
}
_MOST = 10_000
_FILE: Responses = {
    200: {"description": "The file.", "content": {kind.partition(";")[0]: {} for kind in _TYPES.values()}}
}


@router.post("/{format}", responses=_FILE | problems(422), response_class=Response)
async def document(
    request: Request,
    format: Format,
    answers: Annotated[list[Settled], Body(min_length=1, max_length=_MOST)],
) -> Response:
    """Writes answers in a format; ``xmp`` is a zip of sidecars, to be put beside the photos they are named after."""
    state = state_of(request)
    crs = state.service.gallery.settings.crs
    found = [_location(answer, crs) for answer in answers]
    data = await to_thread.run_sync(_written, format, found, crs)
    ending = "zip" if format == "xmp" else format
    named = {"Content-Disposition": f'attachment; filename="positions.{ending}"'}
    return Response(data, media_type=_TYPES[format], headers=named)


def _written(format: Format, found: list[Location], crs: Crs) -> bytes:
    if format == "xmp":
        return _sidecars(found)
    stream = io.StringIO()
    with writer(format, stream, crs=crs) as out:
        for location in found:
            out.write(location)
    return stream.getvalue().encode("utf-8", "surrogatepass")


def _sidecars(found: list[Location]) -> bytes:
    stream, made, names = io.BytesIO(), datetime.now(UTC), Counter[str]()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as out:
        for location in found:
            if not isinstance(location.position, LatLon):
                raise InputError("sidecars know latitude and longitude only, and this gallery has a plane of its own")
            name = location.path.replace("\\", "/").rpartition("/")[2] or "photo"
            names[name] += 1
            folder = "" if names[name] == 1 else f"{names[name]}/"  # photos of one name, from several folders
            estimate = estimate_of(location, location.position, made)
            out.writestr(f"{folder}{sidecar_name(name)}", sidecar.new(estimate))
    return stream.getvalue()


def _location(answer: Settled, crs: Crs) -> Location:
    return Location(
        path=answer.path,
        status=Status(answer.status),
        position=_position(answer.position, crs),
        radius_m=answer.radius_m,
        confidence=answer.confidence,
        heading_deg=answer.heading_deg,
        place=answer.place,
    )


def _position(point: Point, crs: Crs) -> Position:
    if crs is Crs.WGS84 and point.lat is not None and point.lon is not None and point.x is None and point.y is None:
        if not (abs(point.lat) <= 90 and abs(point.lon) <= 180):
            raise InputError(f"position {point.lat}, {point.lon}: expected latitude to 90 and longitude to 180 degrees")
        return LatLon(point.lat, point.lon)
    if crs is Crs.LOCAL and point.x is not None and point.y is not None and point.lat is None and point.lon is None:
        return XY(point.x, point.y)
    raise InputError(f"a position is {'lat and lon' if crs is Crs.WGS84 else 'x and y'} in this gallery")

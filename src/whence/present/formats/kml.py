"""KML 2.2: answers for Google Earth and other maps, with pictures and circles.

Source: OGC 07-147r2. Elements stand in the order of its schema; longitude comes first in coordinates.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from whence.geo.circles import circle
from whence.geo.distance import moved
from whence.present import page, words
from whence.present.formats.base import EarthWriter
from whence.types import Crs, DoubleArray, Image, LatLon, Location, Status

THUMBNAIL_PIXELS = 320
_IN_MEMORY = 16 << 20
_SIGHT_M = 50.0
"""Length of the line that shows a direction of view, at least."""

# Colours are alpha, blue, green, red. Without an icon of its own the map's pin is tinted, and nothing is loaded.
_COLOURS = {Status.LOCATED: "50c81e", Status.UNSURE: "00b4f0", Status.FAILED: "3c3cdc"}
_CIRCLES, _VIEWS = "90 % circles", "directions of view"


class Kml(EarthWriter):
    """A document with a folder for each status, one for the circles that hold 90 % of the truths, one for views.

    A placemark has the name of the photo's file and a balloon: the photo, the verdict, the best match. The photo is
    part of the text, as a data URI; ``Kmz`` keeps pictures as files. With ``private`` there are no pictures. A circle
    wider than a quarter of the way around the Earth is not drawn.

    Folders stand one after the other in the file, so the parts are kept (on disk where they are large) until the end.
    """

    title = "KML"

    def __init__(self, stream: IO[Any], *, crs: Crs, private: bool = False) -> None:
        super().__init__(stream, crs=crs, private=private)
        names = [*(status.value for status in Status), _CIRCLES, _VIEWS]
        self._folders = {name: _Folder() for name in names}

    def write(self, location: Location, pixels: Image | None = None) -> None:
        """Keeps the answer for its folder."""
        answer = self.told(location)
        name, status = _xml(words.short_name(answer.path)), answer.status.value
        picture = "" if pixels is None or self.private else self._picture(page.shrunk(pixels, THUMBNAIL_PIXELS))
        balloon = _xml(f"{picture}<p>{'<br>'.join(map(page.text, words.summary(answer)))}</p>")
        head = f"<name>{name}</name><description>{balloon}</description>"
        if not isinstance(answer.position, LatLon):
            self._folders[status].add(f"<Placemark>{head}<styleUrl>#{status}</styleUrl>{_data(answer)}</Placemark>")
            return
        position, radius_m = answer.position, answer.radius_m or 0.0
        point = f"<Point><coordinates>{_pair(position.lon, position.lat)}</coordinates></Point>"
        self._folders[status].add(
            f"<Placemark>{head}{_look(answer, position)}<styleUrl>#{status}</styleUrl>{_data(answer)}{point}"
            "</Placemark>"
        )
        if rings := circle(position, radius_m):
            self._folders[_CIRCLES].add(
                f"<Placemark><name>{name}</name><styleUrl>#{status}</styleUrl>{_polygons(rings)}</Placemark>"
            )
        if (bearing_deg := _finite(answer.heading_deg)) is not None:
            end = moved(position, bearing_deg, max(_SIGHT_M, min(radius_m, 10 * _SIGHT_M)))
            line = f"{_pair(position.lon, position.lat)} {_pair(end.lon, end.lat)}"
            self._folders[_VIEWS].add(
                f"<Placemark><name>{name}</name><styleUrl>#{status}</styleUrl>"
                f"<LineString><tessellate>1</tessellate><coordinates>{line}</coordinates></LineString></Placemark>"
            )

    def finish(self) -> None:
        """Puts out the document."""
        self._put('<?xml version="1.0" encoding="UTF-8"?>\n<kml xmlns="http://www.opengis.net/kml/2.2">\n<Document>\n')
        self._put("<name>Where the photos were taken</name>\n")
        for status, colour in _COLOURS.items():
            self._put(
                f'<Style id="{status.value}"><IconStyle><color>ff{colour}</color></IconStyle>'
                f"<LineStyle><color>ff{colour}</color><width>2</width></LineStyle>"
                f"<PolyStyle><color>40{colour}</color></PolyStyle></Style>\n"
            )
        for name, folder in self._folders.items():
            if folder.count:
                self._put(f"<Folder><name>{name} ({folder.count})</name>\n")
                for text in folder.texts():
                    self._put(text)
                self._put("</Folder>\n")
        self._put("</Document>\n</kml>\n")
        self.stream.flush()

    def _picture(self, pixels: Image) -> str:
        """HTML that shows a picture."""
        return page.picture(pixels, "The photo that was looked for")

    def _put(self, text: str) -> None:
        self.stream.write(text)


class _Folder:
    """Placemarks of one folder, in the order they came."""

    def __init__(self) -> None:
        self.count = 0
        self._file: SpooledTemporaryFile[str] | None = None

    def add(self, placemark: str) -> None:
        if self._file is None:
            self._file = SpooledTemporaryFile(_IN_MEMORY, mode="w+", encoding="ascii", newline="\n")  # noqa: SIM115
        self.count += 1
        self._file.write(placemark + "\n")

    def texts(self) -> Iterator[str]:
        """All of it in pieces; afterwards it is gone."""
        if self._file is not None:
            with self._file as file:
                file.seek(0)
                yield from iter(partial(file.read, 1 << 20), "")


def _xml(text: str) -> str:
    """Text inside an element, in ASCII: valid whatever the stream's encoding is. It has no control characters."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return escaped.encode("ascii", "xmlcharrefreplace").decode("ascii")


def _pair(lon: float, lat: float) -> str:
    return f"{lon:.7f},{lat:.7f}"


def _look(answer: Location, position: LatLon) -> str:
    """From straight above, the circle in view; where the direction of view is known, that way."""
    bearing_deg, radius_m = _finite(answer.heading_deg), _finite(answer.radius_m) or 0.0
    heading, tilt = (0.0, 0) if bearing_deg is None else (bearing_deg % 360, 60)
    return (
        f"<LookAt><longitude>{position.lon:.7f}</longitude><latitude>{position.lat:.7f}</latitude>"
        f"<heading>{heading:.2f}</heading><tilt>{tilt}</tilt><range>{max(300.0, 3 * radius_m):.0f}</range></LookAt>"
    )


def _data(answer: Location) -> str:
    """What programs may want to read, by name."""
    facts = {
        "path": words.printable(answer.path),
        "status": answer.status.value,
        "confidence": _number(answer.confidence, 4) if answer.position else None,
        "radius_m": _number(answer.radius_m, 3),
        "heading_deg": _number(answer.heading_deg, 2),
        "place": answer.place and words.printable(answer.place),
        "error": answer.error and words.printable(answer.error),
    }
    cells = (f'<Data name="{name}"><value>{_xml(fact)}</value></Data>' for name, fact in facts.items() if fact)
    return f"<ExtendedData>{''.join(cells)}</ExtendedData>"


def _number(value: float | None, decimals: int) -> str | None:
    known = _finite(value)
    return None if known is None else f"{round(known, decimals)}"


def _polygons(rings: list[DoubleArray]) -> str:
    shapes = "".join(
        "<Polygon><tessellate>1</tessellate><outerBoundaryIs><LinearRing><coordinates>"
        f"{' '.join(_pair(lon, lat) for lon, lat in ring.tolist())}"
        "</coordinates></LinearRing></outerBoundaryIs></Polygon>"
        for ring in rings
    )
    return shapes if len(rings) == 1 else f"<MultiGeometry>{shapes}</MultiGeometry>"


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None

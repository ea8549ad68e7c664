"""GPX 1.1: the answers as waypoints, for navigation devices and photo software.

Source: https://www.topografix.com/GPX/1/1/
"""

from __future__ import annotations

from typing import IO, Any

from whence.present import words
from whence.present.formats.base import EarthWriter
from whence.types import Crs, Image, LatLon, Location, Status

# Names that Garmin's devices and most others know; the others show their usual mark.
_SYMBOLS = {Status.LOCATED: "Flag, Green", Status.UNSURE: "Flag, Red"}


class Gpx(EarthWriter):
    """One waypoint per answer that has a position; how many have none is said in the metadata.

    The metadata come first in the file and count all answers, so everything is put out at the end.
    """

    title = "GPX"

    def __init__(self, stream: IO[Any], *, crs: Crs, private: bool = False) -> None:
        from gpxpy.gpx import GPX

        super().__init__(stream, crs=crs, private=private)
        self._document = GPX()
        self._document.creator = "whence"
        self._document.name = "Where the photos were taken"
        self._tally = dict.fromkeys(Status, 0)

    def write(self, location: Location, pixels: Image | None = None) -> None:
        """Keeps the answer for the document."""
        from gpxpy.gpx import GPXWaypoint

        answer = self.told(location)
        self._tally[answer.status] += 1
        if not isinstance(answer.position, LatLon):
            return
        lat, lon = answer.position.lat, answer.position.lon
        name = words.short_name(answer.path)
        self._document.waypoints.append(
            GPXWaypoint(
                round(lat, 7),
                -180.0 if round(lon, 7) >= 180 else round(lon, 7),  # 180 itself is out of the standard's range
                name=name if answer.status is Status.LOCATED else f"{name} (unsure)",
                description="\n".join(words.summary(answer)),
                symbol=_SYMBOLS[answer.status],
                type=answer.status.value,
            )
        )

    def finish(self) -> None:
        """Puts out the document."""
        counts = ", ".join(f"{self._tally[status]} {status.value}" for status in Status)
        self._document.description = f"{sum(self._tally.values())} photos: {counts}; failed ones have no waypoint."
        text = self._document.to_xml("1.1") + "\n"
        # The header says UTF-8, so only ASCII goes out: that is valid whatever the stream's encoding is.
        self.stream.write(text.encode("ascii", "xmlcharrefreplace").decode("ascii"))
        self.stream.flush()

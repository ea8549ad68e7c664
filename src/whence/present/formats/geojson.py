"""GeoJSON (RFC 7946)."""

from __future__ import annotations

from typing import IO, Any

from whence.present.answers import to_dict, to_json
from whence.present.formats.base import EarthWriter
from whence.types import Crs, Image, Location


class GeoJson(EarthWriter):
    """A FeatureCollection with one point per answer; a failed one has no geometry.

    The point says longitude before latitude, as the standard wants. The properties are those of the JSON lines,
    candidates included.
    """

    title = "GeoJSON"

    def __init__(self, stream: IO[Any], *, crs: Crs, private: bool = False) -> None:
        super().__init__(stream, crs=crs, private=private)
        self._lead = '{"type": "FeatureCollection", "features": [\n'

    def write(self, location: Location, pixels: Image | None = None) -> None:
        """Puts out one feature."""
        feature = to_json(_feature(to_dict(self.told(location), private=self.private)))
        self.stream.write(self._lead + feature)
        self.stream.flush()
        self._lead = ",\n"

    def finish(self) -> None:
        """Closes the collection."""
        opening = "" if self._lead == ",\n" else self._lead
        self.stream.write(f"{opening}\n]}}\n")
        self.stream.flush()


def _feature(answer: dict[str, Any]) -> dict[str, Any]:
    position = answer.pop("position")
    geometry = position and {"type": "Point", "coordinates": [position["lon"], position["lat"]]}
    return {"type": "Feature", "geometry": geometry, "properties": answer}

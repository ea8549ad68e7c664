"""Panoramax: a STAC catalogue that pages by links, and tells no numbers of results."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from servers.service import Asked, Said, Service, Shot, said

LICENCES = {
    "CC-BY-SA-4.0": "https://creativecommons.org/licenses/by-sa/4.0/",
    "etalab-2.0": "https://raw.githubusercontent.com/DISIC/politique-de-contribution-open-source/master/LICENSE",
}


class PanoramaxServer(Service):
    """With pages of a size that the server chooses, and with or without links to the next."""

    page = 1000
    links = True

    @property
    def base(self) -> str:
        return f"{self.root}/api"

    def answer(self, asked: Asked) -> Said:
        if asked.path != "/api/search":
            return said({"message": "not found"}, 404)
        west, south, east, north = map(float, asked.given["bbox"].split(","))
        limit = min(int(asked.given.get("limit", "10")), self.page)
        start = int(asked.given.get("token", "0"))
        found = self.within(west, south, east, north)
        links = []
        if self.links and start + limit < len(found):
            following = {**asked.given, "token": str(start + limit)}
            links.append({"rel": "next", "href": f"{self.root}/api/search?{urlencode(following)}"})
        features = [self.feature(shot) for shot in found[start : start + limit]]
        return said({"type": "FeatureCollection", "features": features, "links": links})

    def feature(self, shot: Shot) -> dict[str, Any]:
        """As the catalogue describes a picture."""
        asset = {"href": self.picture(shot), "type": "image/jpeg", "roles": ["data"]}
        properties = {
            "datetime": "2023-12-13T09:11:11+00:00",
            "license": shot.licence,
            "geovisio:producer": shot.author,
            "quality:horizontal_accuracy": 4.0,
        }
        if shot.heading is not None:
            properties["view:azimuth"] = shot.heading
        return {
            "type": "Feature",
            "id": shot.id,
            "collection": "2075995f-a707-476e-9065-4956504f66aa",
            "geometry": {"type": "Point", "coordinates": [shot.lon, shot.lat]},
            "properties": properties,
            "providers": [{"name": shot.author, "roles": ["producer"]}],
            "assets": {"hd": asset, "sd": asset},
            "links": [{"rel": "license", "href": LICENCES.get(shot.licence, "")}],
        }

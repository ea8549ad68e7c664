"""Mapillary: a token in a header, boxes of less than 0.01 square degrees, 2,000 pictures and no pages; addresses that
expire."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from servers.service import Asked, Said, Service, Shot, said

TOKEN = "MLY|1234567|0123456789abcdef"


class MapillaryServer(Service):
    """Questions that would give more than ``heavy`` pictures are too heavy.

    Attributes:
        age: Addresses hold it; pictures at addresses of another age are forbidden.
    """

    def __init__(self, shots: Sequence[Shot] = (), cap: int = 2000, heavy: int = 10_000) -> None:
        super().__init__(shots)
        self.cap, self.heavy, self.age = cap, heavy, 0

    def picture(self, shot: Shot) -> str:
        return f"{self.root}/pictures/age{self.age}/{shot.id}.jpg"

    def give_picture(self, asked: Asked) -> Said:
        if f"/age{self.age}/" not in asked.path:
            return Said(403, b"URL signature expired", {"Content-Type": "text/plain"})
        return super().give_picture(asked)

    def answer(self, asked: Asked) -> Said:
        if asked.headers.get("Authorization") != f"OAuth {TOKEN}":
            return said({"error": {"message": "Invalid OAuth access token", "code": 190}}, 401)
        fields = asked.given.get("fields", "id").split(",")
        if asked.path != "/images":
            shot = next((shot for shot in self.shots if shot.id == asked.path[1:]), None)
            return said(self.image(shot, fields)) if shot else said({"error": {"message": "not found"}}, 404)
        west, south, east, north = map(float, asked.given["bbox"].split(","))
        if (east - west) * (north - south) >= 0.01:
            return said({"error": {"message": "bbox is too large", "code": 100}}, 400)
        found = self.within(west, south, east, north)
        if len(found) > self.heavy:
            words = "Please reduce the amount of data you're asking for, then retry your request"
            return said({"error": {"code": 1, "message": words}}, 500)
        limit = min(int(asked.given.get("limit", "2000")), self.cap)
        return said({"data": [self.image(shot, fields) for shot in found[:limit]]})

    def image(self, shot: Shot, fields: list[str]) -> dict[str, Any]:
        """Fields that are asked for and known: those computed are missing for every fifth."""
        place = {"type": "Point", "coordinates": [shot.lon, shot.lat]}
        known: dict[str, Any] = {
            "id": shot.id,
            "geometry": place,
            "compass_angle": shot.heading if shot.heading is not None else 361.0,
            "captured_at": 1_560_000_000_000,
            "sequence": "seq-1",
            "creator": {"username": shot.author, "id": "9"},
            "is_pano": False,
            "thumb_1024_url": f"{self.picture(shot)}?sig=abc",
        }
        if int(shot.id) % 5:
            known |= {"computed_geometry": place, "computed_compass_angle": shot.heading}
        return {name: value for name, value in known.items() if name in fields and value is not None}

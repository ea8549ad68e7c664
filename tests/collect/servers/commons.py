"""Wikimedia Commons: boxes between 100 square metres and 400 square kilometres, 500 results, answers in pieces."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

from servers.service import Asked, Said, Service, Shot, said

LICENCES = {
    "cc-by-sa": ("CC BY-SA 4.0", "https://creativecommons.org/licenses/by-sa/4.0"),
    "pd": ("Public domain", ""),
    "cc-by-nc": ("CC BY-NC 2.0", "https://creativecommons.org/licenses/by-nc/2.0/"),
}


class CommonsServer(Service):
    """Photos without a position have the latitude of the north pole.

    Args:
        shots: Files; ``Shot.licence`` is one of ``LICENCES``.
        cap: Results of geosearch.
        piece: Pages whose pictures are told in one answer.
    """

    def __init__(self, shots: Sequence[Shot] = (), cap: int = 500, piece: int = 40) -> None:
        super().__init__(shots)
        self.cap, self.piece = cap, piece

    @property
    def base(self) -> str:
        return f"{self.root}/w/api.php"

    def answer(self, asked: Asked) -> Said:
        given = asked.given
        if asked.path != "/w/api.php" or given.get("action") != "query":
            return Said(404)
        info: dict[str, Any] = {}
        following: dict[str, str] = {}
        if given.get("generator") == "geosearch":
            north, west, south, east = map(float, given["ggsbbox"].split("|"))
            area = (north - south) * (east - west) * 111_195.0**2 * math.cos(math.radians((north + south) / 2))
            if not 100 <= area <= 4e8:
                return said({"error": {"code": "toobig", "info": "Bounding box is too big"}})
            limit = min(int(given["ggslimit"]), 500)
            found = self.within(west, south, east, north)[: min(limit, self.cap)]
        else:
            found = self.found(given["gsrsearch"])
            info = {"searchinfo": {"totalhits": len(found)}}
            start, limit = int(given.get("gsroffset", "0")), min(int(given["gsrlimit"]), 500)
            if start + limit < len(found):
                following = {"gsroffset": str(start + limit), "continue": "gsroffset||"}
            found = found[start : start + limit]
        return self.pieces(found, int(given.get("iicontinue", "0")), info, following)

    def pieces(self, found: list[Shot], start: int, info: dict[str, Any], following: dict[str, str]) -> Said:
        """All pages each time, but pictures of only some: the rest comes with the next answers."""
        pages = [
            self.page(shot, with_picture=start <= number < start + self.piece) for number, shot in enumerate(found)
        ]
        whole: dict[str, Any] = {"query": {**info, "pages": pages}}
        if start + self.piece < len(found):
            return said(whole | {"continue": {"iicontinue": str(start + self.piece), "continue": "||"}})
        return said(whole | {"batchcomplete": True} | ({"continue": following} if following else {}))

    def found(self, text: str) -> list[Shot]:
        """Files whose titles hold the words, near a place if that is asked."""
        near = re.search(r"nearcoord:([\d.]+)km,([\d.-]+),([\d.-]+)", text)
        words = [word for word in text.lower().split() if ":" not in word]
        found = [shot for shot in self.shots if all(word in shot.title.lower() for word in words)]
        if near:
            km, lat, lon = map(float, near.groups())
            wide = math.cos(math.radians(lat))
            found = [shot for shot in found if math.hypot(shot.lat - lat, (shot.lon - lon) * wide) * 111.2 <= km]
        return found

    def page(self, shot: Shot, *, with_picture: bool) -> dict[str, Any]:
        """A file."""
        told: dict[str, Any] = {"pageid": int(shot.id), "ns": 6, "title": f"File:{shot.title} {shot.id}.jpg"}
        if not with_picture:
            return told
        name, url = LICENCES[shot.licence]
        facts = {
            "Artist": {"value": f'<a href="//x" title="{"y" * 600}">{shot.author}</a>', "source": "commons-desc-page"},
            "LicenseShortName": {"value": name},
            "DateTimeOriginal": {"value": "2012-06-07 08:09:10"},
        }
        if url:
            facts["LicenseUrl"] = {"value": url}
        picture = {"thumburl": self.picture(shot), "url": f"{self.root}/full/{shot.id}.jpg", "mime": "image/jpeg"}
        told["imageinfo"] = [{**picture, "descriptionurl": f"{self.root}/wiki/{shot.id}", "extmetadata": facts}]
        if shot.lat < 90:
            told["coordinates"] = [{"lat": shot.lat, "lon": shot.lon, "primary": True, "globe": "earth"}]
        return told

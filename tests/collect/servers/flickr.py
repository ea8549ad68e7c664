"""Flickr: a key, pages of 250, the first 4,000 of a question, and answers that differ from call to call."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from typing import Any

from servers.service import Asked, Said, Service, Shot, said

KEY = "0123456789abcdef-flickr"
LICENCES = {
    "0": ("All Rights Reserved", ""),
    "1": ("Attribution-NonCommercial-ShareAlike License", "https://creativecommons.org/licenses/by-nc-sa/2.0/"),
    "4": ("Attribution License", "https://creativecommons.org/licenses/by/2.0/"),
    "5": ("Attribution-ShareAlike License", "https://creativecommons.org/licenses/by-sa/2.0/"),
    "7": ("No known copyright restrictions", "https://www.flickr.com/commons/usage/"),
    "9": ("Public Domain Dedication (CC0)", "https://creativecommons.org/publicdomain/zero/1.0/"),
}


class FlickrServer(Service):
    """``Shot.licence`` is a number here.

    Args:
        shots: Photos.
        forgets: Share of the photos of a question that an answer leaves out, each time others.
        cap: Results of one question.
    """

    def __init__(self, shots: Sequence[Shot] = (), forgets: float = 0.0, cap: int = 4000) -> None:
        super().__init__(shots)
        self.forgets, self.cap, self.chance = forgets, cap, random.Random(1)

    @property
    def base(self) -> str:
        return f"{self.root}/services/rest/"

    def answer(self, asked: Asked) -> Said:
        given = asked.given
        if given.get("api_key") != KEY:
            return said({"stat": "fail", "code": 100, "message": f"Invalid API Key ({given.get('api_key')})"})
        if given.get("method") == "flickr.photos.licenses.getInfo":
            known = [{"id": name, "name": said, "url": url} for name, (said, url) in LICENCES.items()]
            return said({"licenses": {"license": known}, "stat": "ok"})
        if given.get("method") != "flickr.photos.search":
            return said({"stat": "fail", "code": 112, "message": "Method not found"})
        return self.search(given)

    def search(self, given: dict[str, str]) -> Said:
        """Questions about a place without a limiting agent get the last hours alone."""
        box = [float(side) for side in given.get("bbox", "-180,-90,180,90").split(",")]
        since = float(given.get("min_upload_date") or (0 if given.get("text") else time.time() - 43_200))
        until = float(given.get("max_upload_date") or 9e9)
        licences = given["license"].split(",") if given.get("license") else list(LICENCES)
        found = [
            shot
            for shot in self.within(*box)
            if since <= shot.uploaded_s <= until
            and shot.licence in licences
            and given.get("text", "").lower() in shot.title.lower()
        ]
        total = len(found)
        found = [shot for shot in found if self.chance.random() >= self.forgets][: self.cap]
        per_page, page = min(int(given.get("per_page", "100")), 250), int(given.get("page", "1"))
        pages = -(-len(found) // per_page)
        start = (min(page, max(pages, 1)) - 1) * per_page  # pages that are not there repeat the last one
        wanted = given.get("extras", "").split(",")
        return said(
            {
                "photos": {
                    "page": page,
                    "pages": pages,
                    "perpage": per_page,
                    "total": total,
                    "photo": [self.photo(shot, wanted) for shot in found[start : start + per_page]],
                },
                "stat": "ok",
            }
        )

    def photo(self, shot: Shot, wanted: list[str]) -> dict[str, Any]:
        """Only what was asked for; numbers as texts; sizes that the owner withholds are missing."""
        told: dict[str, Any] = {"id": shot.id, "owner": "12345678@N01", "secret": "s", "title": shot.title}
        if "geo" in wanted:
            told |= {"latitude": str(shot.lat), "longitude": str(shot.lon), "accuracy": "16", "context": 0}
        if "owner_name" in wanted:
            told["ownername"] = shot.author
        if "license" in wanted:
            told["license"] = shot.licence
        if "date_taken" in wanted:
            told |= {"datetaken": "2019-05-04 10:11:12", "datetakengranularity": 0, "datetakenunknown": "0"}
        if "url_l" in wanted and int(shot.id) % 3:
            told["url_l"] = self.picture(shot)
        elif "url_z" in wanted:
            told["url_z"] = self.picture(shot)
        return told

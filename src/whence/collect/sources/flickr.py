"""Flickr: people's photos, by place, text and licence, with the user's own key.

``flickr.photos.search`` (https://www.flickr.com/services/api/flickr.photos.search.html). It gives the first 4,000
results of a question, 250 a page where a place is asked for; further pages repeat what was there. Without a limit such
as a date a place is answered with the last hours alone, so an earliest date is always given. Equal questions get
different answers. 3,600 requests an hour are allowed.
"""

from __future__ import annotations

import json
from typing import Any, ClassVar

from whence.collect.areas import Cell
from whence.collect.http import Client, Reply
from whence.collect.keys import Secret
from whence.collect.licences import Licence, licence
from whence.collect.source import Listed, Listing, Wanted
from whence.collect.sources.reading import at, moment, number, place, rows, text
from whence.errors import CollectError

_CAP = 4000
_PAGE = 250
_FIRST_S = 946_684_800
"""The year 2000, before Flickr."""
_SIZES = {240: "url_s", 320: "url_n", 500: "url_m", 640: "url_z", 800: "url_c", 1024: "url_l"}
_LEVEL_M = {16: 15.0, 15: 30.0, 14: 60.0, 13: 120.0, 12: 500.0, 11: 1000.0}
"""About what a position is worth that was set on a map at this level of zoom. Coarser ones double each time."""
_BUSY = (105, 106)
"""Codes of errors that pass."""


class Flickr:
    """Photos with positions; screenshots, other pictures and videos are left out."""

    base: ClassVar[str] = "https://api.flickr.com/services/rest/"
    key_name: ClassVar[str] = "flickr"
    key_help: ClassVar[str] = "from www.flickr.com/services/apps/create"
    per_second: ClassVar[float] = 1.0
    varies: ClassVar[bool] = True
    by_time: ClassVar[bool] = True
    has_text: ClassVar[bool] = True

    def __init__(self, client: Client, base: str, key: Secret | None, wanted: Wanted) -> None:
        self._client, self._base, self._key, self._wanted = client, base, key, wanted
        sizes = [name for side, name in _SIZES.items() if side >= wanted.size_px]
        # What is a little too large comes before what is too small; a photo has the sizes that its owner lets it have.
        self._sizes = (*sizes, "url_o", *reversed([name for name in _SIZES.values() if name not in sizes]))
        self._licences: dict[str, Licence] = {}

    def search(self, cell: Cell, most: int | None) -> Listing:
        """Photos of a cell, up to the cap."""
        permitted = self._permitted()
        if not permitted:
            return Listing()
        photos: dict[str, Listed] = {}
        unusable, page, pages, total = 0, 1, 1, 0
        while page <= min(pages, _CAP // _PAGE):
            data = self._call("flickr.photos.search", {**self._question(cell, permitted), "page": str(page)})
            found = rows(data, "photos", "photo")
            pages, total = int(number(data, "photos", "pages") or 0), int(number(data, "photos", "total") or 0)
            if total > _CAP and most is None:
                return Listing(self._photos(found), complete=False, more=True)
            read = self._photos(found)
            unusable += len(found) - len(read)
            photos |= {photo.id: photo for photo in read}
            if not found or (most is not None and len(photos) >= most):
                break
            page += 1
        enough = most is not None and len(photos) >= most
        return Listing(list(photos.values()), enough or total <= _CAP, unusable=unusable)

    def renew(self, photo: Listed) -> str | None:
        """Addresses last."""
        return None

    def _question(self, cell: Cell, permitted: str) -> dict[str, str]:
        asked = {
            "has_geo": "1",
            "accuracy": "1",
            "content_type": "1",
            "media": "photos",
            "safe_search": "1",
            "license": permitted,
            "min_upload_date": str(_FIRST_S if cell.since_s is None else cell.since_s),
            "extras": ",".join(("geo", "owner_name", "license", "date_taken", *self._sizes)),
            "per_page": str(_PAGE),
        }
        if cell.box is not None:
            box = cell.box
            asked["bbox"] = ",".join(f"{side:.6f}" for side in (box.west, box.south, box.east, box.north))
        if cell.until_s is not None:
            asked["max_upload_date"] = str(cell.until_s)
        if self._wanted.query:
            asked["text"] = self._wanted.query
        return asked

    def _permitted(self) -> str:
        """Numbers of the licences that are taken. Flickr adds new ones now and then, so it is asked."""
        if not self._licences:
            known = rows(self._call("flickr.photos.licenses.getInfo", {}), "licenses", "license")
            self._licences = {text(one, "id"): licence(text(one, "name"), text(one, "url")) for one in known}
            if not self._licences:
                raise CollectError("flickr does not say which licences there are; nothing was asked for")
        return ",".join(name for name, one in self._licences.items() if one.kind in self._wanted.licences)

    def _call(self, method: str, parameters: dict[str, str]) -> Any:
        sent = {"method": method, "format": "json", "nojsoncallback": "1", **parameters}
        if self._key:
            sent["api_key"] = self._key.reveal()
        reply = self._client.ask(self._base, sent, post=True, later=_busy)
        if at(reply.data, "stat") != "ok":
            said = text(reply.data, "message") or json.dumps(reply.data)[:100]
            raise CollectError(f"flickr refuses {method}: {self._key.masked(said) if self._key else said}")
        return reply.data

    def _photos(self, found: list[Any]) -> list[Listed]:
        return [photo for one in found if (photo := self._photo(one))]

    def _photo(self, one: Any) -> Listed | None:
        name, owner = text(one, "id"), text(one, "owner")
        url = next((href for size in self._sizes if (href := text(one, size))), "")
        where = place(number(one, "latitude"), number(one, "longitude"))
        if not (name.isascii() and name.isdigit() and url and where):
            return None
        level = number(one, "accuracy")
        known = text(one, "datetakenunknown") in ("", "0") and text(one, "datetakengranularity") in ("", "0")
        return Listed(
            id=name,
            url=url,
            licence=self._licences.get(text(one, "license"), licence("")),
            page=f"https://www.flickr.com/photos/{owner}/{name}" if owner.replace("@", "").isalnum() else "",
            position=where,
            author=text(one, "ownername"),
            title=text(one, "title"),
            time=moment(text(one, "datetaken")) if known else None,
            accuracy_m=None if not level else _metres(int(level)),
        )


def _metres(level: int) -> float:
    return _LEVEL_M.get(min(level, 16), 1000.0 * 2.0 ** (11 - max(1, min(level, 11))))


def _busy(reply: Reply) -> bool:
    return at(reply.data, "stat") == "fail" and number(reply.data, "code") in _BUSY

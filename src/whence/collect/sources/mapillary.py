"""Mapillary: street pictures, with a token (API v4, https://www.mapillary.com/developer/api-documentation).

A box of less than 0.01 square degrees gives at most 2,000 pictures and no further pages; too heavy a question is
answered by an error that asks to reduce it. Addresses of pictures expire after a while. All are CC BY-SA 4.0.
"""

from __future__ import annotations

from typing import Any, ClassVar

from whence.collect.areas import Cell
from whence.collect.http import Client, Reply
from whence.collect.keys import Secret
from whence.collect.licences import licence
from whence.collect.source import Listed, Listing, Wanted
from whence.collect.sources.reading import at, bearing, moment_ms, number, point, rows, text

_CAP = 2000
_AREA = 0.01
"""Square degrees, which a box must stay below."""
_LICENCE = licence("", "https://creativecommons.org/licenses/by-sa/4.0/")
_SIZES = {256: "thumb_256_url", 1024: "thumb_1024_url", 2048: "thumb_2048_url"}
_FIELDS = (
    "id",
    "geometry",
    "computed_geometry",
    "compass_angle",
    "computed_compass_angle",
    "captured_at",
    "sequence",
    "creator",
    "is_pano",
)


class Mapillary:
    """Flat pictures; full panoramas are left out, for they have no direction of view."""

    base: ClassVar[str] = "https://graph.mapillary.com"
    key_name: ClassVar[str] = "mapillary"
    key_help: ClassVar[str] = "a client token from www.mapillary.com/dashboard/developers"
    per_second: ClassVar[float] = 4.0
    varies: ClassVar[bool] = False
    by_time: ClassVar[bool] = False
    has_text: ClassVar[bool] = False

    def __init__(self, client: Client, base: str, key: Secret | None, wanted: Wanted) -> None:
        self._client, self._base, self._key = client, base.rstrip("/"), key
        self._size = next((name for side, name in _SIZES.items() if side >= wanted.size_px), "thumb_original_url")

    def search(self, cell: Cell, most: int | None) -> Listing:
        """Pictures of a box."""
        box = cell.bounds
        if (box.north - box.south) * (box.east - box.west) >= _AREA:
            return Listing(complete=False)
        reply = self._ask(
            "images",
            {
                "bbox": ",".join(f"{side:.7f}" for side in (box.west, box.south, box.east, box.north)),
                "limit": str(_CAP),
                "fields": ",".join((*_FIELDS, self._size)),
            },
            bear=_too_much,
        )
        if _too_much(reply):
            return Listing(complete=False)
        images = rows(reply.data, "data")
        flat = [image for image in images if at(image, "is_pano") is not True]
        photos = [photo for image in flat if (photo := self._photo(image))]
        return Listing(photos, len(images) < _CAP, unusable=len(flat) - len(photos))

    def renew(self, photo: Listed) -> str | None:
        """The address that is good now."""
        return text(self._ask(photo.id, {"fields": f"id,{self._size}"}).data, self._size) or None

    def _ask(self, path: str, parameters: dict[str, str], bear: Any = lambda reply: False) -> Reply:
        headers = {"Authorization": f"OAuth {self._key.reveal()}"} if self._key else {}
        return self._client.ask(f"{self._base}/{path}", parameters, headers=headers, bear=bear)

    def _photo(self, image: Any) -> Listed | None:
        name, url = text(image, "id"), text(image, self._size)
        computed = point(image, "computed_geometry")
        where = computed or point(image, "geometry")
        if not (name.isascii() and name.isdigit() and url and where):
            return None
        heading = bearing(image, "computed_compass_angle")
        return Listed(
            id=name,
            url=url,
            licence=_LICENCE,
            page=f"https://www.mapillary.com/app/?pKey={name}",
            position=where,
            author=text(image, "creator", "username"),
            heading_deg=bearing(image, "compass_angle") if heading is None else heading,
            time=moment_ms(number(image, "captured_at")),
            group=text(image, "sequence"),
        )


def _too_much(reply: Reply) -> bool:
    """Whether the service found the question too heavy: HTTP 500, but not to be repeated."""
    return reply.status in (400, 500) and "reduce the amount" in text(reply.data, "error", "message").lower()

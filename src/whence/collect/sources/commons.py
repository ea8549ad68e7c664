"""Wikimedia Commons: photos and paintings, by place or by text (the MediaWiki interface).

Places are asked by ``geosearch`` (https://www.mediawiki.org/wiki/Extension:GeoData): boxes of at most 400 square
kilometres and at least 100 square metres, 500 results and no further pages. Its primary coordinates are where the
camera stood; where only the subject's position is known, that is a secondary one, and not taken. Text is asked by
``search`` with CirrusSearch, which gives the first 10,000 results.
"""

from __future__ import annotations

from typing import Any, ClassVar
from urllib.parse import quote

from whence.collect.areas import Box, Cell
from whence.collect.http import Client, Reply
from whence.collect.keys import Secret
from whence.collect.licences import licence
from whence.collect.source import Listed, Listing, Wanted
from whence.collect.sources.reading import at, moment, number, place, rows, text, words
from whence.errors import CollectError
from whence.geo.distance import offset
from whence.types import LatLon

_CAP = 500
_TEXT_CAP = 10_000
_TEXT_PAGE = 50
_AREA_M2 = 4 * 10_000.0**2
_SMALLEST_M2 = 100.0
_FILES = "6"
"""Number of the namespace that files are in."""
_PHOTOS = ("image/jpeg", "image/png", "image/webp", "image/tiff")
_WIDTHS = (250, 330, 500, 960, 1280, 1920, 3840)
"""Pixels. Pictures are kept ready in these widths; others cost the servers work, and are given sparingly."""
_ROUNDS = 500
"""Answers to one question; a continuation that never ends is cut off."""
_BUSY = ("maxlag", "ratelimited", "readonly", "internal_api_error_DBQueryTimeoutError")


class Commons:
    """Files of Wikimedia Commons, or of another MediaWiki by ``--base``."""

    base: ClassVar[str] = "https://commons.wikimedia.org/w/api.php"
    key_name: ClassVar[str] = ""
    key_help: ClassVar[str] = ""
    per_second: ClassVar[float] = 1.0
    varies: ClassVar[bool] = False
    by_time: ClassVar[bool] = False
    has_text: ClassVar[bool] = True

    def __init__(self, client: Client, base: str, key: Secret | None, wanted: Wanted) -> None:
        self._client, self._base, self._wanted = client, base, wanted

    def search(self, cell: Cell, most: int | None) -> Listing:
        """Files of a box, those that a text finds, or both."""
        if self._wanted.query:
            return self._found(cell.box, most)
        bounds = cell.bounds
        height, width = bounds.size_m
        if height * width >= 0.98 * _AREA_M2:  # the service measures on its own sphere
            return Listing(complete=False)
        box = _at_least(bounds)
        asked = {
            "generator": "geosearch",
            "ggsbbox": "|".join(f"{side:.7f}" for side in (box.north, box.west, box.south, box.east)),
            "ggslimit": str(_CAP),
            "ggsnamespace": _FILES,
            "ggsprimary": "primary",
        }
        pages, _ = self._pages(asked, None)
        return self._listing(pages, len(pages) < _CAP)

    def renew(self, photo: Listed) -> str | None:
        """Addresses last."""
        return None

    def _found(self, box: Box | None, most: int | None) -> Listing:
        said = f"{self._wanted.query} filetype:bitmap"
        if box is not None:
            middle = box.middle
            corner_m = max(offset(middle, LatLon(lat, box.west))[0] for lat in (box.south, box.north))
            said += f" nearcoord:{corner_m / 1000 + 0.01:.2f}km,{middle.lat:.6f},{middle.lon:.6f}"
        asked = {
            "generator": "search",
            "gsrsearch": said,
            "gsrnamespace": _FILES,
            "gsrlimit": str(_TEXT_PAGE),
            "gsrinfo": "totalhits",
        }
        pages, total = self._pages(asked, most)
        return self._listing(pages, total <= _TEXT_CAP or most is not None)

    def _listing(self, pages: list[Any], complete: bool) -> Listing:
        photos = [photo for page in pages if (photo := self._photo(page))]
        return Listing(photos, complete, unusable=len(pages) - len(photos))

    def _pages(self, asked: dict[str, str], most: int | None) -> tuple[list[Any], int]:
        """Pages with all their properties, put together from however many answers they come in; and how many hits."""
        fixed = {
            "action": "query",
            "format": "json",
            "formatversion": "2",
            "maxlag": "5",
            "prop": "imageinfo|coordinates",
            "iiprop": "url|size|mime|extmetadata",
            "iiextmetadatafilter": "Artist|Credit|LicenseShortName|LicenseUrl|DateTimeOriginal|ObjectName",
            "iiextmetadatalanguage": "en",
            "iiurlwidth": str(next((width for width in _WIDTHS if width >= self._wanted.size_px), _WIDTHS[-1])),
            "colimit": "500",
            "coprimary": "primary",
            **asked,
        }
        merged: dict[str, dict[str, Any]] = {}
        more: dict[str, str] = {}
        total = 0
        for _ in range(_ROUNDS):
            data = self._client.ask(self._base, {**fixed, **more}, later=_busy).data
            if at(data, "error") is not None:
                code = text(data, "error", "code")
                raise CollectError(f"commons refuses the question: {text(data, 'error', 'info') or code}")
            total = max(total, int(number(data, "query", "searchinfo", "totalhits") or 0))
            for page in rows(data, "query", "pages"):
                if isinstance(page, dict):
                    merged.setdefault(text(page, "pageid"), {}).update(page)
            following = at(data, "continue")
            whole = at(data, "batchcomplete") is True
            if not isinstance(following, dict) or (whole and most is not None and len(merged) >= most):
                break
            more = {str(name): str(value) for name, value in following.items()}
            if (number(more, "gsroffset") or 0) >= _TEXT_CAP:  # which would be an error
                break
        return list(merged.values()), total

    def _photo(self, page: Any) -> Listed | None:
        info = at(page, "imageinfo", 0)
        facts = at(info, "extmetadata")
        name = text(page, "pageid")
        # Very large files have thumbnails only; a thumbnail is never larger than the file.
        url = text(info, "thumburl") or text(info, "url")
        if not (name.isascii() and name.isdigit() and url) or at(info, "mime") not in _PHOTOS:
            return None
        title = text(page, "title")
        return Listed(
            id=name,
            url=url,
            licence=licence(words(at(facts, "LicenseShortName", "value")), text(facts, "LicenseUrl", "value")),
            page=text(info, "descriptionurl") or f"https://commons.wikimedia.org/wiki/{quote(title.replace(' ', '_'))}",
            position=place(number(page, "coordinates", 0, "lat"), number(page, "coordinates", 0, "lon")),
            author=words(at(facts, "Artist", "value")) or words(at(facts, "Credit", "value")),
            title=words(at(facts, "ObjectName", "value")) or title.removeprefix("File:"),
            time=moment(words(at(facts, "DateTimeOriginal", "value"))),
        )


def _at_least(box: Box) -> Box:
    """The box, or one around it that is large enough to be asked for; what lies outside is dropped anyway."""
    height, width = box.size_m
    return box if height * width > 1.1 * _SMALLEST_M2 else Box.around(box.middle, 12.0)


def _busy(reply: Reply) -> bool:
    return text(reply.data, "error", "code") in _BUSY

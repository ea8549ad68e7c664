"""Panoramax: free street pictures of many publishers, found through one catalogue without a key.

A STAC interface: https://docs.panoramax.fr. Numbers of results are not told; one follows the link named ``next`` where
there is one, and cuts the box where an answer is as long as it may be.
"""

from __future__ import annotations

from typing import Any, ClassVar
from urllib.parse import urljoin

from whence.collect.areas import Cell
from whence.collect.http import Client
from whence.collect.keys import Secret
from whence.collect.licences import Licence, licence
from whence.collect.source import Listed, Listing, Wanted
from whence.collect.sources.reading import at, bearing, moment, number, point, rows, text

_PAGE = 1000
_PAGES = 20
"""Of one box; a link named ``next`` that never ends is cut off here, and the box in two."""
_SMALL_PX = 2048
"""Longest side of the smaller size."""


class Panoramax:
    """Flat pictures of the federated catalogue, or of one instance by ``--base``; full panoramas are left out."""

    base: ClassVar[str] = "https://api.panoramax.xyz/api"
    key_name: ClassVar[str] = ""
    key_help: ClassVar[str] = ""
    per_second: ClassVar[float] = 2.0
    varies: ClassVar[bool] = False
    by_time: ClassVar[bool] = False
    has_text: ClassVar[bool] = False

    def __init__(self, client: Client, base: str, key: Secret | None, wanted: Wanted) -> None:
        self._client, self._search, self._wanted = client, f"{base.rstrip('/')}/search", wanted

    def search(self, cell: Cell, most: int | None) -> Listing:
        """Photos of a box, page by page."""
        box = cell.bounds
        corners = ",".join(f"{side:.7f}" for side in (box.west, box.south, box.east, box.north))
        url, parameters = self._search, {"bbox": corners, "limit": str(_PAGE)}
        photos: list[Listed] = []
        unusable = 0
        for _ in range(_PAGES):
            data = self._client.ask(url, parameters).data
            features = rows(data, "features")
            flat = [feature for feature in features if not _is_panorama(feature)]
            found = [photo for feature in flat if (photo := self._photo(feature))]
            photos += found
            unusable += len(flat) - len(found)
            if most is not None and len(photos) >= most:
                return Listing(photos, unusable=unusable)
            following = next((text(link, "href") for link in rows(data, "links") if at(link, "rel") == "next"), "")
            if not following or not features:
                return Listing(photos, len(features) < _PAGE or bool(following), unusable=unusable)
            url, parameters = urljoin(self._search, following), {}
        return Listing(photos, complete=False, unusable=unusable)

    def renew(self, photo: Listed) -> str | None:
        """Addresses last."""
        return None

    def _photo(self, feature: Any) -> Listed | None:
        said, assets = at(feature, "properties"), at(feature, "assets")
        size = ("sd", "hd") if self._wanted.size_px <= _SMALL_PX else ("hd", "sd")
        url = next((href for name in size if (href := text(assets, name, "href"))), "")
        name, where = text(feature, "id"), point(feature, "geometry")
        if not (url and name and where):
            return None
        error = number(said, "quality:horizontal_accuracy")
        return Listed(
            id=name,
            url=urljoin(self._search, url),
            licence=_licence(feature),
            page=f"https://api.panoramax.xyz/?focus=pic&pic={name}",
            position=where,
            author=_author(feature),
            heading_deg=bearing(said, "view:azimuth"),
            time=moment(text(said, "datetimetz") or text(said, "datetime")),
            accuracy_m=error if error is not None and error >= 0 else None,
            group=text(feature, "collection"),
        )


def _is_panorama(feature: Any) -> bool:
    return (number(feature, "properties", "pers:interior_orientation", "field_of_view") or 0) >= 360


def _author(feature: Any) -> str:
    named = [text(one, "name") for one in rows(feature, "providers") if "producer" in rows(one, "roles")]
    return ", ".join(filter(None, named)) or text(feature, "properties", "geovisio:producer")


def _licence(feature: Any) -> Licence:
    link = next((text(one, "href") for one in rows(feature, "links") if at(one, "rel") == "license"), "")
    return licence(text(feature, "properties", "license"), link)

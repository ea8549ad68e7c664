"""Runs against the services of the tests, in a hurry."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from servers import flickr, mapillary
from servers.commons import CommonsServer
from servers.flickr import FlickrServer
from servers.mapillary import MapillaryServer
from servers.panoramax import PanoramaxServer
from servers.service import SOUTH, STEP, WEST, Service, Shot

from whence.collect.areas import Box
from whence.collect.collecting import CollectReport, collect
from whence.collect.pacing import Pace
from whence.collect.request import Area

HURRY = Pace(tries=4, first_s=0.01, longest_s=0.05, patience_s=5.0)


@dataclass(frozen=True, slots=True)
class Kind:
    """A service and what is special about it.

    Attributes:
        server: Makes one.
        free: How it says CC BY-SA, or Mapillary nothing.
        reserved: A licence that is not taken by default; empty where there is none.
        key: Variable and value.
        cap: Results of one question.
        capped: Makes a server that gives no more.
    """

    server: Callable[..., Service]
    free: str
    reserved: str
    key: tuple[str, str] | None
    cap: int
    capped: Callable[[list[Shot]], Service]


def _without_links(given: list[Shot]) -> Service:
    made = PanoramaxServer(given)
    made.links = False
    return made


KINDS = {
    "panoramax": Kind(PanoramaxServer, "CC-BY-SA-4.0", "CC-BY-NC-4.0", None, 1000, _without_links),
    "mapillary": Kind(MapillaryServer, "", "", ("WHENCE_MAPILLARY_KEY", mapillary.TOKEN), 2000, MapillaryServer),
    "flickr": Kind(FlickrServer, "5", "0", ("WHENCE_FLICKR_KEY", flickr.KEY), 4000, FlickrServer),
    "commons": Kind(CommonsServer, "cc-by-sa", "cc-by-nc", None, 500, CommonsServer),
}


def licensed(name: str, given: list[Shot]) -> list[Shot]:
    """The same photos, free in the words of a service."""
    return [replace(shot, licence=KINDS[name].free) for shot in given]


def arm(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Puts the key of a service into the environment."""
    if (key := KINDS[name].key) is not None:
        monkeypatch.setenv(*key)


def grid(rows: float, columns: float) -> Area:
    """A box around the first photos of `shots`."""
    edge = STEP / 4
    return Area(Box(SOUTH - edge, WEST - edge, SOUTH + STEP * (rows - 1) + edge, WEST + STEP * (columns - 1) + edge))


def corners(rows: float, columns: float) -> str:
    """The same box for a command line."""
    box = grid(rows, columns).box
    assert box is not None
    return f"{box.south},{box.west},{box.north},{box.east}"


def run(name: str, server: Service, out: Path, area: Area | list[Area], **options: Any) -> CollectReport:
    """A run in a hurry."""
    areas = area if isinstance(area, list) else [area]
    chosen: dict[str, Any] = {"base": server.base, "per_second": 1000.0, "pace": HURRY, **options}
    return collect(name, areas, out, **chosen)


def table(path: Path) -> list[dict[str, str]]:
    """Rows of a CSV."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def ids(path: Path) -> list[str]:
    """Of a CSV."""
    return [row["id"] for row in table(path)]

"""A made country with regions that look different: what direct answers can be learned from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from samples import textured, write_table
from whence.recipes import SECTIONS, Recipe
from whence.types import XY, Image, LatLon, Photo

CENTRES = {"coast": (43.5, 16.4), "plain": (46.9, 19.2), "hills": (45.2, 14.6)}
COLOURS = {"coast": (70, 120, 230), "plain": (220, 200, 60), "hills": (40, 140, 60)}
_GROUP = 4
SIZE = (96, 72)


def picture(region: str, seed: int) -> Image:
    """Corners of any kind in the region's colour."""
    tint = np.array(COLOURS[region], np.float64)
    mixed = 0.45 * textured(seed, *SIZE) + 0.55 * tint
    return np.clip(mixed, 0, 255).astype(np.uint8)


def spot(region: str, place: int, metric: bool = False) -> LatLon | XY:
    """Where a place of a region is: within some 15 km of its centre."""
    lat, lon = CENTRES[region]
    north, east = np.random.default_rng([place, len(region)]).uniform(-0.15, 0.15, 2).tolist()
    if metric:
        return XY(1000 * (lon + east - 16), 1000 * (lat + north - 45))
    return LatLon(lat + north, lon + east)


def write_regions(folder: Path, places: int = 6, first: int = 0, metric: bool = False) -> Path:
    """Photos of some places in each region, four of each place, and a table of them."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for region in CENTRES:
        for place in range(first, first + places):
            where = spot(region, place, metric)
            pair = (where.lat, where.lon) if isinstance(where, LatLon) else (where.x, where.y)
            for view in range(_GROUP):
                name = f"{region}-{place:02d}-{view}.png"
                pixels = picture(region, 100 * place + 10 * len(region) + view)
                cv2.imwrite(str(folder / name), cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
                rows.append((name, *(f"{value:.6f}" for value in pair), f"{region}-{place}", region))
    columns = ("x", "y") if metric else ("lat", "lon")
    return write_table(folder / "photos.csv", rows, ("path", *columns, "group", "label"))


def photos(places: int = 6, metric: bool = False) -> list[Photo]:
    """The same without files."""

    def photo(region: str, place: int, view: int) -> Photo:
        path = Path(f"{region}/{place}-{view}.png")
        return Photo(path, "x", spot(region, place, metric), group=f"{region}-{place}", label=region)

    return [photo(region, place, view) for region in CENTRES for place in range(places) for view in range(_GROUP)]


def recipe(target: dict[str, Any], estimate: dict[str, Any], describe: str = "scene", **train: Any) -> Recipe:
    """With these sections."""
    sections: dict[str, dict[str, Any]] = {name: {} for name in SECTIONS}
    sections |= {"target": target, "estimate": estimate, "train": train}
    if describe:
        sections["describe"] = {"method": describe}
    return Recipe("made", "", sections)

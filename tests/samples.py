"""Pictures, worlds and command lines that several tests share."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from whence.types import XY, Image, LatLon
from whence.worlds import Town, View, elsewhere, write_photo

SIZE = (360, 270)
SPACING_M = 18.0
GRID_DEG = 0.001
"""Between neighbouring photos of `write_photos`: about 111 m to the north."""


@dataclass(frozen=True, slots=True)
class World:
    """A rendered town whose truth is known.

    Attributes:
        photos: Folder with positions in EXIF.
        table: CSV beside them: the same photos with x, y in metres and their group.
        queries: Folder of other photos of the town, without positions.
        truth: Where each of them was taken, by name.
        plan_truth: The same in metres on the plan.
        strangers: Folder of photos of another town.
        gallery: Indexed from ``photos``; not to be written to.
        plan: Indexed from ``table``; not to be written to.
    """

    photos: Path
    table: Path
    queries: Path
    truth: dict[str, LatLon]
    plan_truth: dict[str, XY]
    strangers: Path
    gallery: Path
    plan: Path


def write_world(folder: Path) -> World:
    """Renders the town; the galleries are named but not yet there."""
    world = World(
        folder / "photos",
        folder / "photos" / "plan.csv",
        folder / "queries",
        {},
        {},
        folder / "strangers",
        folder / "gallery",
        folder / "plan",
    )
    for part in (world.photos, world.queries, world.strangers):
        part.mkdir(parents=True)
    town, rows = Town(5, (1, 1)), []
    for number, view in enumerate(town.survey(SPACING_M)):
        name = f"photo-{number:02d}.jpg"
        write_photo(world.photos / name, town.render(view, *SIZE), town.geolocate(view), view.heading_deg, view.time)
        rows.append((name, f"{view.x:.3f}", f"{view.y:.3f}", view.place))
    with world.table.open("w", newline="", encoding="utf-8") as table:
        csv.writer(table).writerows([("path", "x", "y", "group"), *rows])
    for number, view in enumerate(_daylight(town.queries(18, spacing_m=SPACING_M))):
        name = f"query-{number:02d}.jpg"
        write_photo(world.queries / name, town.render(view, *SIZE))
        world.truth[name] = town.geolocate(view)
        world.plan_truth[name] = XY(view.x, view.y)
    for number, (other, view) in enumerate(elsewhere(3)):
        write_photo(world.strangers / f"stranger-{number}.jpg", other.render(view, *SIZE))
    return world


def _daylight(views: list[View]) -> list[View]:
    """By dusk even people would have to guess."""
    return [view for view in views if view.light.glow < 0.5][:12]


def textured(seed: int = 0, width: int = 240, height: int = 180) -> Image:
    """A picture full of corners, another one for each seed."""
    rng = np.random.default_rng(seed)
    pixels = np.full((height, width, 3), 128, np.uint8)
    for _ in range(width * height // 300):
        corners = rng.integers((0, 0), (width, height), (1, 2)) + rng.integers(-14, 15, (4, 2))
        colour = [int(part) for part in rng.integers(0, 256, 3)]
        cv2.fillConvexPoly(pixels, cv2.convexHull(corners.astype(np.int32)), colour)
    return pixels


def blank(width: int = 240, height: int = 180) -> Image:
    """A picture without texture."""
    return np.full((height, width, 3), 120, np.uint8)


def place(number: int) -> LatLon:
    """Where the photo of that number was taken."""
    return LatLon(50 + GRID_DEG * number, 10.0)


def write_photos(folder: Path, count: int, first: int = 0) -> Path:
    """A folder with textured photos, each at its own place."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(first, first + count):
        write_photo(folder / f"{number:02d}.jpg", textured(number), place(number))
    return folder


def write_table(path: Path, rows: Sequence[tuple[str, ...]], header: tuple[str, ...] = ("path", "lat", "lon")) -> Path:
    """A CSV file."""
    with path.open("w", newline="", encoding="utf-8") as table:
        csv.writer(table).writerows([header, *rows])
    return path


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a command.

    Attributes:
        code: Exit status.
        out: Everything on stdout, of libraries too.
        err: Everything on stderr, of libraries too.
    """

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        """Lines on stderr."""
        return self.err.splitlines()

    @property
    def answers(self) -> list[dict[str, Any]]:
        """JSON lines on stdout; anything else there is an error."""
        return [json.loads(line) for line in self.out.splitlines()]


Run = Callable[..., Done]
"""``run("info", folder)``: a command in this process."""

"""A small set of which everything is known: textured walls, photographed with a shift."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PIL import Image

import whence
from samples import textured, write_table

PLACES, ASKED, STRANGERS = 8, 6, 2
APART_M, TOLERANCE_M = 50.0, 5.0
HEADER = ("path", "x", "y", "group", "label")


@dataclass(frozen=True, slots=True)
class Scene:
    """A database of two photos of each of eight walls, 50 m apart; six of them asked for, and two of elsewhere.

    Attributes:
        folder: Of all that follows.
        table: CSV of the database: x, y in metres, group, label.
        queries: CSV of the queries; those of elsewhere have no position.
        gallery: Indexed from ``table``; not to be written to.
    """

    folder: Path
    table: Path
    queries: Path
    gallery: Path

    @property
    def rows(self) -> list[tuple[str, ...]]:
        """Of the database, with absolute paths."""
        return [(str(self.folder / name), *rest) for name, *rest in database_rows()]


def database_rows() -> list[tuple[str, ...]]:
    """Path, x, y, group and label."""
    return [
        (f"db/{place}-{view}.jpg", str(APART_M * place + view), "0", f"wall{place}", "odd" if place % 2 else "even")
        for place in range(PLACES)
        for view in range(2)
    ]


def view(path: Path, seed: int, left: int, top: int) -> None:
    """A photo of a wall, from a little to the right and below."""
    path.parent.mkdir(exist_ok=True)
    wall = textured(seed, 330, 250)
    Image.fromarray(wall[top : top + 180, left : left + 240]).save(path, quality=92)


def write_scene(folder: Path) -> Scene:
    """Writes and indexes it."""
    for place in range(PLACES):
        view(folder / "db" / f"{place}-0.jpg", place, 0, 0)
        view(folder / "db" / f"{place}-1.jpg", place, 60, 40)
    asked = []
    for place in range(ASKED + STRANGERS):
        known = place < ASKED
        view(folder / "asked" / f"{place}.jpg", place if known else 100 + place, 30, 50)
        there = (f"{APART_M * place + 0.5}", "0", f"asked{place}") if known else ("", "", "")
        asked.append((f"asked/{place}.jpg", *there, ("odd" if place % 2 else "even") if known else ""))
    table = write_table(folder / "db.csv", database_rows(), HEADER)
    queries = write_table(folder / "queries.csv", asked, HEADER)
    whence.index(table, folder / "gallery", tolerance_m=TOLERANCE_M)
    return Scene(folder, table, queries, folder / "gallery")

"""Every data set layout in miniature: a few textured pictures, named and listed as the real ones are."""

from __future__ import annotations

import bz2
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from samples import place, textured, write_photos, write_table
from whence.types import XY, LatLon, Position
from whence.worlds import write_photo

FRANCISCO = LatLon(37.70098, -122.49646)
"""Where the first of `utm_name` was taken."""
STEP_DEG = 0.000901
"""100 m to the north."""


@dataclass(frozen=True, slots=True)
class Miniature:
    """A data set that was written.

    Attributes:
        root: Its folder, or its table.
        database: Part to index; None if there is but one.
        queries: Part to locate.
        truth: Where the queries were taken, by their path below the root.
        known: Positions that the database part must give, in order.
    """

    root: Path
    database: str | None
    queries: str | None
    truth: dict[str, Position]
    known: list[Position | None]


def utm_name(number: int) -> str:
    """A name as those of SF-XL; the next number is 100 m further north."""
    north, lat = 4172758.25 + 100 * number, f"{FRANCISCO.lat + number * STEP_DEG:09.5f}"
    return f"@0544388.51@{north:.2f}@10@S@{lat}@-122.49646@pano{number}@@210@@@@20160601@@.jpg"


def line_name(number: int) -> str:
    """A name as those of Nordland: metres on a line, no zone."""
    return f"@0@{100.0 * number:07.1f}@@@@@{number}@@@@@@@@.jpg"


def save(path: Path, number: int, *, query: bool = False, position: LatLon | None = None) -> None:
    """The picture of that number; a query shows a little less of it, more darkly."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = textured(number)
    write_photo(path, (pixels[6:, 9:] // 4 * 3) if query else pixels, position)


def write_utm(root: Path, name: Callable[[int], str] = utm_name, database: str = "database") -> Miniature:
    """A test part with three photos and queries in two lights; a train part that must not get in."""
    for number in range(3):
        save(root / "images" / "test" / database / name(number), number)
    save(root / "images" / "test" / "queries" / name(1), 1, query=True)
    save(root / "images" / "test" / "queries_night" / "deeper" / name(2), 2, query=True)
    save(root / "images" / "train" / "database" / name(7), 7)
    truth: Position = LatLon(FRANCISCO.lat + STEP_DEG, FRANCISCO.lon)
    if name is line_name:
        truth = XY(0, 100)
    return Miniature(root, f"test/{database}", "test/queries", {f"images/test/queries/{name(1)}": truth}, [])


def write_comp90086(root: Path) -> Miniature:
    """Two positions with two views each, in a table with a byte order mark."""
    rows = [(f"IMG{place}_{view}", f"{10.5 * place}", f"{-3 * place}") for place in (1, 2) for view in (1, 2)]
    for number, (name, _, _) in enumerate(rows):
        save(root / "train" / f"{name}.jpg", number)
    lines = ["id,x,y", *(",".join(row) for row in rows)]
    (root / "train.csv").write_text("\n".join(lines) + "\n", encoding="utf-8-sig")
    save(root / "test" / "IMG9_1.jpg", 2, query=True)
    (root / "test.csv").write_text("id\nIMG9_1\n", encoding="utf-8-sig")
    known: list[Position | None] = [XY(10.5, -3), XY(10.5, -3), XY(21, -6), XY(21, -6)]
    return Miniature(root, "train", "test", {"test/IMG9_1.jpg": XY(21, -6)}, known)


def write_venice(root: Path) -> Miniature:
    """Three photos, two under one pin; queries in a list of their own."""
    pins = [(45.434011, 12.33923), (45.434011, 12.33923), (45.431, 12.336)]
    for number in range(3):
        save(root / "images" / f"{number}.jpg", number)
    rows = [f"{lat},{lon},{number}.jpg" for number, (lat, lon) in enumerate(pins)]
    (root / "labels.txt").write_text("\n".join(rows) + "\n")
    save(root / "images" / "92.jpg", 2, query=True)
    (root / "asked.txt").write_text("45.431,12.336,92.jpg\n")
    known: list[Position | None] = [LatLon(*pin) for pin in pins]
    return Miniature(root, "labels", "asked", {"images/92.jpg": LatLon(*pins[2])}, known)


def write_gardens(root: Path) -> Miniature:
    """Three walks of four frames."""
    for number in range(4):
        save(root / "day_left" / f"Image{number:03d}.jpg", number)
        save(root / "day_right" / f"Image{number:03d}.jpg", number, query=True)
        save(root / "night_right" / f"Image{number:03d}.jpg", number, query=True)
    truth: dict[str, Position] = {f"day_right/Image{number:03d}.jpg": XY(number, 0) for number in range(4)}
    return Miniature(root, "day_left", "day_right", truth, [XY(number, 0) for number in range(4)])


def write_classes(root: Path) -> Miniature:
    """Two cities and their places in a table; one photo has GPS of its own."""
    save(root / "train" / "Paris" / "0.jpg", 0)
    save(root / "train" / "Paris" / "old" / "1.jpg", 1, position=place(1))
    save(root / "train" / "New_York" / "2.jpg", 2)
    save(root / "test" / "New_York" / "3.jpg", 2, query=True)
    write_table(
        root / "places.csv",
        [("paris", "48.85", "2.35", "15000"), ("New_York", "40.7", "-74.0", "")],
        ("name", "lat", "lon", "radius_m"),
    )
    return Miniature(root, "train", "test", {"test/New_York/3.jpg": LatLon(40.7, -74.0)}, [None, None, None])


def write_placing(root: Path) -> Miniature:
    """Two pictures of three, by id and by hash, in compressed lists as they are handed out."""
    digest = [f"{number:x}" * 31 for number in (1, 2, 3, 4)]
    save(root / "images" / "1" / "23456781.jpg", 1)
    save(root / "images" / "2" / digest[1], 2)
    save(root / "images" / "3" / "23456784.jpg", 2, query=True)
    train = [f"2345678{n}\t{digest[n - 1]}\t{10 + n}.5\t{50 + n}.25\t1:Town:X" for n in (1, 2, 3)]
    (root / "mediaeval2016_placing_train_photo.bz2").write_bytes(bz2.compress("\n".join(train).encode()))
    (root / "mediaeval2016_placing_test_photo").write_text(f"23456784\t{digest[3]}\n")
    return Miniature(
        root,
        "mediaeval2016_placing_train_photo",
        "mediaeval2016_placing_test_photo",
        {"images/3/23456784.jpg": LatLon(52.25, 12.5)},
        [LatLon(51.25, 11.5), LatLon(52.25, 12.5)],
    )


def write_folder(root: Path) -> Miniature:
    """Photos with GPS; queries are the same folder."""
    return Miniature(write_photos(root, 3), None, None, {}, [None, None, None])


def write_csv(root: Path) -> Miniature:
    """A table that names photos out of order, and one that is wrong."""
    write_photos(root, 3)
    rows: list[tuple[str, ...]] = [(f"{number:02d}.jpg", str(number), "2") for number in (2, 0, 95)]
    return Miniature(write_table(root / "t.csv", rows), None, None, {}, [LatLon(2, 2), LatLon(0, 2)])


MINIATURES: dict[str, Callable[[Path], Miniature]] = {
    "folder": write_folder,
    "csv": write_csv,
    "utm": write_utm,
    "comp90086": write_comp90086,
    "venice": write_venice,
    "gardens": write_gardens,
    "classes": write_classes,
    "placing": write_placing,
}
"""By the name of the source that reads it."""
